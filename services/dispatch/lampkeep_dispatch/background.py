"""What runs beside the work: the heartbeat, missed budgets, waking screens."""

import asyncio

import structlog
from psycopg.types.json import Jsonb

from lampkeep.clock import Clock
from lampkeep.db.connections import DatabaseUnavailableError
from lampkeep.db.slots import Slot
from lampkeep_dispatch import events, metrics
from lampkeep_dispatch.database import Connection, Line
from lampkeep_dispatch.sql import QUERIES

BEAT_EVERY_S = 1.0
"""A heartbeat a second: the auditor calls three missed ones silence."""

GATHER_S = 0.01
"""Alerts that change within this wake the screens once."""

CLOCKS_MAY_DIFFER_S = 2.0
"""More than this between our clock and the database's is a warning (docs/adr/0005)."""

log = structlog.get_logger()


class Background:
    """Beats and marks missed budgets, once a second."""

    def __init__(self, line: Line, clock: Clock, slot: Slot) -> None:
        """With a line of its own."""
        self._line = line
        self._clock = clock
        self._slot = slot

    async def once(self) -> float:
        """One beat."""
        now = self._clock.now()

        async def work(connection: Connection) -> list[str]:
            beat = {"instance": self._slot.name, "at": now, "detail": Jsonb({})}
            await connection.execute(QUERIES["beat"], beat)
            rows = await (await connection.execute(QUERIES["miss_budgets"], {"now": now})).fetchall()
            return [row["role"] for row in rows]

        for role in await self._line.run(work):
            metrics.STEP_BUDGET.labels(role=role, met="false").inc()
            log.warning(events.STEP_MISSED, role=role)
        return BEAT_EVERY_S

    async def compare_clocks(self) -> float:
        """Seconds by which the database's clock is ahead of ours; a difference that matters is logged."""

        async def work(connection: Connection) -> float:
            row = await (await connection.execute(QUERIES["database_now"])).fetchone()
            assert row is not None
            ahead_s: float = (row["at"] - self._clock.now()).total_seconds()
            return ahead_s

        ahead_s = await self._line.run(work)
        if abs(ahead_s) > CLOCKS_MAY_DIFFER_S:
            log.warning(events.CLOCKS_DIFFER, ahead_s=round(ahead_s, 3))
        return ahead_s


class Screens:
    """Wakes screens through `lampkeep_alerts`, gathered: NOTIFY takes a lock over the whole database at its commit."""

    def __init__(self, line: Line) -> None:
        """With a line of its own."""
        self._line = line
        self._changed = asyncio.Event()

    def alerts_changed(self) -> None:
        """Best effort: screens poll as well."""
        self._changed.set()

    async def run(self) -> None:
        """Wake screens for ever."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(GATHER_S)
            self._changed.clear()
            try:
                await self._line.run(_announce)
            except DatabaseUnavailableError as error:
                log.debug(events.DATABASE_LOST, worker="screens", error=str(error))


async def _announce(connection: Connection) -> None:
    await connection.execute(QUERIES["announce"])
