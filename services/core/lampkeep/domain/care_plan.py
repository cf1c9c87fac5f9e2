"""A care plan (一人一策): which rules hold for a home, with which thresholds, and who is told by which policy."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lampkeep.domain.findings import Rule
from lampkeep.domain.policy import Policy
from lampkeep.domain.rules.device_silent import DeviceSilent
from lampkeep.domain.rules.door_left_open import DoorLeftOpen
from lampkeep.domain.rules.inactivity import Inactivity
from lampkeep.domain.rules.low_battery import LowBattery
from lampkeep.domain.rules.not_up import NotUp
from lampkeep.domain.rules.parameters import ParameterError, Parameters
from lampkeep.domain.rules.tamper import Tamper

RULES = {rule.kind.value: rule for rule in (Inactivity, NotUp, DoorLeftOpen, DeviceSilent, LowBattery, Tamper)}
"""Every rule that a plan can name, by its name in the community file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarePlan:
    """The rules of a home and its ladders; `policies` is by kind, by priority or `default` (see `policy.choose`).

    sos, fall, smoke and gas are always on and need no rule.
    """

    plan_id: str
    rules: tuple[Rule, ...] = ()
    policies: Mapping[str, Policy] = field(default_factory=dict)
    sos_cancel_allowed: bool = False


BUILT_IN = CarePlan(plan_id="default", rules=tuple(rule() for rule in RULES.values()))
"""The plan named `default`: every rule with its defaults."""


def care_plan_from(plan_id: str, body: Mapping[str, object], policies: Mapping[str, Policy]) -> CarePlan:
    """The plan of a community file; `policies` are all policies by id. ParameterError where `body` is wrong."""
    chosen = _mapping(body.get("policies") or {}, "policies")
    missing = [(name, policy_id) for name, policy_id in chosen.items() if policy_id not in policies]
    for name, policy_id in missing:
        raise ParameterError(("policies", name), f"{policy_id!r} is no policy")
    return CarePlan(
        plan_id=plan_id,
        rules=rules_from(_mapping(body.get("rules") or {}, "rules")),
        policies={name: policies[str(policy_id)] for name, policy_id in chosen.items()},
        sos_cancel_allowed=body.get("sos_cancel") == "allow",
    )


def rules_from(given: Mapping[str, object]) -> tuple[Rule, ...]:
    """The rules that `given` (the `rules` of a plan) turns on; `true` takes a rule's defaults, `false` leaves it off.

    A mistake raises ParameterError, whose `path` starts at the rule's name.
    """
    return tuple(_rule(name, value) for name, value in given.items() if value is not False)


def _rule(name: str, value: object) -> Rule:
    if name not in RULES:
        raise ParameterError((name,), f"unknown rule; there are {', '.join(RULES)}")
    if value is not True and not isinstance(value, Mapping):
        raise ParameterError((name,), "write `true` for the defaults, or the parameters in braces")
    parameters = Parameters({} if value is True else value)
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
