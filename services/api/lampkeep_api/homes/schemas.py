"""Homes as JSON: the objects of the community file with what is known of them now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from lampkeep.domain.findings import Evidence
from lampkeep.domain.home_state import HomeState
from lampkeep_api.alerts.schemas import Alert, alert_from
from lampkeep_api.devices.schemas import Device
from lampkeep_api.people import ResidentBrief, ResidentSheet, resident_from


class HomeBrief(BaseModel):
    """A home as it stands in lists."""

    id: str = Field(examples=["home-001"])
    area: str = Field(examples=["jiangnan-g03"])
    plan: str = Field(examples=["alone-frail"])
    address: str | None = Field(examples=["江南街道某路1号"])
    location: tuple[float, float] | None = Field(description="latitude, longitude, WGS 84", examples=[[29.08, 119.65]])
    emergency_consent: bool
    residents: list[ResidentSheet | ResidentBrief]
    active_alerts: int = Field(description="how many")
    version: int


class HomePage(BaseModel):
    """A page of homes, by id."""

    items: list[HomeBrief]
    next: str | None


class Stirring(BaseModel):
    """How the home is: the newest sign that somebody stirs, and when its rules look again."""

    last_activity_at: AwareDatetime | None
    last_place: str | None = Field(examples=["bathroom"])
    last_device: str | None = Field(examples=["pir-001"])
    next_check_at: AwareDatetime | None


class Reason(BaseModel):
    """What led to a verdict: which device, and since when."""

    what: str = Field(examples=["activity", "door", "occupied", "gateway_offline"])
    device: str | None = None
    place: str | None = None
    at: AwareDatetime | None = None


class Verdict(BaseModel):
    """What can be said of the home just now, for a person to read."""

    verdict: str = Field(examples=["active", "at_rest", "away", "silent", "unobservable"])
    text_zh: str
    text_en: str
    because: list[Reason]


class Noted(BaseModel):
    """Something that the duty room should know of the home, and nobody was sent for."""

    what: str = Field(description="a kind of alert that was lowered to a note, or suspension_over")
    since: AwareDatetime | None
    noted_at: AwareDatetime
    over_at: AwareDatetime | None = Field(description="null while it holds")
    evidence: dict[str, Any]


class HomeWhole(BaseModel):
    """One home. Viewers and auditors get residents without telephone and notes, and suspensions without reasons."""

    id: str
    area: str
    plan: str
    address: str | None
    location: tuple[float, float] | None
    emergency_consent: bool
    registered_at: AwareDatetime
    residents: list[ResidentSheet | ResidentBrief]
    family: list[str] = Field(description="ids of responders")
    suspend: list[dict[str, Any]] = Field(description="as in the community file")
    devices: list[Device]
    state: Stirring
    verdict: Verdict
    notes: list[Noted] = Field(description="those that hold, and those of the last 7 days; newest first")
    active_alerts: list[Alert]
    version: int


class Said(BaseModel):
    """Something that a device of the home said."""

    at: AwareDatetime = Field(description="the device's clock where it is believed, else the time of receipt")
    received_at: AwareDatetime
    lane: str = Field(examples=["observation", "urgent"])
    device: str
    place: str | None
    type: str = Field(examples=["motion"])
    battery: int | None
    data: Any = Field(examples=[{"active": True}])
    marks: list[str] = Field(description="late, clock_not_believed, id_reused …")


class ActivityPage(BaseModel):
    """A page of what devices said, newest first."""

    items: list[Said]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a home now: the fold, the reasons of its verdict, and rows of `home_notes`."""

    state: HomeState
    reasons: Evidence
    notes: list[dict[str, Any]]


def _verdict(reasons: Evidence) -> Verdict:
    return Verdict.model_validate(
        {
            "verdict": reasons["verdict"],
            "text_zh": reasons["verdict_zh"],
            "text_en": reasons["verdict_en"],
            "because": reasons["because"],
        }
    )


def home_brief(row: Mapping[str, Any], *, today: date, private: bool) -> HomeBrief:
    """A row of `homes_page`; `today` is local."""
    return HomeBrief(
        **_members(row, today=today, private=private),
        active_alerts=row["active_alerts"],
    )


def home_whole(
    row: Mapping[str, Any], now_known: Known, devices: list[Device], *, today: date, private: bool
) -> HomeWhole:
    """A row of `home_whole` with its devices and what is known of them."""
    hidden = set() if private else {"reason"}
    return HomeWhole(
        **_members(row, today=today, private=private),
        registered_at=row["registered_at"],
        family=row["family"],
        suspend=[{key: value for key, value in one.items() if key not in hidden} for one in row["suspend"]],
        devices=devices,
        verdict=_verdict(now_known.reasons),
        notes=[Noted(**note) for note in now_known.notes],
        state=_stirring(row, now_known.state, {device.id: device.place for device in devices}),
        active_alerts=[alert_from(one) for one in row["active_alerts"]],
    )


def _members(row: Mapping[str, Any], *, today: date, private: bool) -> dict[str, Any]:
    return {
        "id": row["home_id"],
        "area": row["area_id"],
        "plan": row["plan_id"],
        "address": row["address"],
        "location": None if row["latitude"] is None else (row["latitude"], row["longitude"]),
        "emergency_consent": row["emergency_consent"],
        "residents": [resident_from(one, today=today, private=private) for one in row["residents"]],
        "version": row["version"],
    }


def _stirring(row: Mapping[str, Any], state: HomeState, places: Mapping[str, str | None]) -> Stirring:
    activity = state.activity
    device_id = activity.device_id if activity else None
    return Stirring(
        last_activity_at=activity.at if activity else None,
        last_device=device_id,
        last_place=places.get(device_id) if device_id else None,
        next_check_at=row["next_check_at"],
    )
