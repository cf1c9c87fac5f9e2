"""Decisions about one alert: one transaction each, and what is left to do after its commit.

Whoever decides holds the alert's row from reading it to saving it, so decisions about one alert happen one after
another, in whichever copy.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog
from psycopg.types.json import Jsonb

from lampkeep import failpoints
from lampkeep.alerts import store
from lampkeep.alerts.rows import alert_from, columns_of, policy_json, progress_json
from lampkeep.clock import Clock
from lampkeep.db.slots import Slot
from lampkeep.domain import escalation
from lampkeep.domain.alert import Alert
from lampkeep.domain.care_plan import CarePlan
from lampkeep.domain.effects import Effect
from lampkeep.domain.home import Home
from lampkeep.domain.vocabulary import AlertState
from lampkeep_dispatch import events, metrics
from lampkeep_dispatch.alerts.around import Around
from lampkeep_dispatch.alerts.effects import After, Writer
from lampkeep_dispatch.alerts.opening import Cause, new_alert
from lampkeep_dispatch.alerts.rows import Rows
from lampkeep_dispatch.database import Connection, Line, in_one_go
from lampkeep_dispatch.links import Links
from lampkeep_dispatch.outbox.parcels import Parcel

log = structlog.get_logger()

CLAIM_GOOD_S = 5.0
"""How long this copy may start attempts under a claim: a second less than the lease, for clocks and scheduling."""


class Sender(Protocol):
    """The outbox, as decisions see it."""

    @property
    def room(self) -> int:
        """How many notifications it could send at once, just now."""
        ...

    def take(self, parcels: Sequence[Parcel]) -> None:
        """Send these, which are claimed."""
        ...

    def look(self) -> None:
        """Something may be due."""
        ...


class Announcer(Protocol):
    """Wakes screens."""

    def alerts_changed(self) -> None:
        """Best effort, some milliseconds later."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What every decision needs: who we are, the time, links, where notifications go."""

    slot: Slot
    clock: Clock
    links: Links
    urgent: Sender
    ordinary: Sender
    announcer: Announcer

    def sender(self, *, urgent: bool) -> Sender:
        """The outbox of a lane."""
        return self.urgent if urgent else self.ordinary


class Decision:
    """One transaction in which alerts are decided upon."""

    def __init__(self, desk: Desk, connection: Connection) -> None:
        """Within a transaction on `connection`."""
        self.desk = desk
        self.connection = connection
        self.now: datetime = desk.clock.now()
        self.good_until = desk.clock.monotonic() + CLAIM_GOOD_S
        self.after = After()
        self.rows = Rows()
        self._evidence: dict[str, Mapping[str, Any]] = {}

    def writer(
        self,
        alert: Alert,
        around: Around | None = None,
        *,
        cause: Mapping[str, Any] | None = None,
        entry: str = "",
    ) -> Writer:
        """Writes the effects of a decision about `alert`."""
        sender = self.desk.sender(urgent=alert.priority == "life")
        return Writer(
            connection=self.connection,
            rows=self.rows,
            alert=alert,
            now=self.now,
            instance=self.desk.slot.name,
            links=self.desk.links,
            room=sender.room,
            good_until=self.good_until,
            after=self.after,
            around=around,
            evidence=self._evidence.get(alert.alert_id, {}),
            cause=cause or {},
            entry=entry,
        )

    async def open_(self, cause: Cause, around: Around, *, home: Home | None, plan: CarePlan | None) -> Alert:
        """Open an alert and do what is due at once.

        Where another transaction has just opened one of the same cause, psycopg.errors.ForeignKeyViolation ends this
        one: begin again, and join.
        """
        failpoints.reach("dispatch.before_alert")
        people = around.people(self.now)
        alert = new_alert(cause, home=home, plan=plan, now=self.now, zone=people.zone)
        alert, effects = escalation.tick(alert, self.now, people)
        self._evidence[alert.alert_id] = cause.evidence
        parameters = columns_of(alert) | {
            "policy": Jsonb(policy_json(alert.policy)),
            "progress": Jsonb(progress_json(alert.progress)),
            "evidence": Jsonb(cause.evidence),
        }
        await self.connection.execute(store.QUERIES["insert_alert"], parameters)
        self._occurrence(alert, cause)
        writer = self.writer(alert, around)
        if alert.state is AlertState.PRE_ALARM:
            writer.record("pre_alarm", **_of_cause(cause))
            await writer.prompt_devices()
        else:
            writer.record("opened", **_of_cause(cause))
        await writer.write(effects)
        self.after.logs.append((events.ALERT_OPENED, {"alert_id": alert.alert_id, "kind": cause.kind.value}))
        return alert

    async def join(self, alert: Alert, cause: Cause, around: Around) -> Alert:
        """Add a further cause to an alert whose row is locked."""
        alert, effects = escalation.cause_joined(alert, self.now, around.people(self.now))
        self._occurrence(alert, cause)
        await self.save(alert)
        writer = self.writer(alert, around, cause={"kind": cause.kind.value})
        writer.record("again", **_of_cause(cause))
        await writer.write(effects)
        self.after.logs.append((events.ALERT_JOINED, {"alert_id": alert.alert_id, "kind": cause.kind.value}))
        return alert

    async def tell(
        self,
        alert: Alert,
        around: Around,
        *,
        text_key: str,
        detail: Mapping[str, Any] | None = None,
    ) -> Alert:
        """Tell owner and duty room of a locked alert something that changes nothing."""
        alert, effects = escalation.told(alert, self.now, around.people(self.now), text_key=text_key)
        await self.save(alert)
        await self.writer(alert, around, cause=detail).write(effects)
        self.after.logs.append((events.ALERT_TOLD, {"alert_id": alert.alert_id, "text": text_key}))
        return alert

    async def save(self, alert: Alert) -> None:
        """Write what can change of an alert."""
        parameters = columns_of(alert) | {"progress": Jsonb(progress_json(alert.progress))}
        await self.connection.execute(store.QUERIES["save_alert"], parameters)

    async def advance(self, alert: Alert, effects: Iterable[Effect], around: Around) -> None:
        """Save a locked alert after a decision of escalation, and write the effects."""
        await self.save(alert)
        await self.writer(alert, around).write(effects)

    async def locked(self, query: str, parameters: Mapping[str, Any]) -> Alert | None:
        """The alert that `query` finds and locks."""
        row = await (await self.connection.execute(query, parameters)).fetchone()
        return None if row is None else self.alert(row)

    def alert(self, row: Mapping[str, Any]) -> Alert:
        """The alert of a row that this transaction has locked; its evidence is kept for texts."""
        self._evidence[row["alert_id"]] = row["evidence"]
        return alert_from(row)

    def _occurrence(self, alert: Alert, cause: Cause) -> None:
        self.rows.occurrences.append(
            {
                "alert_id": alert.alert_id,
                "urgent_id": cause.urgent_id,
                "kind": cause.kind.value,
                "device_id": cause.device_id,
                "account": cause.account,
                "at": cause.at,
                "received_at": cause.received_at,
                "late": cause.late,
                "evidence": cause.evidence,
            }
        )


async def decide(desk: Desk, line: Line, work: Callable[[Decision], Awaitable[bool]]) -> bool:
    """Run `work` in one transaction of as few round trips as it lets; then send, count, log and wake screens.

    `work` says whether it did anything. It may be run again after a conflict, so it must keep nothing outside.
    """

    async def whole(connection: Connection) -> tuple[bool, After]:
        async with in_one_go(connection):
            decision = Decision(desk, connection)
            did = await work(decision)
            await decision.rows.flush(connection)
        return did, decision.after

    did, after = await line.run(whole)
    if did:
        finish(desk, after)
    return did


def finish(desk: Desk, after: After) -> None:
    """What follows a commit. Sending comes first."""
    for urgent in (True, False):
        mine = [parcel for parcel in after.parcels if parcel.urgent is urgent]
        if mine:
            desk.sender(urgent=urgent).take(mine)
    for urgent in after.waiting:
        desk.sender(urgent=urgent).look()
    desk.announcer.alerts_changed()
    for role, lateness_s in after.lateness:
        metrics.STEP_LATENESS.labels(role=role).observe(lateness_s)
    for role in after.missed:
        metrics.STEP_BUDGET.labels(role=role, met="false").inc()
    for event, keywords in after.logs:
        log.info(event, **keywords)


def _of_cause(cause: Cause) -> dict[str, Any]:
    said = {"kind": cause.kind.value, "device": cause.device_id, "account": cause.account, "late": cause.late or None}
    return {key: value for key, value in said.items() if value is not None}
