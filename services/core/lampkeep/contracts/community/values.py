"""From the objects of a community file, or the bodies that the database keeps of them, to values of the domain."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import date, datetime
from functools import cache
from typing import Any

from lampkeep.contracts.community.fields import DAYS, minutes
from lampkeep.contracts.community.models import Community, DeviceSpec, HomeSpec, ShiftSpec
from lampkeep.domain.care_plan import AWAY, PROMPT, RULES, CarePlan, away_from, care_plan_from, rules_from
from lampkeep.domain.home import Device, Home, Suspension
from lampkeep.domain.parameters import ParameterError
from lampkeep.domain.policy import DEFAULT_DELIVER_WITHIN, DEFAULT_LEASE, Policy, Step
from lampkeep.domain.roster import Roster, Shift
from lampkeep.domain.times import parse_duration
from lampkeep.domain.vocabulary import AlertKind, Priority, Role
from lampkeep.domain.whereabouts import Away


def homes_for_domain(community: Community, *, registered_at: datetime) -> list[tuple[Home, CarePlan]]:
    """Every home with its plan, for running rules without a database; all count as registered at `registered_at`."""
    plans = plans_for_domain(community)
    return [(home_value(spec, registered_at=registered_at), plans[spec.plan]) for spec in community.homes]


def plans_for_domain(community: Community) -> dict[str, CarePlan]:
    """The care plans of the file by id, each with the policies that it chooses."""
    policies = {spec.id: policy_value(spec.id, spec.body()) for spec in community.policies}
    return {spec.id: plan_value(spec.id, spec.body(), policies) for spec in community.plans}


def home_value(spec: HomeSpec, *, registered_at: datetime) -> Home:
    """A home of the file with its devices, all registered at `registered_at`."""
    return Home(
        home_id=spec.id,
        area_id=spec.area,
        plan_id=spec.plan,
        registered_at=registered_at,
        emergency_consent=spec.emergency_consent,
        devices=tuple(device_value(one, home_id=spec.id, registered_at=registered_at) for one in spec.devices),
        suspensions=suspension_values(one.body() for one in spec.suspend),
    )


def device_value(spec: DeviceSpec, *, home_id: str, registered_at: datetime) -> Device:
    """A device of the file; its account is its own id where it names none."""
    return Device(
        device_id=spec.id,
        home_id=home_id,
        account=spec.speaks_as,
        kind=spec.kind,
        registered_at=registered_at,
        place=spec.place,
        z2m=spec.z2m,
        heartbeat_every=spec.heartbeat_every,
    )


def suspension_values(bodies: Iterable[Mapping[str, Any]]) -> tuple[Suspension, ...]:
    """The `suspend` list of a home as the database keeps it; one that names no beginning has always been."""
    return tuple(
        Suspension(
            rules=frozenset(body["rules"]),
            from_day=date.fromisoformat(body["from"]) if "from" in body else date.min,
            until_day=date.fromisoformat(body["until"]),
            reason=body.get("reason", ""),
        )
        for body in bodies
    )


_WATCHED = {*RULES, AWAY}


def plan_value(plan_id: str, body: Mapping[str, Any], policies: Mapping[str, Policy]) -> CarePlan:
    """A care plan from its body; `policies` are those that it names, or more, by id.

    What this release does not watch yet (see `not_watched`) is left out.
    """
    rules = {name: _watched(name, given) for name, given in body["rules"].items() if name in _WATCHED}
    return care_plan_from(plan_id, {**body, "rules": rules}, policies)


def not_watched(body: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The rules of a plan and their parameters that this release accepts but does not act upon, as paths."""
    unknown = [(name,) for name in body["rules"] if name not in _WATCHED]
    ignored = [
        (name, parameter)
        for name, given in body["rules"].items()
        if name in _WATCHED and given is not True
        for parameter in given
        if parameter not in _parameters(name)
    ]
    return [*unknown, *ignored]


def threshold_mistakes(body: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """What the rules themselves refuse of a plan's body, such as `from` and `by` at one time: paths and messages."""
    for name, given in body["rules"].items():
        if name in _WATCHED:
            try:
                rules_from({name: _watched(name, given)})
                away_from({name: _watched(name, given)})
            except ParameterError as error:
                yield ("rules", *error.path), error.message


def _watched(name: str, given: Any) -> Any:
    if given is True:
        return True
    return {parameter: value for parameter, value in given.items() if parameter in _parameters(name)}


@cache
def _parameters(name: str) -> frozenset[str]:
    if name == AWAY:
        return frozenset(field.name for field in fields(Away))
    own = frozenset(field.name.rstrip("_") for field in fields(RULES[name]))
    asks = {PROMPT} if RULES[name].kind.priority is Priority.WELFARE else set()
    short = {"after"} if name == AlertKind.HOME_UNOBSERVABLE else set()
    return own | asks | short


def policy_value(policy_id: str, body: Mapping[str, Any]) -> Policy:
    """A policy from its body."""
    lease = body.get("acknowledge_lease")
    return Policy(
        policy_id=policy_id,
        steps=tuple(_step(one) for one in body["steps"]),
        acknowledge_lease=parse_duration(lease) if lease else DEFAULT_LEASE,
    )


def _step(body: Mapping[str, Any]) -> Step:
    within, every = body.get("deliver_within"), body.get("repeat_every")
    return Step(
        to=tuple(Role(role) for role in body["to"]),
        after=parse_duration(body.get("after", "0s")),
        deliver_within=parse_duration(within) if within else DEFAULT_DELIVER_WITHIN,
        repeat_every=parse_duration(every) if every else None,
    )


def roster_from(area_id: str, role: str, shifts: Iterable[Mapping[str, Any]]) -> Roster:
    """A roster as the database keeps it."""
    specs = tuple(ShiftSpec.model_validate(dict(body)) for body in shifts)
    return Roster(area_id=area_id, role=Role(role), shifts=tuple(_shift(one) for one in specs))


def _shift(spec: ShiftSpec) -> Shift:
    return Shift(
        responder_ids=spec.responders,
        days=frozenset(DAYS.index(day) for day in spec.days),
        from_minute=minutes(spec.from_),
        to_minute=minutes(spec.to),
    )
