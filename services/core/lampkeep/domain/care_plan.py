"""A care plan (一人一策): which rules hold for a home, with which thresholds, and who is told by which policy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta

from lampkeep.domain.findings import Rule
from lampkeep.domain.parameters import ParameterError, Parameters
from lampkeep.domain.policy import Policy
from lampkeep.domain.rules.device_silent import DeviceSilent
from lampkeep.domain.rules.door_left_open import DoorLeftOpen
from lampkeep.domain.rules.home_unobservable import HomeUnobservable
from lampkeep.domain.rules.inactivity import Inactivity
from lampkeep.domain.rules.low_battery import LowBattery
from lampkeep.domain.rules.missed_checkin import MissedCheckin
from lampkeep.domain.rules.night_exit import NightExit
from lampkeep.domain.rules.not_returned import NotReturned
from lampkeep.domain.rules.not_up import NotUp
from lampkeep.domain.rules.overstay import Overstay
from lampkeep.domain.rules.tamper import Tamper
from lampkeep.domain.times import Window
from lampkeep.domain.vocabulary import Priority
from lampkeep.domain.whereabouts import Away

RULES = {
    rule.kind.value: rule
    for rule in (
        Inactivity,
        NotUp,
        Overstay,
        NightExit,
        NotReturned,
        DoorLeftOpen,
        MissedCheckin,
        DeviceSilent,
        HomeUnobservable,
        LowBattery,
        Tamper,
    )
}
"""Every rule that a plan can name, by its name in the community file."""

PROMPT = "prompt"
"""A parameter of every welfare rule: so long the resident is asked before anybody else is."""

AWAY = "away"
"""Stands among the rules of a plan: how it is judged that nobody is home."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarePlan:
    """The rules of a home and its ladders; `policies` is by kind, by priority or `default` (see `policy.choose`).

    sos, fall, smoke and gas are always on and need no rule. `away` is how it is judged that nobody is home; without a
    rule `not_returned`, its default still bounds how long that lowers a finding. `prompts` is how long a rule asks the
    resident first, by its name.
    """

    plan_id: str
    rules: tuple[Rule, ...] = ()
    policies: Mapping[str, Policy] = field(default_factory=dict)
    sos_cancel_allowed: bool = False
    away: Away = field(default_factory=Away)
    prompts: Mapping[str, timedelta] = field(default_factory=dict)

    @property
    def home_unobservable(self) -> HomeUnobservable | None:
        """The rule, where the plan has it."""
        return next((rule for rule in self.rules if isinstance(rule, HomeUnobservable)), None)

    @property
    def not_returned(self) -> NotReturned | None:
        """The rule, where the plan has it."""
        return next((rule for rule in self.rules if isinstance(rule, NotReturned)), None)


BUILT_IN = CarePlan(
    plan_id="default",
    rules=(
        Inactivity(day=timedelta(hours=5), night=timedelta(hours=12), day_hours=Window(start=time(8), end=time(22))),
        NotUp(by=time(10), from_=time(6)),
        NotReturned(after=timedelta(hours=13)),
        DeviceSilent(),
        HomeUnobservable(),
        LowBattery(),
        Tamper(),
    ),
)
"""The plan named `default`: the rules that need no knowledge of the home, for somebody of whom nothing is known yet.

Its thresholds are looser than those of the rules, which suppose that somebody chose them. 5 h by day, 12 h by night and
a day from 08:00 leave room for an afternoon out of the sensors' sight and for the longest nights of recorded homes
(10.8 h); up by 10:00, because who rises at half past nine is not ill; 13 h away, because a day with the family may last
from ten to eleven at night. Figures on the recorded homes: docs/rules.md. Not among them: `door_left_open`, because a
contact that is mounted the wrong way round says "open" all day (seen in a recorded home); `overstay` and `night_exit`,
which suppose sensors and habits of their own; `missed_checkin`, which must be agreed on."""


def care_plan_from(plan_id: str, body: Mapping[str, object], policies: Mapping[str, Policy]) -> CarePlan:
    """The plan of a community file; `policies` are all policies by id. ParameterError where `body` is wrong."""
    chosen = _mapping(body.get("policies") or {}, "policies")
    missing = [(name, policy_id) for name, policy_id in chosen.items() if policy_id not in policies]
    for name, policy_id in missing:
        raise ParameterError(("policies", name), f"{policy_id!r} is no policy")
    rules = _mapping(body.get("rules") or {}, "rules")
    return CarePlan(
        plan_id=plan_id,
        rules=rules_from(rules),
        away=away_from(rules),
        prompts=prompts_from(rules),
        policies={name: policies[str(policy_id)] for name, policy_id in chosen.items()},
        sos_cancel_allowed=body.get("sos_cancel") == "allow",
    )


def rules_from(given: Mapping[str, object]) -> tuple[Rule, ...]:
    """The rules that `given` (the `rules` of a plan) turns on; `true` takes a rule's defaults, `false` leaves it off.

    A mistake raises ParameterError, whose `path` starts at the rule's name.
    """
    prompts_from(given)
    return tuple(_rule(name, value) for name, value in given.items() if value is not False and name != AWAY)


def prompts_from(given: Mapping[str, object]) -> dict[str, timedelta]:
    """How long each welfare rule asks the resident first (`prompt`), by the name of the rule.

    ParameterError for a mistake, and for one of a rule that is not about the resident's welfare.
    """
    prompts = {}
    for name, value in given.items():
        if name not in RULES or not isinstance(value, Mapping) or PROMPT not in value:
            continue
        if RULES[name].kind.priority is not Priority.WELFARE:
            raise ParameterError((name, PROMPT), "only a rule about the resident's welfare asks first")
        try:
            prompts[name] = Parameters({PROMPT: value[PROMPT]}).duration(PROMPT, timedelta(0))
        except ParameterError as error:
            raise error.under(name) from error
    return prompts


def away_from(given: Mapping[str, object]) -> Away:
    """What `away` among the `rules` of a plan says; ParameterError, whose `path` starts with `away`, for a mistake."""
    value = given.get(AWAY, True)
    if value is True:
        return Away()
    if not isinstance(value, Mapping):
        raise ParameterError((AWAY,), "write the parameters in braces, such as {settle: 5m}")
    parameters = Parameters(value)
    try:
        away = Away.parse(parameters)
        parameters.done()
    except ParameterError as error:
        raise error.under(AWAY) from error
    return away


def _rule(name: str, value: object) -> Rule:
    if name not in RULES:
        raise ParameterError((name,), f"unknown rule; there are {', '.join([*RULES, AWAY])}")
    if value is not True and not isinstance(value, Mapping):
        raise ParameterError((name,), "write `true` for the defaults, or the parameters in braces")
    own = {} if value is True else {key: one for key, one in value.items() if key != PROMPT}
    parameters = Parameters(own)
    try:
        rule = RULES[name].parse(parameters)
        parameters.done()
    except ParameterError as error:
        raise error.under(name) from error
    return rule


def _mapping(value: object, name: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ParameterError((name,), "must be a mapping")
    return value
