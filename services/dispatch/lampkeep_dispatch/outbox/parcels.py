"""Parcels: one claimed notification with everything that sending it needs, and what may still be done with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from lampkeep.contracts.notifications import Reason, Telling, ToldAlert
from lampkeep.domain.home import Resident
from lampkeep.domain.vocabulary import AlertKind, AlertState, Priority, Role
from lampkeep.registry.rows import Channel, channels_from
from lampkeep_dispatch.links import Links

DEFAULT_ZONE = "Asia/Shanghai"
"""Contract section 3."""

DELIVER_WITHIN_S = 5.0
"""For notifications that belong to no step: half of it is when their next channel is tried."""

IN_FLIGHT_PAUSE = timedelta(milliseconds=200)
"""A stand-down waits this long for what is under way to the same person, a device's later state for its earlier one;
then it is looked at again."""

ASKS = frozenset({"step", "repeat"})
"""Reasons that are tried until the alert is acknowledged or closed; the others for 30 minutes (contract section 5)."""

ASKED_WHILE_OWNED = "asked_while_owned"
"""In `detail` of what an operator's `escalate` or `confirm` asked of people although somebody owns the alert: that
somebody has acknowledged is no reason to drop it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """`channels` are those still worth trying, each with its place in the person's list. `good_until` is monotonic."""

    notification_id: Any
    alert_id: str
    reason: str
    role: str | None
    round: int | None
    step: int | None
    responder_id: str | None
    device_id: str | None
    text_key: str
    detail: Mapping[str, Any]
    urgent: bool
    created_at: datetime
    give_up_at: datetime | None
    claim: int
    attempt_count: int
    delivered_before: bool
    deliver_within_s: float
    alert: ToldAlert
    channels: tuple[tuple[int, Channel], ...]
    zone: ZoneInfo
    address: str | None
    location: tuple[float, float] | None
    residents: tuple[Resident, ...]
    line_reference: str | None
    asking: bool
    in_flight: bool
    good_until: float
    superseded: bool = False

    @property
    def calls_the_line(self) -> bool:
        """Whether it must be accepted, not only delivered."""
        return self.role == Role.EMERGENCY_LINE and self.reason in ASKS

    def telling(self, links: Links) -> Telling:
        """What its body is made of. Only for people."""
        if self.responder_id is None:
            raise ValueError(f"notification {self.notification_id} is for a device")
        return Telling(
            notification_id=self.notification_id,
            reason=_reason(self.reason),
            text_key=self.text_key,
            alert=self.alert,
            responder_id=self.responder_id,
            role=self.role or "",
            round=self.round,
            step=self.step,
            address=self.address,
            location=self.location,
            residents=self.residents,
            acknowledge_url=links.url(self.alert_id, self.responder_id),
            detail=self.detail,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """It goes out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Nobody needs it any more."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """It can never arrive."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Not yet."""

    reason: str
    by: timedelta


Fate = Send | Drop | Fail | Wait


def fate(parcel: Parcel, now: datetime) -> Fate:
    """What is to be done with a notification that has just been claimed, by the alert as it is now."""
    state = parcel.alert.state
    if parcel.reason in ASKS and (state.is_closed or (state.is_owned and ASKED_WHILE_OWNED not in parcel.detail)):
        return Drop(reason=f"alert_{state}")
    if parcel.reason == "confirm" and not parcel.asking:
        return Drop(reason="nobody_asks_any_more")
    if parcel.reason == "again" and state.is_closed:
        return Drop(reason=f"alert_{state}")
    if parcel.calls_the_line and parcel.line_reference is not None:
        return Drop(reason="line_has_accepted")
    if parcel.reason == "stand_down" and state is AlertState.OPEN:
        return Drop(reason="somebody_is_needed_again")
    if parcel.superseded:
        return Drop(reason="something_later_is_told")
    if parcel.give_up_at is not None and now >= parcel.give_up_at:
        return Fail(reason="gave_up")
    if parcel.device_id is None and not parcel.channels:
        return Fail(reason="no_channel_left")
    if parcel.in_flight:
        return Wait(reason="in_flight", by=IN_FLIGHT_PAUSE)
    return Send()


def parcel_from(row: Mapping[str, Any], *, good_until: float) -> Parcel:
    """A row of query `parcels`."""
    finals = set(row["finals"] or ())
    channels = enumerate(channels_from(row["channels"] or ()))
    within = row["deliver_within_s"]
    return Parcel(
        notification_id=row["notification_id"],
        alert_id=row["alert_id"],
        reason=row["reason"],
        role=row["role"],
        round=row["round"],
        step=row["step"],
        responder_id=row["responder_id"],
        device_id=row["device_id"],
        text_key=row["text_key"],
        detail=row["detail"],
        urgent=row["urgent"],
        created_at=row["created_at"],
        give_up_at=row["give_up_at"],
        claim=row["claim"],
        attempt_count=row["attempt_count"],
        delivered_before=row["delivered_at"] is not None,
        deliver_within_s=DELIVER_WITHIN_S if within is None else within,
        alert=_alert(row),
        channels=tuple((index, channel) for index, channel in channels if index not in finals),
        zone=ZoneInfo(row["timezone"] or DEFAULT_ZONE),
        address=row["address"],
        location=None if row["latitude"] is None else (row["latitude"], row["longitude"]),
        residents=tuple(_resident(one) for one in row["residents"] or ()),
        line_reference=row["line_reference"],
        asking=bool(row["asking"]),
        in_flight=row["in_flight"],
        superseded=row["superseded"],
        good_until=good_until,
    )


def _alert(row: Mapping[str, Any]) -> ToldAlert:
    return ToldAlert(
        alert_id=row["alert_id"],
        kind=AlertKind(row["kind"]),
        priority=Priority(row["priority"]),
        state=AlertState(row["alert_state"]),
        opened_at=row["opened_at"],
        pressed_at=row["pressed_at"],
        home_id=row["home_id"],
        area_id=row["area_id"],
        evidence=row["evidence"],
    )


def _resident(body: Mapping[str, Any]) -> Resident:
    return Resident(
        resident_id=body["resident_id"],
        name=body["name"],
        born=date.fromisoformat(body["born"]) if body["born"] else None,
        phone=body["phone"],
        notes=body["notes"],
    )


def _reason(reason: str) -> Reason:
    match reason:
        case "step" | "repeat" | "again" | "confirm" | "stand_down" | "update":
            return reason
        case _:
            raise ValueError(f"{reason!r} is no reason to tell a person")
