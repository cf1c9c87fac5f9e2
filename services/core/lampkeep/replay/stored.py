"""Replay of what the database keeps of a home: its history through the live fold and rules, with any plan.

Messages are taken in the order of their own instants: one that came late counts when it was said, as in a recording.
Home, devices and plans are those of the registry today.
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.domain.care_plan import BUILT_IN, CarePlan
from lampkeep.domain.home import Home
from lampkeep.registry.cache import QUERIES, PlanCache
from lampkeep.registry.context import load_watched_homes
from lampkeep.registry.rows import plan_from
from lampkeep.replay.collapse import Collapse, draw
from lampkeep.replay.history import said_in_home
from lampkeep.replay.plays import Play, UnknownPlanError
from lampkeep.replay.waking import Waking


class UnknownHomeError(ValueError):
    """The registry has no such home."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a home said from `start` up to `end`. `watch` is told each instant that has been reached."""

    connection: AsyncConnection[DictRow]
    home: Home
    plan: CarePlan
    zone: ZoneInfo
    start: datetime
    end: datetime
    watch: Callable[[datetime], None] = lambda _: None

    async def run(
        self, plan: str | None = None, *, collapses: Sequence[Collapse] | None = None
    ) -> AsyncGenerator[dict[str, Any], None]:
        """As `lampkeep.replay.run`; the clock goes on to `end`, silent or not."""
        play = await self._play(plan, collapses)
        async with aclosing(
            said_in_home(self.connection, self.home.home_id, start=self.start, end=self.end)
        ) as history:
            async for at, said in history:
                self.watch(at)
                for alert in play.hear(at, said):
                    yield alert
        for alert in play.end(self.end):
            yield alert
        for part in play.closing():
            yield part

    async def compare(self, plans: Sequence[str], *, collapses: Sequence[Collapse] | None = None) -> dict[str, Any]:
        """As `lampkeep.replay.compare`."""
        plays = [await self._play(plan, collapses) for plan in plans]
        async for at, said in said_in_home(self.connection, self.home.home_id, start=self.start, end=self.end):
            self.watch(at)
            for play in plays:
                play.hear(at, said)
        for play in plays:
            play.end(self.end)
        return {"compare": [{"plan": plan} | play.outcome() for plan, play in zip(plans, plays, strict=True)]}

    async def draw_collapses(self, count: int, seed: int = 0) -> list[Collapse]:
        """As `lampkeep.replay.draw_collapses`."""
        waking = Waking([self.home], self.zone)
        async for at, said in said_in_home(self.connection, self.home.home_id, start=self.start, end=self.end):
            self.watch(at)
            waking.hear(at, said)
        return draw(waking.hours, count, seed)

    async def require_plans(self, plans: Iterable[str | None]) -> None:
        """Raise UnknownPlanError where one of `plans` is neither in the registry nor `default`."""
        for plan in plans:
            await self._play(plan, None)

    async def _play(self, plan: str | None, collapses: Sequence[Collapse] | None) -> Play:
        chosen = self.plan if plan is None else await _plan(self.connection, plan)
        return Play([(replace(self.home, plan_id=chosen.plan_id), chosen)], self.zone, collapses=collapses)


async def registered_home(connection: AsyncConnection[DictRow], home_id: str) -> tuple[Home, CarePlan]:
    """The home and its plan; UnknownHomeError where there is none."""
    found = (await load_watched_homes(connection, [home_id], PlanCache())).get(home_id)
    if found is None:
        raise UnknownHomeError(f"no home {home_id!r} in the database")
    return found.home, found.plan


async def _plan(connection: AsyncConnection[DictRow], plan_id: str) -> CarePlan:
    """The plan of that id, `default` being the built-in one; UnknownPlanError."""
    if plan_id == BUILT_IN.plan_id:
        return BUILT_IN
    row = await (await connection.execute(QUERIES["plans_by_id"], {"plan_ids": [plan_id]})).fetchone()
    if row is None:
        raise UnknownPlanError(f"no plan {plan_id!r} in the database")
    return plan_from(row)
