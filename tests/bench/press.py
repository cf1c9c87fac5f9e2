"""Press to first delivery, idle: ours and the floor's, in turns, open loop.

Send times are fixed beforehand; latency runs from the intended instant to the webhook being read by a stub on loopback.
Ours commits message, alert and notification before it tells; the floor commits message and intent.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson

from bench.figures import Spread, spread
from lampkeep_sim.mqtt.connection import Connection, Endpoint
from lampkeep_sim.mqtt.packets import Connect, Version
from support.desk import Desk, open_desk
from support.processes import run_process
from support.system import System

RATE = 25
"""Presses a second, as in the pilots that these figures are compared with."""

SETTLE_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One side's latencies and how late the generator itself was."""

    delivered: Spread
    generator: Spread


async def connection(mqtt_url: str, account: str) -> Connection:
    """A session of its own; what it receives is ignored."""

    def ignore(_: object) -> None:
        return None

    return await Connection.open(
        Endpoint.from_url(mqtt_url),
        Connect(client_id=f"bench-{account}", version=Version.V5, username=account, password=b"x"),
        on_publish=ignore,
        on_lost=ignore,
    )


async def open_loop(
    count: int, rate: float, send: Callable[[int], Awaitable[None] | None]
) -> tuple[list[float], Spread]:
    """Call `send(n)` at `start + n / rate`; gives the intended instants (monotonic) and the generator's lateness."""
    start = time.monotonic() + 0.1
    intended = [start + n / rate for n in range(count)]
    late = []
    for n, at in enumerate(intended):
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        late.append(time.monotonic() - at)
        result = send(n)
        if result is not None:
            await result
    return intended, spread(late, count)


async def ours(system: System, count: int, first_home: int) -> Round:
    """Press `count` pendants of homes that have no active alert."""
    device = await connection(system.broker.url, "presser")

    def press(n: int) -> None:
        pendant = f"pendant-{first_home + n:04}"
        body = {"v": 1, "id": f"bench-{n}", "type": "sos", "data": {}}
        device.publish_nowait(f"lampkeep/v1/{pendant}/{pendant}/urgent", orjson.dumps(body))

    intended, generator = await open_loop(count, RATE, press)
    await asyncio.sleep(SETTLE_S)
    device.disconnect()
    first: dict[str, float] = {}
    for call in system.told("worker", "step"):
        first.setdefault(call.body["alert"]["home_id"], call.at)
    samples = [first[home] - intended[n] for n in range(count) if (home := f"home-{first_home + n:04}") in first]
    return Round(delivered=spread(samples, count), generator=generator)


async def floor(database_url: str, mqtt_url: str, count: int) -> Round:
    """The same through the floor script."""
    port = mqtt_url.rpartition(":")[2]
    async with open_desk() as desk:
        command = (sys.executable, "-m", "bench.floor", database_url, port, f"{desk.url}/floor")
        async with run_process(*command, name="floor", env={"PYTHONPATH": "tests"}, ready_line="^ready$"):
            return await _floor(desk, mqtt_url, count)


async def _floor(desk: Desk, mqtt_url: str, count: int) -> Round:
    device = await connection(mqtt_url, "floor-presser")

    def press(n: int) -> None:
        device.publish_nowait("floor/press", orjson.dumps({"n": n}))

    intended, generator = await open_loop(count, RATE, press)
    await asyncio.sleep(SETTLE_S)
    device.disconnect()
    came = {call.body["n"]: call.at for call in desk.calls}
    samples = [came[n] - intended[n] for n in range(count) if n in came]
    return Round(delivered=spread(samples, count), generator=generator)
