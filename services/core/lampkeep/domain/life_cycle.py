"""The life of an alert: which act is allowed when, who owns it afterwards, and how long that holds.

Pure: an act gives a `Transition` or raises `NotAllowedError`. It never starts a step and tells nobody; escalation
reacts to it (`lampkeep.domain.escalation.react`).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from lampkeep.domain.alert import Alert, Owner
from lampkeep.domain.vocabulary import AlertState, Outcome, Priority, Role

ON_THE_WAY_LEASE = timedelta(minutes=20)
"""Contract section 4."""

ON_SCENE_LEASE = timedelta(minutes=60)
"""Contract section 4."""


class Act(StrEnum):
    """What a person can do to an alert."""

    ACKNOWLEDGE = "acknowledge"
    ON_THE_WAY = "on_the_way"
    ON_SCENE = "on_scene"
    RESOLVE = "resolve"
    CANCEL = "cancel"
    ESCALATE = "escalate"
    CONFIRM_EMERGENCY = "confirm_emergency"
    NOTE = "note"


class NotAllowedError(Exception):
    """The state of the alert does not allow the act; `allowed` says what it does allow, `owner` who has it."""

    def __init__(self, message: str, alert: Alert) -> None:
        """Keep what an answer to the person needs."""
        super().__init__(message)
        self.state = alert.state
        self.owner = alert.owner
        self.allowed = allowed(alert)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """The alert after an act, and the states that it entered on the way, in order."""

    alert: Alert
    entered: tuple[AlertState, ...] = ()


_FORWARD = (AlertState.OPEN, AlertState.ACKNOWLEDGED, AlertState.ON_THE_WAY, AlertState.ON_SCENE)

_ACT_INTO = {
    AlertState.ACKNOWLEDGED: Act.ACKNOWLEDGE,
    AlertState.ON_THE_WAY: Act.ON_THE_WAY,
    AlertState.ON_SCENE: Act.ON_SCENE,
}


def allowed(alert: Alert) -> tuple[Act, ...]:
    """The acts that the alert's state allows."""
    if alert.state.is_closed:
        return (Act.NOTE,)
    if alert.state is AlertState.PRE_ALARM:
        return (Act.ACKNOWLEDGE, Act.ON_THE_WAY, Act.ON_SCENE, Act.RESOLVE, Act.CANCEL, Act.ESCALATE, Act.NOTE)
    acts = [_ACT_INTO[state] for state in _later(alert)]
    confirm = (Act.CONFIRM_EMERGENCY,) if _line_can_be_confirmed(alert) else ()
    return (*acts, Act.RESOLVE, Act.ESCALATE, *confirm, Act.NOTE)


def acknowledge(alert: Alert, by: Owner, now: datetime) -> Transition:
    """Take the alert; the owner's own second time renews the lease. Raises NotAllowedError when another has it."""
    if alert.state is AlertState.ACKNOWLEDGED and alert.owner is not None and alert.owner.owner_id == by.owner_id:
        return Transition(alert=_renewed(alert, now))
    return _forward(alert, AlertState.ACKNOWLEDGED, by, now)


def on_the_way(alert: Alert, by: Owner, now: datetime) -> Transition:
    """Somebody goes there; who says so owns the alert from then on, unless a user says it of the responder who does."""
    return _forward(alert, AlertState.ON_THE_WAY, by, now)


def on_scene(alert: Alert, by: Owner, now: datetime) -> Transition:
    """Somebody is there; who says so owns the alert from then on, unless a user says it of the responder who does."""
    return _forward(alert, AlertState.ON_SCENE, by, now)


def resolve(alert: Alert, outcome: Outcome, now: datetime) -> Transition:
    """Close it with an outcome, from any active state."""
    _refuse_closed(alert, Act.RESOLVE)
    closed = replace(alert, state=AlertState.RESOLVED, closed_at=now, lease_until=None, outcome=outcome)
    return Transition(alert=closed, entered=(AlertState.RESOLVED,))


def cancel(alert: Alert, now: datetime) -> Transition:
    """End a pre-alarm; an alert that has opened is resolved, not cancelled."""
    if alert.state is not AlertState.PRE_ALARM:
        raise NotAllowedError(f"alert {alert.alert_id} is {alert.state}: only a pre-alarm can be cancelled", alert)
    closed = replace(alert, state=AlertState.CANCELLED, closed_at=now, lease_until=None)
    return Transition(alert=closed, entered=(AlertState.CANCELLED,))


def escalate(alert: Alert, now: datetime) -> Transition:
    """Ask for the next step now; escalation starts it. Renews a lease like every act."""
    _refuse_closed(alert, Act.ESCALATE)
    return Transition(alert=_renewed(alert, now))


def confirm_emergency(alert: Alert, now: datetime) -> Transition:
    """Allow the emergency line to be called; refused in a pre-alarm, without such a step, and once it was called."""
    _refuse_closed(alert, Act.CONFIRM_EMERGENCY)
    if Act.CONFIRM_EMERGENCY not in allowed(alert):
        raise NotAllowedError(f"alert {alert.alert_id} has no emergency line step that waits for a yes", alert)
    return Transition(alert=_renewed(alert, now))


def note(alert: Alert, now: datetime) -> Transition:
    """Write something down; allowed always, and renews a lease."""
    return Transition(alert=_renewed(alert, now))


def lapse(alert: Alert, now: datetime) -> Transition:
    """The lease ran out: the alert is open again and nobody owns it."""
    if alert.lease_until is None or now < alert.lease_until:
        raise ValueError(f"alert {alert.alert_id}: the lease has not run out")
    opened = replace(alert, state=AlertState.OPEN, owner=None, lease_until=None)
    return Transition(alert=opened, entered=(AlertState.OPEN,))


def lease(alert: Alert, state: AlertState) -> timedelta:
    """How long `state` holds without progress."""
    if state is AlertState.ON_SCENE:
        return ON_SCENE_LEASE
    if state is AlertState.ON_THE_WAY:
        return ON_THE_WAY_LEASE
    return alert.policy.acknowledge_lease


def _forward(alert: Alert, to: AlertState, by: Owner, now: datetime) -> Transition:
    _refuse_closed(alert, _ACT_INTO[to])
    if to not in _later(alert):
        who = f", owned by {alert.owner.owner_id}" if alert.owner else ""
        raise NotAllowedError(f"alert {alert.alert_id} is {alert.state} already{who}", alert)
    if alert.owner is not None and alert.owner.kind == "responder" and by.kind == "user":
        by = alert.owner  # the user reports what the owner does
    entered = tuple(state for state in _later(alert) if _FORWARD.index(state) <= _FORWARD.index(to))
    taken_over = alert.owner is not None and alert.owner.owner_id != by.owner_id
    owned = replace(
        alert,
        state=to,
        owner=by,
        progress=replace(alert.progress, stood_down=False) if taken_over else alert.progress,
        acknowledged_at=alert.acknowledged_at or now,
        lease_until=now + lease(alert, to),
    )
    return Transition(alert=owned, entered=entered)


def _later(alert: Alert) -> tuple[AlertState, ...]:
    if alert.state is AlertState.PRE_ALARM:
        return _FORWARD[1:]
    return _FORWARD[_FORWARD.index(alert.state) + 1 :]


def _renewed(alert: Alert, now: datetime) -> Alert:
    if not alert.state.is_owned:
        return alert
    return replace(alert, lease_until=now + lease(alert, alert.state))


def _line_can_be_confirmed(alert: Alert) -> bool:
    for_people = alert.priority in {Priority.LIFE, Priority.WELFARE} and alert.home_id is not None
    if alert.progress.line_called or not for_people:
        return False
    return any(Role.EMERGENCY_LINE in step.to for step in alert.policy.steps)


def _refuse_closed(alert: Alert, act: Act) -> None:
    if alert.state.is_closed:
        raise NotAllowedError(f"alert {alert.alert_id} is {alert.state}: {act} is no longer possible", alert)
