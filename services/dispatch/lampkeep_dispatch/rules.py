"""Due homes to alerts: rules look at homes in chunks, and what they find or no longer find is told.

A home in which nothing changed costs one row of a batch. One in which a finding begins or ends gets a transaction of
its own, in which it is looked at again: one broken home keeps no other from being seen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import structlog

from lampkeep.alerts import store
from lampkeep.db.connections import DatabaseUnavailableError
from lampkeep.domain import life_cycle
from lampkeep.domain.findings import Finding, Key, Standing, Verdict, ended, onsets
from lampkeep.domain.home_state import HomeState
from lampkeep.domain.rules import check
from lampkeep.domain.vocabulary import AlertKind, Outcome, Priority
from lampkeep.registry.cache import PlanCache
from lampkeep.registry.context import HomeContext, WatchedHome, load_home_context, load_watched_homes, load_zone
from lampkeep_dispatch import events
from lampkeep_dispatch.alerts.around import Around
from lampkeep_dispatch.alerts.closing import resolve
from lampkeep_dispatch.alerts.decisions import Decision, Desk, decide
from lampkeep_dispatch.alerts.opening import Cause
from lampkeep_dispatch.database import Connection, Line, in_one_go
from lampkeep_dispatch.failures import failed
from lampkeep_dispatch.loops import POLL_S
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
            home_ids = [row["home_id"] for row in await cursor.fetchall()]
            self._at = home_ids
            if not home_ids:
                return Looked(homes=0, changed=())
            homes = await load_watched_homes(connection, home_ids, self._plans)
            states = await load_states(connection, home_ids)
            standing = await _standing(connection, home_ids)
            zone = await load_zone(connection)
            changed, moved = [], {}
            for home_id in home_ids:
                verdict = _checked(homes.get(home_id), states[home_id], now, zone, standing.get(home_id, {}))
                if verdict is None or not _changes(verdict, standing.get(home_id, {})):
                    moved[home_id] = verdict.next_check_at if verdict else now + BROKEN_AGAIN
                else:
                    changed.append(home_id)
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
        if context is None:
            return False
        state = (await load_states(connection, [home_id]))[home_id]
        standing = (await _standing(connection, [home_id])).get(home_id, {})
        verdict = check(context.home, context.plan, state, now, context.reach.zone, standing=standing)
        for finding in onsets(verdict.findings, standing):
            await _begin(decision, context, finding)
        for key in sorted(ended(verdict.findings, standing)):
            await _end(decision, context, key)
        await _move(connection, {home_id: verdict.next_check_at}, now)
        return True


def _checked(
    watched: WatchedHome | None, state: HomeState, now: datetime, zone: ZoneInfo, standing: Standing
) -> Verdict | None:
    """What rules say of a home; None where it is gone or its check fails, which is logged."""
    if watched is None:
        return None
    try:
        return check(watched.home, watched.plan, state, now, zone, standing=standing)
    except Exception as error:  # noqa: BLE001 - logged, and the others are looked at
        failed(events.RULE_FAILED, error, home_id=watched.home.home_id)
        return None


def _changes(verdict: Verdict, standing: Standing) -> bool:
    return bool(onsets(verdict.findings, standing) or ended(verdict.findings, standing))


async def _standing(connection: Connection, home_ids: Sequence[str]) -> dict[str, dict[Key, datetime]]:
    rows = await (await connection.execute(QUERIES["findings_of_homes"], {"home_ids": list(home_ids)})).fetchall()
    standing: dict[str, dict[Key, datetime]] = {}
    for row in rows:
        standing.setdefault(row["home_id"], {})[AlertKind(row["kind"]), row["subject"]] = row["found_at"]
    return standing


async def _move(connection: Connection, moved: dict[str, datetime], now: datetime) -> None:
    if moved:
        values: dict[str, Any] = {"home_ids": list(moved), "ats": list(moved.values()), "now": now}
        await connection.execute(QUERIES["move_watched"], values)


async def _begin(decision: Decision, context: HomeContext, finding: Finding) -> None:
    """A finding raises an alert, or joins the active one of its kind."""
    cause = Cause(
        kind=finding.kind,
        at=finding.since or decision.now,
        received_at=decision.now,
        home_id=context.home.home_id,
        account=_account(context, finding.subject),
        device_id=finding.subject or None,
        evidence=dict(finding.evidence),
    )
    surroundings = Around.of_home(context)
    alert = await decision.locked(QUERIES["active_alert"], {"cause_key": cause.key})
    if alert is not None:
        alert = await decision.join(alert, cause, surroundings)
    else:
        alert = await decision.open_(cause, surroundings, home=context.home, plan=context.plan)
    await decision.connection.execute(
        QUERIES["keep_finding"],
        {
            "home_id": context.home.home_id,
            "kind": finding.kind.value,
            "subject": finding.subject,
            "since": finding.since,
            "alert_id": alert.alert_id,
            "now": decision.now,
        },
    )


async def _end(decision: Decision, context: HomeContext, key: Key) -> None:
    """A finding is over: a technical alert that has no other resolves itself, of any other its people are told."""
    kind, subject = key
    gone = {"home_id": context.home.home_id, "kind": kind.value, "subject": subject}
    row = await (await decision.connection.execute(QUERIES["forget_finding"], gone)).fetchone()
    if row is None or row["alert_id"] is None:
        return
    wanted = {"alert_id": row["alert_id"]}
    alert = await decision.locked(store.QUERIES["lock_alert"], wanted)
    if alert is None or alert.state.is_closed:
        return
    left = await (await decision.connection.execute(QUERIES["findings_of_alert"], wanted)).fetchone()
    if left is not None and left["standing"]:
        return
    surroundings = Around.of_home(context)
    if alert.priority is Priority.TECHNICAL:
        transition = life_cycle.resolve(alert, Outcome.OTHER, decision.now)
        await resolve(decision, transition, surroundings, why="condition_over", actor="system")
    else:
        decision.writer(alert).record("condition_over", kind=kind.value)
        await decision.tell(alert, surroundings, text_key="condition_over")


def _account(context: HomeContext, device_id: str) -> str | None:
    devices: Iterable[tuple[str, str]] = ((device.device_id, device.account) for device in context.home.devices)
    return dict(devices).get(device_id)
