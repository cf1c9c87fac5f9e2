"""Due homes to alerts: rules look at homes in chunks, and what they find or no longer find is told.

A home in which nothing changed costs one row of a batch. One in which a finding begins or ends gets a transaction of
its own, in which it is looked at again: one broken home keeps no other from being seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import structlog

from lampkeep.db.connections import DatabaseUnavailableError
from lampkeep.domain.findings import Memory, Verdict, ended, onsets
from lampkeep.domain.home_state import HomeState
from lampkeep.domain.rules import answered, check
from lampkeep.domain.spans import Spans, union
from lampkeep.registry.cache import PlanCache
from lampkeep.registry.context import WatchedHome, load_home_context, load_watched_homes, load_zone
from lampkeep_dispatch import events
from lampkeep_dispatch.alerts.decisions import Decision, Desk, decide
from lampkeep_dispatch.database import Connection, Line, in_one_go
from lampkeep_dispatch.failures import failed
from lampkeep_dispatch.findings import begin, end, end_note, note
from lampkeep_dispatch.loops import POLL_S
from lampkeep_dispatch.memory import load_memories, remember_sight
from lampkeep_dispatch.prompts import load_asked, take_answers
from lampkeep_dispatch.signals import RACES
from lampkeep_dispatch.sql import QUERIES
from lampkeep_dispatch.states import load_states

CHUNK = 50
"""Homes of one transaction: some 20 ms, for which a reading that would move one of them on has to wait."""

BROKEN_AGAIN = timedelta(minutes=5)
"""A home whose check fails is tried again after this."""

UNWATCHED = timedelta(seconds=10)
"""Observations that are this far behind are not drained: rules rest, because no rule may judge time that nobody watched
(docs/adr/0004). A heartbeat comes each second."""

UNWATCHED_FOR = timedelta(days=7)
"""An outage of ours that ended longer ago than this lies before any silence that a plan may allow."""

SAY_EVERY = timedelta(minutes=1)
"""How often it is said that rules rest."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a chunk came to: how many homes it had, and those in which a finding begins or ends."""

    homes: int
    changed: tuple[str, ...]


class Rules:
    """The worker on due homes."""

    def __init__(self, desk: Desk, line: Line) -> None:
        """With a line of its own."""
        self._desk = desk
        self._line = line
        self._plans = PlanCache()
        self._at: list[str] = []
        self._said_at: datetime | None = None
        self.rests = False

    async def once(self) -> float:
        """Look at a chunk of due homes; returns the seconds until the next is due."""
        self._at = []
        if not await self._line.run(self._is_watched):
            return POLL_S
        try:
            looked = await self._line.run(self._look)
        except DatabaseUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - logged, and the worker goes on
            # One of them cannot even be read: each is looked at by itself.
            failed(events.RULE_FAILED, error, homes=len(self._at))
            looked = Looked(homes=len(self._at), changed=tuple(self._at))
        for home_id in looked.changed:
            await self._change(home_id)
        if looked.homes == CHUNK:
            return 0.0
        return await self._line.run(self._next)

    async def _is_watched(self, connection: Connection) -> bool:
        row = await (await connection.execute(QUERIES["watched_until"])).fetchone()
        now = self._desk.clock.now()
        until: datetime | None = row["until"] if row else None
        self.rests = bool(row and row["copies"]) and (until is None or now - until > UNWATCHED)
        if self.rests and (self._said_at is None or now - self._said_at >= SAY_EVERY):
            log.error(events.RULES_REST, watched_until=until.isoformat() if until else None)
            self._said_at = now
        return not self.rests

    async def _look(self, connection: Connection) -> Looked:
        now = self._desk.clock.now()
        async with in_one_go(connection):
            cursor = await connection.execute(QUERIES["claim_watched"], {"now": now, "limit": CHUNK})
            watched = await cursor.fetchall()
            home_ids = [row["home_id"] for row in watched]
            self._at = home_ids
            if not home_ids:
                return Looked(homes=0, changed=())
            homes = await load_watched_homes(connection, home_ids, self._plans)
            states = await load_states(connection, home_ids)
            memories = await load_memories(connection, watched)
            asked = await load_asked(connection, home_ids) if any(one.plan.prompts for one in homes.values()) else {}
            unwatched = await _unwatched(connection, now)
            zone = await load_zone(connection)
            changed, verdicts, moved = [], {}, {}
            for home_id in home_ids:
                given = Given(memory=memories[home_id], now=now, zone=zone, unwatched=unwatched)
                verdict = _checked(homes.get(home_id), states[home_id], given)
                if verdict is None:
                    moved[home_id] = now + BROKEN_AGAIN
                elif _changes(verdict, memories[home_id]) or _answers(homes[home_id], states[home_id], asked):
                    changed.append(home_id)
                else:
                    verdicts[home_id] = verdict
                    moved[home_id] = verdict.next_check_at
            await remember_sight(connection, {row["home_id"]: row for row in watched}, verdicts.items())
            await _move(connection, moved, now)
        return Looked(homes=len(home_ids), changed=tuple(changed))

    async def _next(self, connection: Connection) -> float:
        row = await (await connection.execute(QUERIES["next_watched"])).fetchone()
        if row is None or row["at"] is None:
            return POLL_S
        until: timedelta = row["at"] - self._desk.clock.now()
        return max(0.001, until.total_seconds())

    async def _change(self, home_id: str) -> None:
        """Look at one home again, tell what begins and what ends, and move it on."""
        for _ in range(RACES):
            try:
                await decide(self._desk, self._line, lambda decision: self._tell(decision, home_id))
            except psycopg.errors.ForeignKeyViolation:
                continue  # an alert of the same cause was opened meanwhile: join it
            except DatabaseUnavailableError:
                raise
            except Exception as error:  # noqa: BLE001 - logged, and the worker goes on
                failed(events.RULE_FAILED, error, home_id=home_id)
                break
            return
        later = {home_id: self._desk.clock.now() + BROKEN_AGAIN}
        await self._line.run(lambda connection: _move(connection, later, self._desk.clock.now()))

    async def _tell(self, decision: Decision, home_id: str) -> bool:
        connection, now = decision.connection, decision.now
        held = await (await connection.execute(QUERIES["hold_watched"], {"home_id": home_id})).fetchone()
        context = await load_home_context(connection, home_id) if held is not None else None
        if held is None or context is None:
            return False
        state = (await load_states(connection, [home_id]))[home_id]
        memory = (await load_memories(connection, [held]))[home_id]
        unwatched = await _unwatched(connection, now)
        given = Given(memory=memory, now=now, zone=context.reach.zone, unwatched=unwatched)
        verdict = _look_at(WatchedHome(home=context.home, plan=context.plan), state, given)
        await take_answers(decision, context, state)
        await remember_sight(connection, {home_id: held}, [(home_id, verdict)])
        for finding in onsets(verdict.findings, memory.standing):
            await begin(decision, context, finding)
        for key in sorted(ended(verdict.findings, memory.standing)):
            await end(decision, context, key)
        for key in sorted(ended(verdict.notes, memory.noted)):
            await end_note(decision, context, key)
        for noted in onsets(verdict.notes, memory.noted):
            await note(decision, context, noted)
        await _move(connection, {home_id: verdict.next_check_at}, now)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a look at a home needs beside the home and its state."""

    memory: Memory
    now: datetime
    zone: ZoneInfo
    unwatched: Spans


def _look_at(watched: WatchedHome, state: HomeState, given: Given) -> Verdict:
    return check(
        watched.home,
        watched.plan,
        state,
        given.now,
        given.zone,
        memory=given.memory,
        unwatched=given.unwatched,
    )


def _checked(watched: WatchedHome | None, state: HomeState, given: Given) -> Verdict | None:
    """What rules say of a home; None where it is gone or its check fails, which is logged."""
    if watched is None:
        return None
    try:
        return _look_at(watched, state, given)
    except Exception as error:  # noqa: BLE001 - logged, and the others are looked at
        failed(events.RULE_FAILED, error, home_id=watched.home.home_id)
        return None


def _changes(verdict: Verdict, memory: Memory) -> bool:
    told = onsets(verdict.findings, memory.standing) or ended(verdict.findings, memory.standing)
    return bool(told or onsets(verdict.notes, memory.noted) or ended(verdict.notes, memory.noted))


def _answers(watched: WatchedHome, state: HomeState, asked: Mapping[str, datetime]) -> bool:
    asked_at = asked.get(watched.home.home_id)
    return asked_at is not None and answered(state, watched.home, asked_at) is not None


async def _unwatched(connection: Connection, now: datetime) -> Spans:
    """The stretches of the last days in which nobody watched."""
    wanted = {"since": now - UNWATCHED_FOR}
    rows = await (await connection.execute(QUERIES["unwatched_since"], wanted)).fetchall()
    return union((row["began_at"], row["ended_at"]) for row in rows)


async def _move(connection: Connection, moved: dict[str, datetime], now: datetime) -> None:
    if moved:
        values: dict[str, Any] = {"home_ids": list(moved), "ats": list(moved.values()), "now": now}
        await connection.execute(QUERIES["move_watched"], values)
