"""An alert as one value: what it is about, how far it has come, who owns it, and where its escalation stands."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lampkeep.domain.policy import Policy
from lampkeep.domain.vocabulary import AlertKind, AlertState, Outcome, Priority, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who has taken an alert: a responder, or a person who signed in (`user`, its id is that of the token)."""

    owner_id: str
    name: str
    kind: Literal["responder", "user"]
    role: Role | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAt:
    """An instant of one step: when it starts, or when its people are asked again. `step` counts from 1."""

    step: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """An operator is being asked whether the emergency line may be called.

    `due_at` is when the step fell due, `goes_ahead_at` when it is called without an answer (None: never).
    `while_owned`: an operator's `escalate` brought the step about although somebody owns the alert, so the asking goes
    on beside the lease.
    """

    step: int
    due_at: datetime
    asked_at: datetime
    next_ask_at: datetime
    goes_ahead_at: datetime | None
    while_owned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far escalation has come; everything in it is an absolute instant or a count, so it survives any restart.

    `upcoming` holds the steps of this round that have not started, in order, and `repeats` those that have and whose
    people are asked again. `handed_over` names steps of this round whose failure has already moved the others forward.
    `prompt_until` is when a pre-alarm opens unless the resident answers.
    """

    round: int
    upcoming: tuple[StepAt, ...]
    repeats: tuple[StepAt, ...] = ()
    asking: Asking | None = None
    next_round_at: datetime | None = None
    line_called: bool = False
    line_reference: str | None = None
    stood_down: bool = False
    handed_over: tuple[int, ...] = ()
    prompt_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert. `policy` and `consent` are copies from when it opened: later edits do not bend it."""

    alert_id: str
    cause_key: str
    home_id: str | None
    area_id: str | None
    kind: AlertKind
    priority: Priority
    state: AlertState
    opened_at: datetime
    last_cause_at: datetime
    consent: bool
    policy: Policy
    progress: Progress
    pressed_at: datetime | None = None
    acknowledged_at: datetime | None = None
    closed_at: datetime | None = None
    owner: Owner | None = None
    lease_until: datetime | None = None
    late: bool = False
    occurrence_count: int = 1
    outcome: Outcome | None = None
    version: int = 1

    @property
    def next_step_at(self) -> datetime | None:
        """When the next step starts unless somebody takes the alert; None when none is waiting."""
        if self.state is not AlertState.OPEN:
            return None
        if self.progress.upcoming:
            return self.progress.upcoming[0].at
        return self.progress.next_round_at


def cause_key(
    kind: AlertKind, *, home_id: str | None, account: str = "", device_id: str = "", area_id: str = ""
) -> str:
    """What can have only one active alert: the `life` kinds of a home share one, others have one a kind.

    Without a home it is one an (account, device), and for operational kinds one an area.
    """
    if home_id is not None:
        return f"home/{home_id}/{Priority.LIFE if kind.priority is Priority.LIFE else kind}"
    if kind.priority is Priority.OPERATIONAL:
        return f"area/{area_id}/{kind}"
    return f"device/{account}/{device_id}"
