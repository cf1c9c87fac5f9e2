"""What devices say: the message of contract section 2, read strictly.

`read_message` takes the bytes of one payload and gives a model of the union `Message`, or raises `UnreadableError` with
a fixed reason and whatever could still be made out. Stricter than the JSON parsers at hand: duplicate keys, NaN and
Infinity, numbers beyond 64 bits or a finite double, lone surrogates and deep nesting are refused everywhere, control
characters in everything that becomes a key.

It costs about 6 µs a message (json's C scanner with a hook for pairs 3 µs, pydantic 2.5 µs); pydantic's own
`validate_json` takes 2 µs but lets duplicate keys and NaN pass.
"""

import json
import re
from datetime import UTC, datetime
from enum import StrEnum
from math import isfinite
from typing import Annotated, Any, Literal, cast

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from lampkeep.domain.vocabulary import URGENT_TYPES, MessageType

MAX_BYTES = 16 * 1024
"""A larger payload is malformed (contract section 2)."""

MAX_DEPTH = 32
"""Objects and arrays inside one another; the contract's own shapes need 2, the rest is room for extra fields."""

LARGEST_DIGITS = 20
"""No 64-bit integer has more characters, sign included."""


EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class Reason(StrEnum):
    """Why a message was rejected: the fixed words of `rejected_messages.reason`."""

    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_DEVICE = "unknown_device"
    FOREIGN_ACCOUNT = "foreign_account"
    WRONG_TOPIC = "wrong_topic"
    NOT_STORABLE = "not_storable"


class UnreadableError(Exception):
    """A payload is no message. `message_type` and `message_id` are what could be made out of it, or None."""

    def __init__(
        self,
        reason: Reason,
        detail: str,
        *,
        message_type: str | None = None,
        message_id: str | None = None,
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.message_type = message_type
        self.message_id = message_id

    @property
    def is_urgent(self) -> bool:
        """Whether it calls itself by an urgent type, whatever else is wrong with it."""
        return self.message_type in URGENT_TYPES


def parse_instant(text: object) -> datetime:
    """An RFC 3339 instant as aware UTC; ValueError for anything else, a number or a date alone included.

    A leap second counts as the second before it. An instant that UTC cannot hold (year 1 east of Greenwich) becomes the
    nearest one it can: nobody believes either.
    """
    if not isinstance(text, str) or not _RFC_3339.fullmatch(text):
        raise ValueError("not an RFC 3339 instant")
    text = text.upper()
    if text[17:19] == "60":
        text = f"{text[:17]}59{text[19:]}"
    instant = datetime.fromisoformat(text)
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        return EARLIEST if instant.year == 1 else LATEST


NO_NUL = r"^[^\x00]*$"
"""PostgreSQL's text refuses NUL; anything else is the device's own affair."""

MessageId = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=64, pattern=NO_NUL)]
Percent = Annotated[float, Field(strict=True, ge=0, le=100, allow_inf_nan=False)]


def _given(value: object) -> object:
    """What is optional may be left out; null is a wrong type like any other."""
    if value is None:
        raise ValueError("null")
    return value


class Strict(BaseModel):
    """No coercion; unknown extra fields are kept (`model_extra`) and ignored."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, allow_inf_nan=False)


class NoData(Strict):
    """`{}`."""


class SosData(Strict):
    """`test`: a test press is stored and receipted and raises no alert."""

    test: bool = False


class SosCancelData(Strict):
    """`ref`: the id of the sos that is called back."""

    ref: MessageId


class AlarmData(Strict):
    """`active` false: it is over."""

    active: bool = True


class DoorData(Strict):
    """Whether the door stands open."""

    open: bool


class MotionData(Strict):
    """`active` true is an instant of movement; false is only a sign of life of the sensor."""

    active: bool = True


class PresenceData(Strict):
    """Whether somebody lies in the bed or sits on the chair."""

    occupied: bool


class PromptAnswerData(Strict):
    """The resident's answer to a prompt about `alert`."""

    alert: MessageId
    well: bool


class TamperData(Strict):
    """Whether the case is open or the sensor torn off."""

    active: bool


class _Message(Strict):
    v: Annotated[int, Field(strict=True, ge=1, le=1)]
    id: MessageId
    at: Annotated[datetime | None, BeforeValidator(parse_instant)] = None
    battery: Annotated[float | None, BeforeValidator(_given)] = Field(default=None, ge=0, le=100)


class Sos(_Message):
    """A press of the button."""

    type: Literal["sos"]
    data: SosData = SosData()


class SosCancel(_Message):
    """The resident calls a press back."""

    type: Literal["sos_cancel"]
    data: SosCancelData


class Fall(_Message):
    """A fall detector."""

    type: Literal["fall"]
    data: AlarmData = AlarmData()


class Smoke(_Message):
    """A smoke detector."""

    type: Literal["smoke"]
    data: AlarmData = AlarmData()


class Gas(_Message):
    """A gas detector."""

    type: Literal["gas"]
    data: AlarmData = AlarmData()


class Door(_Message):
    """A door contact."""

    type: Literal["door"]
    data: DoorData


class Motion(_Message):
    """A movement sensor."""

    type: Literal["motion"]
    data: MotionData = MotionData()


class Presence(_Message):
    """A bed or chair sensor."""

    type: Literal["presence"]
    data: PresenceData


class Checkin(_Message):
    """The "I am well" button."""

    type: Literal["checkin"]
    data: NoData = NoData()


class PromptAnswer(_Message):
    """The resident's answer to a prompt."""

    type: Literal["prompt_answer"]
    data: PromptAnswerData


class Tamper(_Message):
    """Somebody opens or tears off the device."""

    type: Literal["tamper"]
    data: TamperData


class Battery(_Message):
    """Only the state of charge."""

    type: Literal["battery"]
    battery: Percent
    data: NoData = NoData()


class Heartbeat(_Message):
    """Only a sign of life of the device."""

    type: Literal["heartbeat"]
    data: NoData = NoData()


UrgentMessage = Sos | SosCancel | Fall | Smoke | Gas
ObservationMessage = Door | Motion | Presence | Checkin | PromptAnswer | Tamper | Battery | Heartbeat
Message = UrgentMessage | ObservationMessage

MESSAGE: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])
"""Validates the object that `read_json` gave."""

FIELDS = frozenset({"v", "id", "type", "at", "battery", "data"})
"""What version 1 knows at the top level; everything else is extra."""


class Status(Strict):
    """The retained status of a device, also its last will."""

    v: Annotated[int, Field(strict=True, ge=1, le=1)]
    online: bool


STATUS: TypeAdapter[Status] = TypeAdapter(Status)


def read_json(payload: bytes) -> dict[str, Any]:
    """One JSON object, read strictly; UnreadableError (malformed or too_large) for anything else."""
    if len(payload) > MAX_BYTES:
        raise UnreadableError(Reason.TOO_LARGE, f"{len(payload)} bytes, {MAX_BYTES} are allowed")
    if payload.count(b"{") + payload.count(b"[") > MAX_DEPTH:
        _check_depth(payload)
    try:
        value = _DECODER.decode(payload.decode())
        orjson.dumps(value)  # refuses what no JSON text of ours could hold: lone surrogates, integers beyond 64 bits
    except UnicodeDecodeError as error:
        raise UnreadableError(Reason.MALFORMED, f"not UTF-8 at byte {error.start}") from error
    except (ValueError, RecursionError, TypeError) as error:
        raise UnreadableError(Reason.MALFORMED, str(error) or type(error).__name__) from error
    if not isinstance(value, dict):
        raise UnreadableError(Reason.MALFORMED, "not a JSON object")
    return cast("dict[str, Any]", value)


def read_message(payload: bytes) -> Message:
    """One message of either lane; UnreadableError says why it is none."""
    return message_of(read_json(payload))


def message_of(fields: dict[str, Any]) -> Message:
    """The message that an already read object is; UnreadableError (malformed, unknown_type) when it is none."""
    try:
        return MESSAGE.validate_python(fields)
    except ValidationError as error:
        raise _unreadable(fields, error) from error


def read_status(payload: bytes) -> Status:
    """The payload of a `status` topic; UnreadableError when it is none."""
    fields = read_json(payload)
    try:
        return STATUS.validate_python(fields)
    except ValidationError as error:
        raise UnreadableError(Reason.MALFORMED, _first(error)) from error


def _unreadable(fields: dict[str, Any], error: ValidationError) -> UnreadableError:
    kind, message_id = fields.get("type"), fields.get("id")
    kind = kind if isinstance(kind, str) else None
    unknown = kind is not None and kind not in set(MessageType)
    return UnreadableError(
        Reason.UNKNOWN_TYPE if unknown else Reason.MALFORMED,
        f"unknown type {kind!r:.80}" if unknown else _first(error),
        message_type=kind,
        message_id=message_id if _is_id(message_id) else None,
    )


def _is_id(value: object) -> bool:
    try:
        _ID.validate_python(value)
    except ValidationError:
        return False
    return True


def _first(error: ValidationError) -> str:
    """Where and what, without the value: details are for people and may not hold a resident's words."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"[:200]


def _check_depth(payload: bytes) -> None:
    depth, quoted, escaped = 0, False, False
    for byte in payload:
        if quoted:
            quoted = escaped or byte != _QUOTE
            escaped = byte == _BACKSLASH and not escaped
        elif byte == _QUOTE:
            quoted = True
        elif byte in b"{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise UnreadableError(Reason.MALFORMED, f"nested deeper than {MAX_DEPTH}")
        elif byte in b"}]":
            depth -= 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _integer(digits: str) -> int:
    if len(digits) > LARGEST_DIGITS:
        raise ValueError("an integer does not fit 64 bits")
    return int(digits)


def _double(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        raise ValueError("a number does not fit a double")
    return value


_QUOTE, _BACKSLASH = b'"\\'
_ID: TypeAdapter[str] = TypeAdapter(MessageId)
_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_integer, parse_float=_double, strict=True
)
