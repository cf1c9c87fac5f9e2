"""Alerts as JSON (contract section 6)."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from lampkeep.domain.vocabulary import AlertKind, AlertState, Outcome, Priority
from lampkeep_api.fields import Id, Text
from lampkeep_api.people import ResidentBrief, ResidentSheet, resident_from

EXAMPLE: dict[str, Any] = {
    "id": "01JD3YB1S0M7",
    "kind": "sos",
    "priority": "life",
    "state": "acknowledged",
    "home_id": "home-001",
    "area": "jiangnan-g03",
    "opened_at": "2026-11-22T10:00:00.140Z",
    "pressed_at": "2026-11-22T10:00:00.123Z",
    "acknowledged_at": "2026-11-22T10:00:21.500Z",
    "closed_at": None,
    "owner": {"id": "wang-li", "name": "王丽", "kind": "responder"},
    "late": False,
    "round": 1,
    "occurrence_count": 1,
    "next_step_at": None,
    "evidence": {"last_activity_at": "2026-11-22T09:58:02Z", "last_place": "bathroom"},
    "version": 3,
}


class AlertOwner(BaseModel):
    """Who has taken it: a responder, or the holder of a token."""

    id: str
    name: str
    kind: Literal["responder", "user"]


class Alert(BaseModel):
    """An alert as it stands in lists and on the stream."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: str
    kind: AlertKind
    priority: Priority
    state: AlertState
    home_id: str | None
    area: str | None
    opened_at: AwareDatetime
    pressed_at: AwareDatetime | None
    acknowledged_at: AwareDatetime | None
    closed_at: AwareDatetime | None
    owner: AlertOwner | None
    late: bool
    round: int
    occurrence_count: int
    next_step_at: AwareDatetime | None
    evidence: dict[str, Any]
    version: int


class AlertPage(BaseModel):
    """A page of alerts, newest first."""

    items: list[Alert]
    next: str | None = Field(description="the cursor of the next page; null on the last")


class Occurrence(BaseModel):
    """One cause: a message or a finding of a rule."""

    id: int
    kind: AlertKind
    device: str | None
    account: str | None
    at: AwareDatetime
    received_at: AwareDatetime
    late: bool
    evidence: dict[str, Any]


class StepRun(BaseModel):
    """A step of a round: owed, started, sent, delivered, and whether within its budget (`met` null while open)."""

    round: int
    step: int
    role: str
    due_at: AwareDatetime
    started_at: AwareDatetime | None
    sent_at: AwareDatetime | None
    delivered_at: AwareDatetime | None
    deliver_within_s: float
    met: bool | None
    ended: str | None = Field(description="null while it runs; nobody_to_reach, failed, stopped")


class AlertHome(BaseModel):
    """Where it is."""

    id: str
    area: str
    address: str | None
    location: tuple[float, float] | None = Field(description="latitude, longitude, WGS 84")
    plan: str
    emergency_consent: bool


class AlertDetail(Alert):
    """One alert, whole. Viewers and auditors get residents without telephone and notes."""

    outcome: Outcome | None
    occurrences: list[Occurrence]
    steps: list[StepRun]
    home: AlertHome | None
    residents: list[ResidentSheet | ResidentBrief]


class TimelineEntry(BaseModel):
    """Something that happened to an alert."""

    at: AwareDatetime
    what: str = Field(examples=["acknowledged"])
    actor: str = Field(examples=["user:t-1f6a", "responder:wang-li", "device:pendant-001", "dispatch", "system"])
    detail: dict[str, Any]


class TimelinePage(BaseModel):
    """A page of the timeline, oldest first."""

    items: list[TimelineEntry]
    next: str | None


def _blank_is_none(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


class NoteBody(BaseModel):
    """A few words that go with an act; unknown members are passed over."""

    note: Annotated[Text | None, BeforeValidator(_blank_is_none)] = None


class TakeBody(NoteBody):
    """Taking an alert, oneself or for a responder."""

    # a misspelled `for` must not make the wrong person the owner
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"for": "wang-li"}, {}]})

    for_: Id | None = Field(default=None, alias="for", description="id of the responder who takes it; default: you")


class ResolveBody(NoteBody):
    """How it ended. A note is the reason by which the emergency line may be stood down too."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"outcome": "helped", "note": "on the sofa, well"}]})

    outcome: Outcome


class WriteNoteBody(BaseModel):
    """A note."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "daughter called back"}]})

    note: Text = Field(validation_alias=AliasChoices("note", "text"))


def alert_members(row: Mapping[str, Any]) -> dict[str, Any]:
    """What an alert has everywhere, from a row of `list_columns` (queries.sql)."""
    owner = None
    if row["owner_id"] is not None:
        owner = AlertOwner(id=row["owner_id"], name=row["owner_name"], kind=row["owner_kind"])
    return {
        "id": row["alert_id"],
        "kind": row["kind"],
        "priority": row["priority"],
        "state": row["state"],
        "home_id": row["home_id"],
        "area": row["area_id"],
        "opened_at": row["opened_at"],
        "pressed_at": row["pressed_at"],
        "acknowledged_at": row["acknowledged_at"],
        "closed_at": row["closed_at"],
        "owner": owner,
        "late": row["late"],
        "round": row["round"],
        "occurrence_count": row["occurrence_count"],
        "next_step_at": row["next_step_at"],
        "evidence": row["evidence"],
        "version": row["version"],
    }


def alert_from(row: Mapping[str, Any]) -> Alert:
    """The list object of a row."""
    return Alert(**alert_members(row))


def detail_from(row: Mapping[str, Any], *, today: date, private: bool) -> AlertDetail:
    """The whole alert of a row of `alert_whole`; `private`: with telephone numbers and notes; `today` is local."""
    return AlertDetail(
        **alert_members(row),
        outcome=row["outcome"],
        occurrences=[Occurrence(**one) for one in row["occurrences"]],
        steps=[StepRun(**one) for one in row["steps"]],
        home=AlertHome(**row["home"]) if row["home"] else None,
        residents=[resident_from(one, today=today, private=private) for one in row["residents"]],
    )


PRIVATE = frozenset({"note", "notes", "phone"})
"""Members that a viewer does not see, wherever in a detail they stand."""


def without_private(value: Any) -> Any:
    """`value` (JSON) without the members that a viewer does not see."""
    if isinstance(value, dict):
        return {key: without_private(one) for key, one in value.items() if key not in PRIVATE}
    if isinstance(value, list):
        return [without_private(one) for one in value]
    return value


def timeline_entry(row: Mapping[str, Any], *, private: bool) -> TimelineEntry:
    """One row of `timeline_page`."""
    at: datetime = row["at"]
    detail = row["detail"] if private else without_private(row["detail"])
    return TimelineEntry(at=at, what=row["what"], actor=row["actor"], detail=detail)
