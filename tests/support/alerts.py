"""Builders for alerts, policies and people: a test names only what matters to it."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from lampkeep.domain.alert import Alert, Owner, cause_key
from lampkeep.domain.effects import Effect
from lampkeep.domain.escalation import first_round
from lampkeep.domain.home import Responder
from lampkeep.domain.policy import Policy, Step
from lampkeep.domain.vocabulary import AlertKind, AlertState, Role

OPENED = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def step(*to: Role, after: float, repeat: float | None = None) -> Step:
    return Step(to=to, after=seconds(after), repeat_every=seconds(repeat) if repeat else None)


LADDER = Policy(
    policy_id="ladder",
    steps=(
        step(Role.GRID_WORKER, after=0, repeat=30),
        step(Role.FAMILY, after=60, repeat=30),
        step(Role.EMERGENCY_LINE, after=120),
    ),
)


def person(responder_id: str, role: Role, *, reachable: bool = True) -> Responder:
    return Responder(responder_id=responder_id, name=responder_id.title(), role=role, reachable=reachable)


WANG = person("wang", Role.GRID_WORKER)
WEI = person("wei", Role.FAMILY)
LINE = person("line", Role.EMERGENCY_LINE)
OPS = person("ops", Role.OPERATOR)
SUP = person("sup", Role.SUPERVISOR)


@dataclass
class Crew:
    """People on duty, as escalation asks for them."""

    people: list[Responder] = field(default_factory=lambda: [WANG, WEI, LINE, OPS, SUP])
    zone: tzinfo = SHANGHAI

    def on_duty(self, role: Role) -> tuple[Responder, ...]:
        return tuple(one for one in self.people if one.role is role)

    def without(self, *ids: str) -> "Crew":
        return Crew(people=[one for one in self.people if one.responder_id not in ids], zone=self.zone)


def an_alert(
    kind: AlertKind = AlertKind.SOS,
    *,
    policy: Policy = LADDER,
    consent: bool = True,
    home_id: str | None = "home-1",
    opened_at: datetime = OPENED,
    zone: tzinfo = SHANGHAI,
) -> Alert:
    return Alert(
        alert_id="alert-1",
        cause_key=cause_key(kind, home_id=home_id, account="a", device_id="d"),
        home_id=home_id,
        area_id="grid" if home_id else None,
        kind=kind,
        priority=kind.priority,
        state=AlertState.OPEN,
        opened_at=opened_at,
        last_cause_at=opened_at,
        consent=consent,
        policy=policy,
        progress=first_round(policy, opened_at, zone),
    )


def owner_of(one: Responder) -> Owner:
    return Owner(owner_id=one.responder_id, name=one.name, kind="responder", role=one.role)


A_USER = Owner(owner_id="token-1", name="Duty desk", kind="user")


def named(effects: tuple[Effect, ...]) -> list[str]:
    """Effects as short words, for a timeline that reads at a glance."""
    return [_word(one) for one in effects]


def _word(effect: Effect) -> str:
    word = type(effect).__name__
    parts = [str(getattr(effect, name)) for name in ("round", "step", "reason", "text_key") if hasattr(effect, name)]
    if hasattr(effect, "people"):
        parts.append("+".join(one.responder_id for one in effect.people))
    return " ".join([word, *parts])


def at(alert: Alert, **changes: object) -> Alert:
    return replace(alert, **changes)  # type: ignore[arg-type]
