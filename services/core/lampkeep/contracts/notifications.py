"""What a person is told: the body of contract section 5, and the pure builder that makes it.

A notification is put together when it is sent, from what the database holds then; the same row gives the same id on
every retry. Neighbours and volunteers are told name, address and what happened, and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from typing import Any, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from lampkeep.contracts.texts import Saying, say, what_happened
from lampkeep.domain.home import Resident
from lampkeep.domain.vocabulary import TOLD_LITTLE, AlertKind, AlertState, Priority

Reason = Literal["step", "repeat", "again", "confirm", "stand_down", "update"]
"""Why somebody is told."""

REASONS: frozenset[str] = frozenset(get_args(Reason))


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldAlert:
    """The alert as it stands when the notification is put together. Instants are aware; `home_id` None: no home."""

    alert_id: str
    kind: AlertKind
    priority: Priority
    state: AlertState
    opened_at: datetime
    pressed_at: datetime | None
    home_id: str | None
    area_id: str | None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Everything that one body is made of. `detail` holds what the text names beside the alert (an owner's name)."""

    notification_id: UUID
    reason: Reason
    text_key: str
    alert: ToldAlert
    responder_id: str
    role: str
    round: int | None = None
    step: int | None = None
    address: str | None = None
    location: tuple[float, float] | None = None
    residents: tuple[Resident, ...] = ()
    acknowledge_url: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AlertPart(_Part):
    """The alert that it is about."""

    id: str
    kind: AlertKind
    priority: Priority
    state: AlertState
    opened_at: datetime
    pressed_at: datetime | None
    home_id: str | None
    area: str | None


class HomePart(_Part):
    """Where to go: `location` is latitude, longitude, WGS 84."""

    address: str | None
    location: tuple[float, float] | None


class NamedPart(_Part):
    """A resident for a neighbour or volunteer: the name and nothing else; null where none is kept."""

    name: str | None


class ResidentPart(NamedPart):
    """A resident for those who answer for them; `age` in whole years."""

    age: int | None
    phone: str | None
    notes: str | None


class EvidencePart(BaseModel):
    """What is known: rules add fields of their own."""

    model_config = ConfigDict(frozen=True, extra="allow")

    last_activity_at: datetime | None = None
    last_place: str | None = None
    text: str


class HappenedPart(_Part):
    """What happened, for a neighbour or volunteer."""

    text: str


class TextPart(_Part):
    """One sentence for a person, in Chinese and in English."""

    zh: str
    en: str


class Body(_Part):
    """The JSON of a notification, fields in the contract's order."""

    v: Literal[1] = 1
    notification_id: UUID
    reason: Reason
    alert: AlertPart
    round: int | None = Field(description="null: not about a step")
    step: int | None
    role: str
    responder: str
    home: HomePart | None = Field(description="null: the alert has no home")
    residents: tuple[ResidentPart | NamedPart, ...]
    evidence: EvidencePart | HappenedPart
    acknowledge_url: str | None = Field(description="null once the alert is closed")
    text: TextPart

    def json_bytes(self) -> bytes:
        """The raw body: UTF-8, instants in UTC; the same for the same telling, so that a retry can be compared."""
        return self.model_dump_json().encode()


def body(telling: Telling, *, now: datetime, zone: tzinfo) -> Body:
    """Put the notification together. `now` (aware) gives ages; `zone` is the community's, for times of day in texts."""
    alert = telling.alert
    little = telling.role in TOLD_LITTLE
    today = now.astimezone(zone).date()
    saying = _saying(telling, today, zone)
    return Body(
        notification_id=telling.notification_id,
        reason=telling.reason,
        alert=AlertPart(
            id=alert.alert_id,
            kind=alert.kind,
            priority=alert.priority,
            state=alert.state,
            opened_at=alert.opened_at.astimezone(UTC),
            pressed_at=alert.pressed_at.astimezone(UTC) if alert.pressed_at else None,
            home_id=alert.home_id,
            area=alert.area_id,
        ),
        round=telling.round,
        step=telling.step,
        role=telling.role,
        responder=telling.responder_id,
        home=None if alert.home_id is None else HomePart(address=telling.address, location=telling.location),
        residents=tuple(_resident(resident, today, little=little) for resident in telling.residents),
        evidence=_evidence(alert.evidence, saying, little=little),
        acknowledge_url=None if alert.state.is_closed else telling.acknowledge_url,
        text=TextPart(zh=say(saying, "zh"), en=say(saying, "en")),
    )


def age(born: date | None, today: date) -> int | None:
    """Whole years on `today`; None when the birthday is not known. Born on 29 February: a year older on 1 March."""
    if born is None:
        return None
    return max(0, today.year - born.year - ((today.month, today.day) < (born.month, born.day)))


def _resident(resident: Resident, today: date, *, little: bool) -> ResidentPart | NamedPart:
    if little:
        return NamedPart(name=resident.name)
    return ResidentPart(name=resident.name, age=age(resident.born, today), phone=resident.phone, notes=resident.notes)


def _evidence(evidence: Mapping[str, Any], saying: Saying, *, little: bool) -> EvidencePart | HappenedPart:
    text = str(evidence.get("text") or what_happened(saying, "zh"))
    if little:
        return HappenedPart(text=text)
    return EvidencePart.model_validate({**evidence, "text": text})


def _saying(telling: Telling, today: date, zone: tzinfo) -> Saying:
    little = telling.role in TOLD_LITTLE
    alert = telling.alert
    happened_at = alert.pressed_at or alert.opened_at
    return Saying(
        reason=telling.reason,
        text_key=telling.text_key,
        kind=alert.kind,
        names=tuple(resident.name for resident in telling.residents),
        ages=() if little else tuple(age(resident.born, today) for resident in telling.residents),
        address=telling.address,
        home_id=alert.home_id,
        local=happened_at.astimezone(zone),
        evidence=alert.evidence,
        detail=telling.detail,
    )
