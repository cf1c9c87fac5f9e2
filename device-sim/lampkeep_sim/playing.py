"""A recording on the air: every device of it with the session of its account."""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog

from lampkeep_sim.community import Community, DeviceSpec
from lampkeep_sim.fleet import Fleet
from lampkeep_sim.message import FIELDS, Message
from lampkeep_sim.recording import Rebase, Recorded, timed

log = structlog.get_logger()

RECORDING_PLAYED = "recording.played"


def specs(recording: Iterable[Recorded], community: Community | None) -> list[DeviceSpec]:
    """Return the devices of a recording: as the community has them, or else each its own account."""
    known = {device.device_id: device for device in community.devices()} if community else {}
    ids = dict.fromkeys(line.device_id for line in recording)
    return [known.get(one, DeviceSpec(device_id=one, kind="unknown", account=one)) for one in ids]


async def play(
    recording: list[Recorded], fleet: Fleet, *, speed: float, now: datetime, rebase: Rebase, id_prefix: str = ""
) -> int:
    """Send every line at its time, `speed` times as fast as recorded (0: without waiting); return how many.

    Rebased to its start and played faster than life, a recording would run ahead of the clock, so that each `at` is
    then the instant of sending.
    """
    loop = asyncio.get_running_loop()
    origin, sent = loop.time(), 0
    for after, line in timed(recording, now, rebase):
        due = origin + after.total_seconds() / speed if speed else 0.0
        if due > loop.time():
            await asyncio.sleep(due - loop.time())
        elif sent % 50 == 0:
            await asyncio.sleep(0)
        at = line.at
        if at is not None and rebase is Rebase.START and speed != 1:
            at = now + timedelta(seconds=loop.time() - origin)
        await _room(fleet, line.device_id)
        fleet.send(line.device_id, _message(line.moved(at, id_prefix)))
        sent += 1
    log.info(RECORDING_PLAYED, messages=sent)
    return sent


async def _room(fleet: Fleet, device_id: str) -> None:
    """Wait while a session holds many publishes: what is played fast must not push out what came before it."""
    while fleet.pending(device_id) > 500:  # noqa: ASYNC110 - half of what a session holds; a poll suffices
        await asyncio.sleep(0.01)


def _message(line: Recorded) -> Message:
    body = line.body
    extra = {key: value for key, value in body.items() if key not in FIELDS}
    return Message(
        message_id=line.message_id,
        type=line.type,
        at=line.at,
        battery=body.get("battery"),
        content=body.get("data") or {},
        extra=extra,
    )
