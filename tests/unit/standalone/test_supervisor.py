import asyncio
import time

from lampkeep_standalone.supervisor import PAUSES_S, Supervisor, pause_before_restart

RESTART_WITHIN_S = 2.0
"""Contract section 1."""

START_TAKES_S = 1.0
"""From the start of a service's process to its first answer, and some."""


class ScriptedPart:
    """A part whose deaths are scripted: it dies when told, and its starts fail as often as told."""

    def __init__(self, name: str, journal: list[str] | None = None) -> None:
        self.name = name
        self.pid: int | None = None
        self.starts = 0
        self.failing_starts = 0
        self.journal = journal if journal is not None else []
        self._death = asyncio.Event()
        self.started = asyncio.Event()

    async def start(self) -> None:
        self.starts += 1
        self.started.set()
        if self.failing_starts:
            self.failing_starts -= 1
            raise RuntimeError("not today")
        self._death.clear()

    async def exited(self) -> int:
        await self._death.wait()
        return -9

    async def stop(self) -> None:
        self.journal.append(self.name)
        self._death.set()

    async def die(self) -> float:
        """Die, and wait for the next start; seconds that it took."""
        self.started.clear()
        begun = time.monotonic()
        self._death.set()
        await asyncio.wait_for(self.started.wait(), 2 * RESTART_WITHIN_S)
        return time.monotonic() - begun


def test_the_first_death_is_mended_at_once_and_every_later_one_leaves_time_to_start() -> None:
    pauses = [pause_before_restart(deaths) for deaths in range(1, 50)]
    assert pauses[0] == 0
    assert pauses == sorted(pauses)
    assert max(pauses) == PAUSES_S[-1] < RESTART_WITHIN_S - START_TAKES_S


async def test_a_part_that_dies_again_and_again_is_started_again_each_time() -> None:
    part, supervisor = ScriptedPart("api"), Supervisor()
    await supervisor.start(part, tier=0)
    assert max([await part.die() for _ in range(4)]) < RESTART_WITHIN_S
    assert part.starts == 5
    assert supervisor.last_exit == {"api": -9}
    await supervisor.stop()


async def test_a_start_that_fails_is_tried_again() -> None:
    part, supervisor = ScriptedPart("postgres"), Supervisor()
    await supervisor.start(part, tier=0)
    part.failing_starts = 2
    await part.die()
    for _ in range(2):
        part.started.clear()
        await asyncio.wait_for(part.started.wait(), RESTART_WITHIN_S)
    assert part.starts == 4
    await supervisor.stop()


async def test_services_stop_before_the_broker_and_the_broker_before_the_database() -> None:
    journal: list[str] = []
    supervisor = Supervisor()
    for name, tier in (("database", 0), ("broker", 1), ("ingest", 2), ("api", 2)):
        await supervisor.start(ScriptedPart(name, journal), tier=tier)
    await supervisor.stop()
    assert journal[2:] == ["broker", "database"]


async def test_nothing_is_started_again_after_the_stop() -> None:
    part, supervisor = ScriptedPart("api"), Supervisor()
    await supervisor.start(part, tier=0)
    await supervisor.stop()
    await asyncio.sleep(0)
    assert part.starts == 1
