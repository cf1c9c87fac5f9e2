"""An escalation policy: who is asked, when, and how soon a delivery is owed."""

from dataclasses import dataclass, replace
from datetime import time, timedelta

from lampkeep.domain.vocabulary import AlertKind, Priority, Role

DEFAULT_LEASE = timedelta(minutes=5)
"""`acknowledge_lease` where a policy names none (contract section 3)."""

DEFAULT_DELIVER_WITHIN = timedelta(seconds=5)
"""`deliver_within` where a step names none: the contract's own example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rung. `after` counts from the opening of the alert; all people of all roles in `to` are asked at once."""

    to: tuple[Role, ...]
    after: timedelta
    deliver_within: timedelta = DEFAULT_DELIVER_WITHIN
    repeat_every: timedelta | None = None

    @property
    def role(self) -> str:
        """The roles as one word for records and metrics, several joined by commas."""
        return ",".join(self.to)

    @property
    def calls_the_line(self) -> bool:
        """Whether this rung is the emergency line's; it stands alone there (`apart`)."""
        return Role.EMERGENCY_LINE in self.to


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The ladder of one alert; `hours` (local, from–to) delays its steps to the next such hour where set."""

    policy_id: str
    steps: tuple[Step, ...]
    acknowledge_lease: timedelta = DEFAULT_LEASE
    hours: tuple[time, time] | None = None


LIFELINE = Policy(
    policy_id="built-in-lifeline",
    steps=(
        Step(to=(Role.GRID_WORKER,), after=timedelta(0), repeat_every=timedelta(seconds=30)),
        Step(to=(Role.FAMILY,), after=timedelta(seconds=60), repeat_every=timedelta(seconds=30)),
        Step(to=(Role.EMERGENCY_LINE,), after=timedelta(seconds=120)),
    ),
)
"""For a plan that names no policy: the contract's `sos-default`."""

TECHNICAL = Policy(
    policy_id="built-in-technical",
    steps=(
        Step(
            to=(Role.OPERATOR, Role.SUPERVISOR, Role.GRID_WORKER),
            after=timedelta(0),
            deliver_within=timedelta(minutes=5),
        ),
    ),
    hours=(time(8), time(20)),
)
"""A technical kind that is not named: duty room and grid worker, 08:00–20:00, without repeats (contract section 3).

Five minutes to deliver: nothing waits for it, and a missed budget should still mean a broken channel.
"""

DUTY_ROOM_ONLY = Policy(
    policy_id="built-in-duty-room",
    steps=(Step(to=(Role.OPERATOR, Role.SUPERVISOR), after=timedelta(0), repeat_every=timedelta(minutes=1)),),
)
"""An alert without a home, or an operational one: the duty room at once and each minute until acknowledged."""


def apart(policy: Policy) -> Policy:
    """The policy with the emergency line on rungs of its own.

    A step that asks the line together with others becomes two at the same instant, the others' first: the line may have
    to wait for an operator's yes, and the others must not.
    """
    steps: list[Step] = []
    for step in policy.steps:
        others = tuple(role for role in step.to if role is not Role.EMERGENCY_LINE)
        if step.calls_the_line and others:
            steps += [replace(step, to=others), replace(step, to=(Role.EMERGENCY_LINE,))]
        else:
            steps.append(step)
    return replace(policy, steps=tuple(steps))


def choose(by_name: dict[str, Policy], kind: AlertKind) -> Policy:
    """The policy of a plan for `kind`; `by_name` is keyed by kind, by priority or 'default'.

    `default` does not stand for technical kinds: those go to the duty room and the grid worker unless they are named.
    """
    for name in (kind.value, kind.priority.value):
        if name in by_name:
            return apart(by_name[name])
    if kind.priority is Priority.TECHNICAL:
        return TECHNICAL
    if kind.priority is Priority.OPERATIONAL:
        return DUTY_ROOM_ONLY
    return apart(by_name.get("default", LIFELINE))
