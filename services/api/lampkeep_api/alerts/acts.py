"""What a person does to an alert: the life cycle decides, and one transaction writes state, act and timeline.

Who is told about it is dispatch's work: it is woken after the commit and finds the row in `acts`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from lampkeep.alerts import store
from lampkeep.domain import life_cycle
from lampkeep.domain.alert import Alert, Owner
from lampkeep.domain.life_cycle import Act, NotAllowedError, Transition
from lampkeep.domain.vocabulary import Outcome, Role
from lampkeep_api.auth.bearer import Caller
from lampkeep_api.database import Connection
from lampkeep_api.problems import Problem
from lampkeep_api.versions import require

CALLS: Mapping[Act, str] = {
    Act.ACKNOWLEDGE: "acknowledge",
    Act.ON_THE_WAY: "on-the-way",
    Act.ON_SCENE: "on-scene",
    Act.RESOLVE: "resolve",
    Act.CANCEL: "cancel",
    Act.ESCALATE: "escalate",
    Act.CONFIRM_EMERGENCY: "confirm-emergency",
    Act.NOTE: "notes",
}
"""The last part of the address of each act; what a 409 names as allowed."""

WHAT: Mapping[Act, str] = {
    Act.ACKNOWLEDGE: "acknowledged",
    Act.ON_THE_WAY: "on_the_way",
    Act.ON_SCENE: "on_scene",
    Act.RESOLVE: "resolved",
    Act.CANCEL: "cancelled",
    Act.ESCALATE: "escalated",
    Act.CONFIRM_EMERGENCY: "emergency_confirmed",
    Act.NOTE: "note",
}
"""How each act stands in the timeline."""

WAKES = ("lampkeep_acts", "lampkeep_alerts")
"""Whom to notify after the commit: dispatch, and the streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts: the holder of a token, or a responder through a link."""

    kind: Literal["user", "responder"]
    actor_id: str
    name: str
    role: str

    @classmethod
    def of(cls, caller: Caller) -> "Actor":
        """The holder of a token."""
        return cls(kind="user", actor_id=caller.token_id, name=caller.name, role=caller.role.value)

    @property
    def text(self) -> str:
        """As it stands in the timeline."""
        return f"{self.kind}:{self.actor_id}"

    @property
    def members(self) -> dict[str, str]:
        """As it stands in `acts`."""
        return {"kind": self.kind, "id": self.actor_id, "name": self.name, "role": self.role}

    @property
    def as_owner(self) -> Owner:
        """The owner of what this one takes."""
        role = next((role for role in Role if role.value == self.role), None)
        return Owner(owner_id=self.actor_id, name=self.name, kind=self.kind, role=role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for. `taker` owns the alert afterwards, if the act takes it; `for_id` if that is not the actor."""

    act: Act
    actor: Actor
    taker: Owner
    for_id: str | None = None
    outcome: Outcome | None = None
    note: str | None = None

    @property
    def detail(self) -> dict[str, Any]:
        """What the act and the timeline remember beyond who and when."""
        members = {"for": self.for_id, "outcome": self.outcome and self.outcome.value, "note": self.note}
        return {key: value for key, value in members.items() if value is not None}


async def perform(connection: Connection, alert: Alert, wish: Wish, *, if_match: str | None, now: datetime) -> Alert:
    """Do it to an alert whose row is locked; returns it with its new version.

    Raises the 412 problem for a stale `if_match`, the 409 problem where the state does not allow it.
    """
    require(if_match, alert.version)
    try:
        transition = _transition(alert, wish, now)
    except NotAllowedError as refused:
        raise not_allowed(refused) from refused
    saved = await store.save(connection, transition.alert)
    entered = [state.value for state in transition.entered]
    await store.leave_act(
        connection,
        alert.alert_id,
        wish.act,
        actor=wish.actor.members,
        entered=transition.entered,
        at=now,
        detail=wish.detail,
    )
    await store.record(
        connection,
        alert.alert_id,
        at=now,
        what=WHAT[wish.act],
        actor=wish.actor.text,
        detail=wish.detail | ({"entered": entered} if entered else {}),
    )
    return saved


def not_allowed(refused: NotAllowedError) -> Problem:
    """The 409 problem: the state, what it allows, and who has the alert."""
    owner = refused.owner
    extra = {
        "state": refused.state.value,
        "allowed": [CALLS[act] for act in refused.allowed],
        "owner": {"id": owner.owner_id, "name": owner.name, "kind": owner.kind} if owner else None,
    }
    return Problem(409, str(refused), extra=extra)


def _transition(alert: Alert, wish: Wish, now: datetime) -> Transition:
    match wish.act:
        case Act.ACKNOWLEDGE:
            return life_cycle.acknowledge(alert, wish.taker, now)
        case Act.ON_THE_WAY:
            return life_cycle.on_the_way(alert, wish.taker, now)
        case Act.ON_SCENE:
            return life_cycle.on_scene(alert, wish.taker, now)
        case Act.RESOLVE:
            return life_cycle.resolve(alert, wish.outcome or Outcome.OTHER, now)
        case Act.CANCEL:
            return life_cycle.cancel(alert, now)
        case Act.ESCALATE:
            return life_cycle.escalate(alert, now)
        case Act.CONFIRM_EMERGENCY:
            return life_cycle.confirm_emergency(alert, now)
        case Act.NOTE:
            return life_cycle.note(alert, now)
