"""Durable ingest under an offered load, with presses in the middle of it.

Many sessions publish observations at QoS 1 at a fixed total rate, open loop. Stored is what is in the database after
the backlog was drained; sustained is the rate at which it arrived there. Presses go out at a few a second meanwhile.
"""

import asyncio
import time
from dataclasses import dataclass

import orjson

from bench.figures import Spread, cpu_by_name, spread
from bench.press import connection, open_loop
from lampkeep_sim.mqtt.connection import Connection, OnAck
from support.system import System

SESSIONS = 50
PRESS_RATE = 5.0
TICK_S = 0.01
DRAIN_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """`offered` and `stored` observations, seconds until all were stored, presses' spread, µs of CPU an observation."""

    offered: int
    acknowledged: int
    stored: int
    offered_rate: float
    stored_rate: float
    pressed: Spread
    generator: Spread
    cpu_us: dict[str, float]


async def flood(system: System, *, rate: float, seconds: float, homes: int, first_home: int) -> Flood:
    """Offer `rate` observations a second for `seconds` over `homes` motion sensors; press `first_home` onwards."""
    sessions = [await connection(system.broker.url, f"flood-{n}") for n in range(SESSIONS)]
    presser = await connection(system.broker.url, "flood-presser")
    acknowledged = 0

    def count(_: object) -> None:
        nonlocal acknowledged
        acknowledged += 1

    sent, first_id = 0, 10_000_000 * first_home

    def burst(n: int) -> None:
        nonlocal sent
        due = round((n + 1) * TICK_S * rate)
        while sent < due:
            _say(sessions[sent % SESSIONS], first_id + sent, sent % homes, count)
            sent += 1

    presses = round(seconds * PRESS_RATE)

    def press(n: int) -> None:
        pendant = f"pendant-{first_home + n:04}"
        body = {"v": 1, "id": f"flood-{first_home + n}", "type": "sos", "data": {}}
        presser.publish_nowait(f"lampkeep/v1/{pendant}/{pendant}/urgent", orjson.dumps(body))

    before, start = cpu_by_name(), time.monotonic()
    watching = asyncio.create_task(_drained(system, round(seconds * rate), start))
    (_, generator), (intended, _) = await asyncio.gather(
        open_loop(round(seconds / TICK_S), 1 / TICK_S, burst), open_loop(presses, PRESS_RATE, press)
    )
    stored, took = await watching
    after = cpu_by_name()
    for session in (*sessions, presser):
        session.disconnect()
    first: dict[str, float] = {}
    for call in system.told("worker", "step"):
        first.setdefault(call.body["alert"]["home_id"], call.at)
    came = [first[home] - intended[n] for n in range(presses) if (home := f"home-{first_home + n:04}") in first]
    return Flood(
        offered=sent,
        acknowledged=acknowledged,
        stored=stored,
        offered_rate=sent / seconds,
        stored_rate=stored / (took - start),
        pressed=spread(came, presses),
        generator=generator,
        cpu_us={name: 1e6 * (after[name] - before.get(name, 0)) / max(1, stored) for name in sorted(after)},
    )


def _say(session: Connection, n: int, home: int, count: OnAck) -> None:
    body = b'{"v":1,"id":"o%d","type":"motion","data":{"active":true},"battery":80}' % n
    device = f"pir-{home:04}"
    session.publish_nowait(f"lampkeep/v1/{device}/{device}/observation", body, on_ack=count)


async def _drained(system: System, expected: int, start: float) -> tuple[int, float]:
    """How many observations were stored, and when (monotonic) the last of them was; looks each 0.5 s, cheaply."""
    deadline = start + DRAIN_WITHIN_S + 600
    [before] = await system.rows("select count(*) as n from observations")
    already = await _stored(system)
    stored, at, quiet = 0, start, 0
    while time.monotonic() < deadline:
        await asyncio.sleep(0.5)
        # the metric, not a count over the table: counting a million rows twice a second would be measured too
        now = await _stored(system) - already
        if now > stored:
            stored, at, quiet = now, time.monotonic(), 0
        elif stored:
            quiet += 1
        if stored >= expected or quiet > 2 * DRAIN_WITHIN_S:
            break
    [after] = await system.rows("select count(*) as n from observations")
    return int(after["n"] - before["n"]), at


async def _stored(system: System) -> int:
    address = system.services["ingest"].env["LAMPKEEP_HTTP"]
    text = (await system.http.get(f"http://{address}/metrics")).text
    wanted = 'lampkeep_messages_total{lane="observation",result="stored"}'
    return next((int(float(line.split()[-1])) for line in text.splitlines() if line.startswith(wanted)), 0)
