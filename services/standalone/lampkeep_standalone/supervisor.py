"""Keeps parts running: whatever dies is started again, for ever, and all stop in order."""

import asyncio
import time
from itertools import groupby
from typing import Protocol

import structlog

PART_STARTED = "part.started"
PART_DIED = "part.died"
PART_START_FAILED = "part.start_failed"
PART_STOP_FAILED = "part.stop_failed"

PAUSES_S = (0.0, 0.1, 0.2, 0.4)
"""Before the first, second … restart of a part that keeps dying; the last one repeats. The contract gives 2 s until it
answers again, of which a service needs about one to start."""

SETTLED_AFTER_S = 10.0
"""A part that lived so long starts again at once: it is no crash loop."""

_log = structlog.get_logger()


class Part(Protocol):
    """Something that runs beside us: a service, the database, the broker."""

    @property
    def name(self) -> str:
        """How the logs call it."""
        ...

    @property
    def pid(self) -> int | None:
        """Its process id, None when it was never started."""
        ...

    async def start(self) -> object:
        """Start, or start again after its death; until others may rely on it. Raises StandaloneError, OSError."""
        ...

    async def exited(self) -> int:
        """Wait for its end; the answer is the exit code."""
        ...

    async def stop(self) -> object:
        """End it, firmly in the end; nothing happens where it has ended or was never started."""
        ...


def pause_before_restart(deaths: int) -> float:
    """Seconds to wait before a restart after `deaths` (1 …) deaths in a row."""
    return PAUSES_S[min(deaths, len(PAUSES_S)) - 1]


class Supervisor:
    """The parts, each watched by a task of its own."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._parts: list[tuple[int, Part]] = []
        self._watchers: list[asyncio.Task[None]] = []
        self.last_exit: dict[str, int] = {}

    async def start(self, part: Part, *, tier: int) -> None:
        """Start `part` and keep it running. Parts of a higher tier stop first. Raises what its start raises."""
        self._parts.append((tier, part))
        await part.start()
        _log.info(PART_STARTED, part=part.name, pid=part.pid)
        self._watchers.append(asyncio.create_task(self._keep(part), name=f"watch {part.name}"))

    async def stop(self) -> None:
        """Stop everything, tier by tier from the highest, the parts of one tier together."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        in_order = sorted(self._parts, key=lambda entry: -entry[0])
        for _, tier in groupby(in_order, key=lambda entry: entry[0]):
            await asyncio.gather(*(self._stop(part) for _, part in tier))
        self._parts.clear()

    async def _stop(self, part: Part) -> None:
        try:
            await part.stop()
        except Exception as error:  # noqa: BLE001 - the others are stopped all the same
            _log.error(PART_STOP_FAILED, part=part.name, error=str(error))

    async def _keep(self, part: Part) -> None:
        deaths, since = 0, time.monotonic()
        while True:
            code = await part.exited()
            self.last_exit[part.name] = code
            lived_s = time.monotonic() - since
            deaths = 1 if lived_s >= SETTLED_AFTER_S else deaths + 1
            _log.warning(PART_DIED, part=part.name, exit_code=code, lived_s=round(lived_s, 1), deaths=deaths)
            await asyncio.sleep(pause_before_restart(deaths))
            since = time.monotonic()
            await self._start_again(part)

    async def _start_again(self, part: Part) -> None:
        """A failed start is logged; `exited` then answers at once, and the next turn tries again."""
        try:
            await part.start()
        except Exception as error:  # noqa: BLE001 - whatever it is, the watching goes on
            _log.error(PART_START_FAILED, part=part.name, error=str(error))
        else:
            _log.info(PART_STARTED, part=part.name, pid=part.pid)
