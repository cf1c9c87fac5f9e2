"""What escalation asks its caller to carry out, in the transaction that saves the alert.

Each effect is one thing that happens now; `Effect` is any of them. Instants are aware datetimes in UTC.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from lampkeep.domain.home import Responder
from lampkeep.domain.vocabulary import AlertState


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """A step starts now: `people` are asked at once. `ready_at` is when it was owed; its lateness counts from there."""

    round: int
    step: int
    role: str
    due_at: datetime
    ready_at: datetime
    deliver_within: timedelta
    people: tuple[Responder, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSkipped:
    """A step had nobody to reach, or may not be taken for this alert; the next one follows at once."""

    round: int
    step: int
    role: str
    due_at: datetime
    deliver_within: timedelta
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepWaits:
    """The emergency line's step waits for an operator's yes."""

    round: int
    step: int
    role: str
    due_at: datetime
    deliver_within: timedelta
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedToConfirm:
    """These people are asked whether 120 may be called; empty when nobody is on duty, the stream still shows it."""

    round: int
    step: int
    people: tuple[Responder, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedAgain:
    """A `repeat` to the people of a started step."""

    round: int
    step: int
    role: str
    people: tuple[Responder, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Somebody learns something: `reason` is 'again' or 'update', `text_key` names the sentence."""

    reason: str
    text_key: str
    people: tuple[Responder, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoodDown:
    """Everybody who was asked need not come, except the owner; the emergency line only where `line_too`."""

    line_too: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundStarted:
    """The ladder begins again at its first step."""

    round: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseLapsed:
    """The owner made no progress for too long; the alert is open again."""

    owner_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidentTold:
    """The device that raised the alert, or the home's pendants and buttons, learn of a state that was entered."""

    state: AlertState


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A pre-alarm opens: nobody answered the prompt, or the answer was no. `reason` is 'no_answer' or 'not_well'."""

    reason: str


Effect = (
    StepStarted
    | StepSkipped
    | StepWaits
    | AskedToConfirm
    | AskedAgain
    | Told
    | StoodDown
    | RoundStarted
    | LeaseLapsed
    | ResidentTold
    | Opened
)
