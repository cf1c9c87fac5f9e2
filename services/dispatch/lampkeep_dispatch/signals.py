"""Signals to alerts: what an urgent message means becomes an alert, an occurrence or a word, at once and exactly once.

A signal is deleted in the transaction that handled it. One that cannot be handled is tried three times and then raises
an sos for its home or device all the same: never silence.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import structlog

from lampkeep.contracts.texts import HAPPENED
from lampkeep.db.connections import DatabaseUnavailableError
from lampkeep.domain import life_cycle
from lampkeep.domain.alert import Alert, cause_key
from lampkeep.domain.care_plan import CarePlan
from lampkeep.domain.home import Home
from lampkeep.domain.rules.urgent import Nothing, Raise, TakeBack, Tell, meaning
from lampkeep.domain.rules.wording import instant
from lampkeep.domain.vocabulary import AlertKind, AlertState, Outcome
from lampkeep.registry.context import HomeContext, ask_home_context, load_duty_room
from lampkeep_dispatch import events
from lampkeep_dispatch.alerts.around import Around
from lampkeep_dispatch.alerts.closing import resolve
from lampkeep_dispatch.alerts.decisions import Decision, Desk, decide
from lampkeep_dispatch.alerts.opening import Cause
from lampkeep_dispatch.database import Connection, Line
from lampkeep_dispatch.failures import failed
from lampkeep_dispatch.loops import POLL_S
from lampkeep_dispatch.sql import QUERIES
from lampkeep_dispatch.states import state_of

TRIES = 3
"""A signal that fails so often is raised as a plain sos."""

RACES = 5
"""Two copies opening alerts of one cause: the loser joins; more than a few rounds of it is something else."""

TRY_AGAIN_AFTER = timedelta(milliseconds=500)
"""Before a failed signal's next try; twice as long each time once even a plain sos has failed."""

LONGEST_WAIT = timedelta(seconds=30)
"""Up to this, so that it neither stands in the way of others nor is given up."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """An urgent message that a rule must see."""

    signal_id: int
    attempts: int
    urgent_id: int
    account: str
    device_id: str
    message_id: str | None
    type: str
    home_id: str | None
    at: datetime
    received_at: datetime
    data: dict[str, Any]
    marks: tuple[str, ...]


class Signals:
    """One worker on signals, with a line of its own."""

    def __init__(self, desk: Desk, line: Line) -> None:
        """Several may run at once, here and in other copies."""
        self._desk = desk
        self._line = line
        self._at: Signal | None = None
        self._more = False

    async def once(self) -> float:
        """Handle the oldest signal; returns 0 where there are more."""
        self._at = None
        try:
            return await self._handle_one()
        except DatabaseUnavailableError:
            raise
        except Exception as error:
            signal = self._taken()
            if signal is None:
                raise
            failed(events.SIGNAL_FAILED, error, signal_id=signal.signal_id, attempts=signal.attempts + 1)
        await self._put_aside(signal)
        return 0.0

    def _taken(self) -> Signal | None:
        """The signal that the last piece of work had claimed."""
        return self._at

    async def _handle_one(self) -> float:
        for _ in range(RACES):
            try:
                did = await decide(self._desk, self._line, self._work)
            except psycopg.errors.ForeignKeyViolation:
                # Another transaction has just opened an alert of the same cause: look again, and join it.
                await asyncio.sleep(0)
            else:
                return 0.0 if did and self._more else POLL_S
        raise DatabaseUnavailableError("signals: alerts of one cause keep opening and closing")

    async def _work(self, decision: Decision) -> bool:
        cursor = await decision.connection.execute(QUERIES["claim_signal"], {"now": decision.now})
        row = await cursor.fetchone()
        if row is None:
            return False
        self._at, self._more = _signal(row), row["more"]
        await _handle(decision, self._at)
        await decision.connection.execute(QUERIES["delete_signal"], {"signal_id": self._at.signal_id})
        return True

    async def _put_aside(self, signal: Signal) -> None:
        if signal.attempts + 1 >= TRIES and await self._raised_anyway(signal):
            return
        wait = min(TRY_AGAIN_AFTER * 2 ** max(0, signal.attempts - TRIES), LONGEST_WAIT)
        later = {"signal_id": signal.signal_id, "not_before": self._desk.clock.now() + wait}

        async def work(connection: Connection) -> None:
            await connection.execute(QUERIES["postpone_signal"], later)

        await self._line.run(work)

    async def _raised_anyway(self, signal: Signal) -> bool:
        """A plain sos for the home, or where even that fails for the device alone; False where that fails, too."""
        log.error(events.SIGNAL_POISONED, signal_id=signal.signal_id, urgent_id=signal.urgent_id)
        for with_home in (True, False):
            try:
                return await decide(self._desk, self._line, partial(_plain_sos, signal=signal, with_home=with_home))
            except DatabaseUnavailableError:
                raise
            except Exception as error:  # noqa: BLE001 - logged, and the worker goes on
                failed(events.SIGNAL_FAILED, error, signal_id=signal.signal_id, with_home=with_home)
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A signal with all that deciding about it needs. `context` is None where its device belongs to no home.

    `active` is the alert that it would join, locked; `seen` what is known of the home at the press.
    """

    signal: Signal
    context: HomeContext | None
    around: Around
    active: Alert | None
    seen: dict[str, Any]

    @property
    def home(self) -> Home | None:
        """The home."""
        return self.context.home if self.context else None

    @property
    def plan(self) -> CarePlan | None:
        """Its plan."""
        return self.context.plan if self.context else None

    def cause(self, kind: AlertKind, **evidence: Any) -> Cause:
        """The signal as the cause of an alert of `kind`."""
        signal = self.signal
        home_id = self.context.home.home_id if self.context else None
        return Cause(
            kind=kind,
            at=signal.at,
            received_at=signal.received_at,
            home_id=home_id,
            account=signal.account,
            device_id=signal.device_id,
            urgent_id=signal.urgent_id,
            pressed_at=signal.at,
            late="late" in signal.marks,
            evidence={"text": HAPPENED[kind][0], "device": signal.device_id, **self.seen, **evidence},
        )


async def _scene(decision: Decision, signal: Signal) -> Scene:
    """Read it in one round trip where the device has a home."""
    if signal.home_id is None:
        return await _homeless_scene(decision, signal)
    connection = decision.connection
    wanted = {"home_ids": [signal.home_id], "cause_key": cause_key(AlertKind.SOS, home_id=signal.home_id)}
    states = await connection.execute(QUERIES["states_of_homes"], wanted)
    active = await connection.execute(QUERIES["active_alert"], wanted)
    context = await (await ask_home_context(connection, signal.home_id)).answer()
    if context is None:
        return await _homeless_scene(decision, signal)
    row = await active.fetchone()
    return Scene(
        signal=signal,
        context=context,
        around=Around.of_home(context),
        active=decision.alert(row) if row else None,
        seen=_seen(context, signal, await states.fetchall()),
    )


async def _homeless_scene(decision: Decision, signal: Signal) -> Scene:
    connection = decision.connection
    key = cause_key(AlertKind.SOS, home_id=None, account=signal.account, device_id=signal.device_id)
    row = await (await connection.execute(QUERIES["active_alert"], {"cause_key": key})).fetchone()
    return Scene(
        signal=signal,
        context=None,
        around=Around(reach=await load_duty_room(connection)),
        active=decision.alert(row) if row else None,
        seen={"last_activity_at": None, "last_place": None},
    )


async def _handle(decision: Decision, signal: Signal) -> None:
    scene = await _scene(decision, signal)
    meant = meaning(
        signal.type,
        signal.data,
        registered=scene.context is not None,
        sos_cancel_allowed=scene.plan is not None and scene.plan.sos_cancel_allowed,
    )
    match meant:
        case Raise(kind=kind, reason=reason):
            await _raise(decision, scene, scene.cause(kind, reason=reason))
        case Tell(reason=reason):
            await _tell(decision, scene, reason)
        case TakeBack(ref=ref):
            await _take_back(decision, scene, ref)
        case Nothing(reason=reason):
            _ignored(decision, signal, reason)


async def _raise(decision: Decision, scene: Scene, cause: Cause) -> None:
    if scene.active is not None:
        await decision.join(scene.active, cause, scene.around)
    else:
        await decision.open_(cause, scene.around, home=scene.home, plan=scene.plan)


async def _tell(decision: Decision, scene: Scene, reason: str) -> None:
    """Owner and duty room learn it; where no alert is active nobody waits for it, and the newest one keeps it."""
    said = {"device": scene.signal.device_id, "account": scene.signal.account}
    if scene.active is not None:
        decision.writer(scene.active).record(reason, **said)
        await decision.tell(scene.active, scene.around, text_key=reason)
        return
    home_id = scene.signal.home_id
    wanted = {"home_id": home_id, "cause_key": cause_key(AlertKind.SOS, home_id=home_id)}
    newest = await decision.locked(QUERIES["newest_alert"], wanted)
    if newest is not None:
        decision.writer(newest).record(reason, **said)
    _ignored(decision, scene.signal, reason)


async def _take_back(decision: Decision, scene: Scene, ref: str | None) -> None:
    """The plan lets the resident's cancel close their own sos, as long as nobody has taken it over."""
    alert = scene.active
    if alert is None or alert.state is not AlertState.OPEN or not await _is_its_own(decision, alert, scene.signal, ref):
        await _tell(decision, scene, "sos_cancel")
        return
    transition = life_cycle.resolve(alert, Outcome.FALSE_ALARM, decision.now)
    await resolve(decision, transition, scene.around, why="sos_cancel", actor=f"device:{scene.signal.device_id}")


async def _is_its_own(decision: Decision, alert: Alert, signal: Signal, ref: str | None) -> bool:
    wanted = {"alert_id": alert.alert_id, "account": signal.account, "device_id": signal.device_id, "ref": ref}
    row = await (await decision.connection.execute(QUERIES["sos_of_alert"], wanted)).fetchone()
    return row is not None and bool(row["only_its_own"]) and (ref is None or bool(row["named"]))


async def _plain_sos(decision: Decision, *, signal: Signal, with_home: bool) -> bool:
    """An sos without looking at plan or evidence: what can still be done for a message that breaks everything else."""
    scene = await _scene(decision, signal if with_home else replace(signal, home_id=None))
    scene = replace(scene, seen={})
    cause = scene.cause(AlertKind.SOS, reason="could_not_be_handled")
    if scene.active is None and scene.plan is not None:
        await decision.open_(cause, scene.around, home=scene.home, plan=replace(scene.plan, policies={}))
    else:
        await _raise(decision, scene, cause)
    await decision.connection.execute(QUERIES["delete_signal"], {"signal_id": signal.signal_id})
    return True


def _seen(context: HomeContext, signal: Signal, states: list[dict[str, Any]]) -> dict[str, Any]:
    """What is known of the home at the press: the last activity and its place, and the device's own place."""
    places = {device.device_id: device.place for device in context.home.devices}
    activity = state_of(states).only(context.home.devices).activity
    return {
        "last_activity_at": instant(activity.at) if activity else None,
        "last_place": places.get(activity.device_id or "") if activity else None,
        "place": places.get(signal.device_id),
    }


def _ignored(decision: Decision, signal: Signal, reason: str) -> None:
    decision.after.logs.append((events.SIGNAL_IGNORED, {"urgent_id": signal.urgent_id, "reason": reason}))


def _signal(row: dict[str, Any]) -> Signal:
    return Signal(
        signal_id=row["signal_id"],
        attempts=row["attempts"],
        urgent_id=row["urgent_id"],
        account=row["account"],
        device_id=row["device_id"],
        message_id=row["message_id"],
        type=row["type"],
        home_id=row["home_id"],
        at=row["at"],
        received_at=row["received_at"],
        data=row["data"] if isinstance(row["data"], dict) else {},
        marks=tuple(row["marks"]),
    )
