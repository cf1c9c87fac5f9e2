"""Between an alert and its row: plain JSON for the copied policy and for progress, columns for the rest."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from lampkeep.domain.alert import Alert, Asking, Owner, Progress, StepAt
from lampkeep.domain.escalation import next_due_at
from lampkeep.domain.policy import Policy, Step
from lampkeep.domain.vocabulary import AlertKind, AlertState, Outcome, Priority, Role

Json = dict[str, Any]


def alert_from(row: Mapping[str, Any]) -> Alert:
    """The alert of one row of table `alerts`."""
    owner = None
    if row["owner_id"] is not None:
        owner = Owner(
            owner_id=row["owner_id"],
            name=row["owner_name"],
            kind=row["owner_kind"],
            role=Role(row["owner_role"]) if row["owner_role"] else None,
        )
    return Alert(
        alert_id=row["alert_id"],
        cause_key=row["cause_key"],
        home_id=row["home_id"],
        area_id=row["area_id"],
        kind=AlertKind(row["kind"]),
        priority=Priority(row["priority"]),
        state=AlertState(row["state"]),
        opened_at=row["opened_at"],
        last_cause_at=row["last_cause_at"],
        consent=row["consent"],
        policy=policy_from(row["policy"]),
        progress=progress_from(row["progress"]),
        pressed_at=row["pressed_at"],
        acknowledged_at=row["acknowledged_at"],
        closed_at=row["closed_at"],
        owner=owner,
        lease_until=row["lease_until"],
        late=row["late"],
        occurrence_count=row["occurrence_count"],
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        version=row["version"],
    )


def columns_of(alert: Alert) -> Json:
    """The parameters of `insert_alert` and `save_alert` without `policy` and `progress`, which are JSON.

    `touched` says that a person acted, which is a new version whatever it changed.
    """
    owner = alert.owner
    return {
        "alert_id": alert.alert_id,
        "cause_key": alert.cause_key,
        "home_id": alert.home_id,
        "area_id": alert.area_id,
        "kind": alert.kind.value,
        "priority": alert.priority.value,
        "state": alert.state.value,
        "opened_at": alert.opened_at,
        "pressed_at": alert.pressed_at,
        "acknowledged_at": alert.acknowledged_at,
        "closed_at": alert.closed_at,
        "owner_id": owner.owner_id if owner else None,
        "owner_name": owner.name if owner else None,
        "owner_kind": owner.kind if owner else None,
        "owner_role": owner.role.value if owner and owner.role else None,
        "lease_until": alert.lease_until,
        "late": alert.late,
        "last_cause_at": alert.last_cause_at,
        "occurrence_count": alert.occurrence_count,
        "consent": alert.consent,
        "outcome": alert.outcome.value if alert.outcome else None,
        "next_due_at": next_due_at(alert),
        "next_step_at": alert.next_step_at,
        "version": alert.version,
        "touched": False,
    }


def policy_json(policy: Policy) -> Json:
    """A policy with durations in seconds and times of day as HH:MM."""
    return {
        "id": policy.policy_id,
        "acknowledge_lease_s": policy.acknowledge_lease.total_seconds(),
        "hours": [f"{at:%H:%M}" for at in policy.hours] if policy.hours else None,
        "steps": [
            {
                "to": [role.value for role in step.to],
                "after_s": step.after.total_seconds(),
                "deliver_within_s": step.deliver_within.total_seconds(),
                "repeat_every_s": step.repeat_every.total_seconds() if step.repeat_every else None,
            }
            for step in policy.steps
        ],
    }


def policy_from(body: Json) -> Policy:
    """What `policy_json` wrote."""
    hours = body.get("hours")
    return Policy(
        policy_id=body["id"],
        acknowledge_lease=timedelta(seconds=body["acknowledge_lease_s"]),
        hours=(time.fromisoformat(hours[0]), time.fromisoformat(hours[1])) if hours else None,
        steps=tuple(
            Step(
                to=tuple(Role(role) for role in step["to"]),
                after=timedelta(seconds=step["after_s"]),
                deliver_within=timedelta(seconds=step["deliver_within_s"]),
                repeat_every=timedelta(seconds=step["repeat_every_s"]) if step["repeat_every_s"] else None,
            )
            for step in body["steps"]
        ),
    )


def progress_json(progress: Progress) -> Json:
    """Progress with instants as RFC 3339 text in UTC."""
    asking = progress.asking
    return {
        "round": progress.round,
        "upcoming": [_step_at_json(one) for one in progress.upcoming],
        "repeats": [_step_at_json(one) for one in progress.repeats],
        "asking": None
        if asking is None
        else {
            "step": asking.step,
            "due_at": asking.due_at.isoformat(),
            "asked_at": asking.asked_at.isoformat(),
            "next_ask_at": asking.next_ask_at.isoformat(),
            "goes_ahead_at": _iso(asking.goes_ahead_at),
            "while_owned": asking.while_owned,
        },
        "next_round_at": _iso(progress.next_round_at),
        "line_called": progress.line_called,
        "line_reference": progress.line_reference,
        "stood_down": progress.stood_down,
        "handed_over": list(progress.handed_over),
        "prompt_until": _iso(progress.prompt_until),
    }


def progress_from(body: Json) -> Progress:
    """What `progress_json` wrote."""
    asking = body["asking"]
    return Progress(
        round=body["round"],
        upcoming=tuple(_step_at_from(one) for one in body["upcoming"]),
        repeats=tuple(_step_at_from(one) for one in body["repeats"]),
        asking=None
        if asking is None
        else Asking(
            step=asking["step"],
            due_at=datetime.fromisoformat(asking["due_at"]),
            asked_at=datetime.fromisoformat(asking["asked_at"]),
            next_ask_at=datetime.fromisoformat(asking["next_ask_at"]),
            goes_ahead_at=_instant(asking["goes_ahead_at"]),
            while_owned=asking["while_owned"],
        ),
        next_round_at=_instant(body["next_round_at"]),
        line_called=body["line_called"],
        line_reference=body["line_reference"],
        stood_down=body["stood_down"],
        handed_over=tuple(body["handed_over"]),
        prompt_until=_instant(body.get("prompt_until")),
    )


def _step_at_json(one: StepAt) -> Json:
    return {"step": one.step, "at": one.at.isoformat()}


def _step_at_from(body: Json) -> StepAt:
    return StepAt(step=body["step"], at=datetime.fromisoformat(body["at"]))


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
