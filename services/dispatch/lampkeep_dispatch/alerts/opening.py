"""A new alert as a value, before its first tick."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Any

from lampkeep.domain.alert import Alert, cause_key
from lampkeep.domain.care_plan import CarePlan
from lampkeep.domain.escalation import first_round
from lampkeep.domain.home import Home
from lampkeep.domain.policy import DUTY_ROOM_ONLY, Policy, choose
from lampkeep.domain.vocabulary import AlertKind, AlertState


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What raises an alert, or joins the active one. `pressed_at` is None where no person pressed anything.
    `prompt`: the resident is asked first, and so long."""

    kind: AlertKind
    at: datetime
    received_at: datetime
    home_id: str | None = None
    area_id: str | None = None
    account: str | None = None
    device_id: str | None = None
    urgent_id: int | None = None
    pressed_at: datetime | None = None
    late: bool = False
    prompt: timedelta | None = None
    evidence: dict[str, Any]

    @property
    def key(self) -> str:
        """Which active alert it belongs to."""
        return cause_key(
            self.kind,
            home_id=self.home_id,
            account=self.account or "",
            device_id=self.device_id or "",
            area_id=self.area_id or "",
        )


def new_alert(cause: Cause, *, home: Home | None, plan: CarePlan | None, now: datetime, zone: tzinfo) -> Alert:
    """The alert that `cause` opens now. Without a home it goes to the duty room; with one by the plan's policy."""
    policy = _policy(cause.kind, plan if home is not None else None)
    return Alert(
        alert_id=new_id(now),
        cause_key=cause.key,
        home_id=home.home_id if home else None,
        area_id=home.area_id if home else cause.area_id,
        kind=cause.kind,
        priority=cause.kind.priority,
        state=AlertState.OPEN if cause.prompt is None else AlertState.PRE_ALARM,
        opened_at=now,
        last_cause_at=now,
        consent=home.emergency_consent if home else False,
        policy=policy,
        progress=first_round(policy, now, zone)
        if cause.prompt is None
        else replace(first_round(policy, now + cause.prompt, zone), prompt_until=now + cause.prompt),
        pressed_at=cause.pressed_at,
        late=cause.late,
    )


def new_id(now: datetime) -> str:
    """An alert id: 11 hex digits of milliseconds, so that ids sort by time, and 16 of chance."""
    return f"{int(now.timestamp() * 1000):011x}{secrets.token_hex(8)}"


def _policy(kind: AlertKind, plan: CarePlan | None) -> Policy:
    return DUTY_ROOM_ONLY if plan is None else choose(dict(plan.policies), kind)
