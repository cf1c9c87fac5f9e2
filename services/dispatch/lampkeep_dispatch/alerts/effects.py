"""Effects of escalation as rows: steps, notifications, links and timeline, in the transaction that saved the alert.

A notification to people is inserted as claimed by this copy where its outbox has room, so that it goes out right
after the commit without being claimed again; otherwise whichever copy is free takes it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, assert_never
from uuid import uuid4

from lampkeep.contracts.notifications import ToldAlert
from lampkeep.domain.alert import Alert
from lampkeep.domain.effects import (
    AskedAgain,
    AskedToConfirm,
    Effect,
    LeaseLapsed,
    Opened,
    ResidentTold,
    RoundStarted,
    StepSkipped,
    StepStarted,
    StepWaits,
    StoodDown,
    Told,
)
from lampkeep.domain.home import Responder
from lampkeep.domain.vocabulary import Priority
from lampkeep_dispatch import events
from lampkeep_dispatch.alerts.around import Around
from lampkeep_dispatch.alerts.rows import Rows
from lampkeep_dispatch.database import Connection
from lampkeep_dispatch.links import Links
from lampkeep_dispatch.outbox.parcels import ASKED_WHILE_OWNED, ASKS, DELIVER_WITHIN_S, Parcel
from lampkeep_dispatch.sql import QUERIES

ACTOR = "dispatch"

LEASE = timedelta(seconds=6)
"""How long a claim holds: after a kill its notifications go out again this much later at most."""

OTHERS_FOR = timedelta(minutes=30)
"""How long what is neither step nor repeat is tried (contract section 5)."""

PROGRESS_FOR = timedelta(minutes=10)
"""How long "help is coming" on a device's display is of use."""

_OF_STEPS = (StepStarted, StepSkipped, StepWaits, AskedAgain)

Word = AskedToConfirm | Told | StoodDown | RoundStarted | LeaseLapsed | ResidentTold | Opened
"""Effects that start no step."""

Noted = tuple[str, Mapping[str, Any]]
"""A log event and its keywords, written after the commit."""


@dataclass(slots=True, kw_only=True)
class After:
    """What is left to do after the commit. `waiting` are the lanes (urgent or not) with work to be claimed."""

    parcels: list[Parcel] = field(default_factory=list)
    waiting: set[bool] = field(default_factory=set)
    lateness: list[tuple[str, float]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    logs: list[Noted] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One notification to be, before its person is known."""

    reason: str
    text_key: str
    round: int | None = None
    step: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Writer:
    """Writes what follows for one alert. `room` is how many notifications may be held for sending at once, which needs
    `around` and the alert's `evidence`; `good_until` is the monotonic end of such a claim.

    `cause` says what an occurrence was (`kind`), for texts; `entry` tells two entries into one state apart.
    """

    connection: Connection
    rows: Rows
    alert: Alert
    now: datetime
    instance: str
    links: Links
    room: int
    good_until: float
    after: After
    around: Around | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    cause: Mapping[str, Any] = field(default_factory=dict)
    entry: str = ""

    async def write(self, effects: Iterable[Effect]) -> None:
        """Write every effect, in order."""
        for effect in effects:
            if isinstance(effect, _OF_STEPS):
                await self._write_step(effect)
            else:
                await self._write_word(effect)

    async def stop_asking(self) -> None:
        """Somebody took the alert, or it is closed: what was asked before and has not arrived is not sent any more."""
        gone = {
            "alert_id": self.alert.alert_id,
            "reasons": [*sorted(ASKS), "confirm"],
            "closed": self.alert.state.is_closed,
            "now": self.now,
        }
        await self.rows.flush(self.connection)
        await self.connection.execute(QUERIES["drop_pending"], gone)
        ended = await (await self.connection.execute(QUERIES["end_steps"], gone)).fetchall()
        self.after.missed += [row["role"] for row in ended if row["missed"]]

    def record(self, what: str, **detail: Any) -> None:
        """Append to the alert's timeline."""
        entry = {"alert_id": self.alert.alert_id, "at": self.now, "what": what, "actor": ACTOR, "detail": detail}
        self.rows.entries.append(entry)

    async def _write_step(self, effect: StepStarted | StepSkipped | StepWaits | AskedAgain) -> None:
        match effect:
            case StepStarted():
                await self._step_started(effect)
            case StepSkipped():
                await self._step_skipped(effect)
            case StepWaits():
                await self._start_step(effect, started_at=None, ended=None, met=None)
                self.record("step_waits", round=effect.round, step=effect.step, reason=effect.reason)
            case AskedAgain():
                await self._asked_again(effect)
            case _:
                assert_never(effect)

    async def _write_word(self, effect: Word) -> None:
        match effect:
            case AskedToConfirm():
                mail = Mail(reason="confirm", text_key="confirm", round=effect.round, step=effect.step)
                self._mail(effect.people, mail)
                people = _ids(effect.people)
                self.record("confirmation_asked", round=effect.round, step=effect.step, people=people)
            case Told():
                self.tell(effect)
            case StoodDown():
                await self._stood_down(line_too=effect.line_too)
            case RoundStarted():
                self.record("round_started", round=effect.round, reason=effect.reason)
            case LeaseLapsed():
                self.record("lapsed", owner=effect.owner_id)
            case Opened():
                self.record("opened", reason=effect.reason, kind=self.alert.kind.value)
            case ResidentTold():
                await self.tell_devices(effect.state.value)
            case _:
                assert_never(effect)

    # -- steps

    async def _step_started(self, effect: StepStarted) -> None:
        await self._start_step(effect, started_at=self.now, ended=None, met=None)
        mail = Mail(reason="step", text_key="step", round=effect.round, step=effect.step, detail=self.cause)
        self._mail(effect.people, mail)
        self.record("step_started", round=effect.round, step=effect.step, role=effect.role, people=_ids(effect.people))
        lateness_s = max(0.0, (self.now - effect.ready_at).total_seconds())
        self.after.lateness.append((effect.role, lateness_s))
        self._log(events.STEP_STARTED, round=effect.round, step=effect.step, lateness_ms=round(lateness_s * 1000))

    async def _step_skipped(self, effect: StepSkipped) -> None:
        owed = effect.reason == "nobody_to_reach"
        await self._start_step(effect, started_at=self.now, ended=effect.reason, met=False if owed else None)
        self.record("step_skipped", round=effect.round, step=effect.step, role=effect.role, reason=effect.reason)
        if owed:
            self.after.missed.append(effect.role)
        self._log(events.STEP_SKIPPED, round=effect.round, step=effect.step, reason=effect.reason)

    async def _start_step(
        self,
        effect: StepStarted | StepSkipped | StepWaits,
        *,
        started_at: datetime | None,
        ended: str | None,
        met: bool | None,
    ) -> None:
        row = {
            "alert_id": self.alert.alert_id,
            "round": effect.round,
            "step": effect.step,
            "role": effect.role,
            "due_at": effect.due_at,
            "started_at": started_at,
            "deliver_within_s": effect.deliver_within.total_seconds(),
            "ended": ended,
            "met": met,
        }
        await self.rows.add_step(self.connection, row)

    async def _asked_again(self, effect: AskedAgain) -> None:
        people = {"alert_id": self.alert.alert_id, "responder_ids": _ids(effect.people), "now": self.now}
        await self.rows.flush(self.connection)
        await self.connection.execute(QUERIES["drop_older_repeats"], people)
        mail = Mail(reason="repeat", text_key="repeat", round=effect.round, step=effect.step)
        self._mail(effect.people, mail)
        self.record("repeated", round=effect.round, step=effect.step, people=_ids(effect.people))

    # -- people and devices

    def tell(self, told: Told) -> None:
        """Tell people something that asks nothing of them."""
        self._mail(told.people, Mail(reason=told.reason, text_key=told.text_key, detail=self.cause))
        self.record("told", reason=told.reason, text=told.text_key, people=_ids(told.people))

    async def prompt_devices(self) -> None:
        """Ask the resident whether all is well, on all devices that can show it."""
        assert self.alert.progress.prompt_until is not None
        await self.tell_devices("prompt", reason="prompt", give_up_at=self.alert.progress.prompt_until)

    async def tell_devices(self, state: str, *, reason: str = "progress", give_up_at: datetime | None = None) -> None:
        """Tell the resident, on the device that raised the alert or on all that can show it."""
        await self.rows.flush(self.connection)
        await self.connection.execute(
            QUERIES["tell_devices"],
            {
                "alert_id": self.alert.alert_id,
                "state": state,
                "reason": reason,
                "entry": self.entry,
                "urgent": self._urgent,
                "now": self.now,
                "give_up_at": give_up_at or self.now + PROGRESS_FOR,
            },
        )
        self.after.waiting.add(self._urgent)

    async def _stood_down(self, *, line_too: bool) -> None:
        owner = self.alert.owner
        await self.rows.flush(self.connection)
        await self.connection.execute(
            QUERIES["stand_down"],
            {
                "alert_id": self.alert.alert_id,
                "owner_id": owner.owner_id if owner is not None and owner.kind == "responder" else None,
                "line_too": line_too,
                "urgent": self._urgent,
                "now": self.now,
                "give_up_at": self.now + OTHERS_FOR,
            },
        )
        self.record("stood_down", line_too=line_too)
        self.after.waiting.add(self._urgent)

    def _mail(self, people: Iterable[Responder], mail: Mail) -> None:
        for person in people:
            self._mail_one(person, mail)

    def _mail_one(self, person: Responder, mail: Mail) -> None:
        detail = {**mail.detail, **({ASKED_WHILE_OWNED: True} if self.alert.state.is_owned else {})}
        parcel = self._parcel(person, mail, detail)
        held = parcel is not None and len(self.after.parcels) < self.room
        until = self.now + LEASE
        self.rows.notifications.append(
            {
                "notification_id": parcel.notification_id if parcel else uuid4(),
                "alert_id": self.alert.alert_id,
                "round": mail.round,
                "step": mail.step,
                "reason": mail.reason,
                "role": person.role.value,
                "responder_id": person.responder_id,
                "text_key": mail.text_key,
                "detail": detail,
                "urgent": self._urgent,
                "created_at": self.now,
                "next_attempt_at": until if held else self.now,
                "give_up_at": self._give_up_at(mail),
                "claimed_by": self.instance if held else None,
                "claimed_until": until if held else None,
                "claim": 1 if held else 0,
                "link": self.links.sha256(self.alert.alert_id, person.responder_id).hex(),
                "name": person.name,
            }
        )
        if parcel is not None and held:
            self.after.parcels.append(parcel)
        else:
            self.after.waiting.add(self._urgent)

    def _parcel(self, person: Responder, mail: Mail, detail: Mapping[str, Any]) -> Parcel | None:
        """As the outbox would read it back; None for a person who is not in reach (an owner from elsewhere)."""
        around = self.around
        if around is None or person.responder_id not in around.reach.channels:
            return None
        channels = around.reach.channels[person.responder_id]
        return Parcel(
            notification_id=uuid4(),
            alert_id=self.alert.alert_id,
            reason=mail.reason,
            role=person.role.value,
            round=mail.round,
            step=mail.step,
            responder_id=person.responder_id,
            device_id=None,
            text_key=mail.text_key,
            detail=detail,
            urgent=self._urgent,
            created_at=self.now,
            give_up_at=self._give_up_at(mail),
            claim=1,
            attempt_count=0,
            delivered_before=False,
            deliver_within_s=self._deliver_within_s(mail),
            alert=self._told(),
            channels=tuple(enumerate(channels)),
            zone=around.reach.zone,
            address=around.address,
            location=around.location,
            residents=around.residents,
            line_reference=self.alert.progress.line_reference,
            asking=self.alert.progress.asking is not None,
            in_flight=False,
            good_until=self.good_until,
        )

    def _told(self) -> ToldAlert:
        alert = self.alert
        return ToldAlert(
            alert_id=alert.alert_id,
            kind=alert.kind,
            priority=alert.priority,
            state=alert.state,
            opened_at=alert.opened_at,
            pressed_at=alert.pressed_at,
            home_id=alert.home_id,
            area_id=alert.area_id,
            evidence=self.evidence,
        )

    def _give_up_at(self, mail: Mail) -> datetime | None:
        return None if mail.reason in ASKS else self.now + OTHERS_FOR

    def _deliver_within_s(self, mail: Mail) -> float:
        if mail.step is None:
            return DELIVER_WITHIN_S
        return self.alert.policy.steps[mail.step - 1].deliver_within.total_seconds()

    @property
    def _urgent(self) -> bool:
        return self.alert.priority is Priority.LIFE

    def _log(self, event: str, **keywords: Any) -> None:
        self.after.logs.append((event, {"alert_id": self.alert.alert_id, **keywords}))


def _ids(people: Iterable[Responder]) -> list[str]:
    return [person.responder_id for person in people]
