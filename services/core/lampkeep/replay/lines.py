"""One line of a recording: a message of contract section 2 with the `device` that sent it.

The usual shapes are read without pydantic, three times as fast; anything else goes the way of live messages, so that
both accept and refuse the same.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

import orjson

from lampkeep.contracts.messages import UnreadableError, parse_instant, read_message
from lampkeep.contracts.readings import VALUE_OF, percent, value_of
from lampkeep.domain.home_state import ALWAYS_ON, Reading
from lampkeep.domain.rules.urgent import UNREADABLE
from lampkeep.domain.vocabulary import URGENT_TYPES

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z", re.ASCII)
_PLAIN_TYPES: dict[str, str | None] = {**VALUE_OF, **dict.fromkeys(ALWAYS_ON), "heartbeat": None}
_ONE = 1
_PLAIN_SIZE = 512
_LONGEST_ID = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Urgent:
    """A recorded message of the urgent lane; `content` is its `data`."""

    device_id: str
    type: str
    content: Mapping[str, object]


Said: TypeAlias = tuple[datetime | None, int, str, Reading | Urgent]
"""A recorded message: the device's clock (None where it told none), the number of its line from 1, its id, and what it
says. A reading names no home: that is the community file's to say. A plain tuple, because there are millions."""

NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
"""`at` of a reading whose device told no time, until the recording gives it one."""


class BrokenLineError(ValueError):
    """A line that is no message; `still_urgent` is what must raise an alert all the same."""

    def __init__(self, message: str, *, still_urgent: Said | None = None) -> None:
        super().__init__(message)
        self.still_urgent = still_urgent


def read_line(line: bytes, number: int) -> Said:
    """The message of a line; BrokenLineError says why there is none."""
    return _plain(line, number) or _strict(line, number)


def _plain(line: bytes, number: int) -> Said | None:
    """A short observation with the usual fields and nothing else; None is no verdict."""
    if len(line) > _PLAIN_SIZE:
        return None
    try:
        fields = orjson.loads(line)
        device_id, message_id, type_, content = fields["device"], fields["id"], fields["type"], fields["data"]
        name = _PLAIN_TYPES[type_]
        on = type_ in ALWAYS_ON or None if name is None else content[name]
        battery = fields.get("battery")
        size = len(fields)
        usual = (
            fields["v"] is _ONE
            and size == (6 if battery is None else 7)
            and type(content) is dict
            and len(content) == (name is not None)
            and (name is None or type(on) is bool)
            and (battery is None or (type(battery) is int and 0 <= battery <= 100))
            and type(device_id) is str
            and type(message_id) is str
            and 0 < len(device_id) <= _LONGEST_ID
            and 0 < len(message_id) <= _LONGEST_ID
            and (ids := device_id + message_id).isascii()
            and ids.isprintable()
            and _INSTANT.fullmatch(fields["at"])
            # quotation marks of all keys and of the four texts: a key that stands twice, or an escaped one, shows here
            and line.count(b'"') == 2 * (size + len(content) + 4)
        )
        if usual:
            at = datetime.fromisoformat(fields["at"])
            return at, number, message_id, _reading(device_id, type_, at, battery, on)
    except (AttributeError, KeyError, TypeError, ValueError):
        pass
    return None


def _reading(device_id: str, type_: str, at: datetime, battery: int | None, on: bool | None) -> Reading:  # noqa: FBT001
    """`Reading(...)` of no home, in a third of the time: a frozen class sets its fields in a slow way."""
    reading = object.__new__(Reading)
    _SET_DEVICE(reading, device_id)
    _SET_HOME(reading, "")
    _SET_TYPE(reading, type_)
    _SET_AT(reading, at)
    _SET_BATTERY(reading, battery)
    _SET_ON(reading, on)
    _SET_REPEATS(reading, False)  # noqa: FBT003
    return reading


_SET_DEVICE, _SET_HOME, _SET_TYPE, _SET_AT, _SET_BATTERY, _SET_ON, _SET_REPEATS = (
    vars(Reading)[name].__set__ for name in ("device_id", "home_id", "type", "at", "battery", "on", "repeats")
)


def _strict(line: bytes, number: int) -> Said:
    try:
        message = read_message(line)
    except UnreadableError as error:
        raise BrokenLineError(str(error), still_urgent=_still_urgent(line, number, error)) from error
    device_id = (message.model_extra or {}).get("device")
    if not isinstance(device_id, str) or not device_id:
        raise BrokenLineError("no `device`")
    said: Reading | Urgent
    if message.type in URGENT_TYPES:
        said = Urgent(device_id=device_id, type=message.type, content=message.data.model_dump())
    else:
        said = Reading(
            device_id=device_id,
            home_id="",
            type=message.type,
            at=message.at or NO_TIME,
            battery=percent(message.battery),
            on=value_of(message.type, message.data),
        )
    return message.at, number, message.id, said


def _still_urgent(line: bytes, number: int, error: UnreadableError) -> Said | None:
    """An urgent message that could not be read is an alert (contract section 2), where its device can be made out."""
    if not error.is_urgent:
        return None
    try:
        fields: dict[str, Any] = orjson.loads(line)
        device_id = fields["device"]
        at = parse_instant(fields["at"]) if "at" in fields else None
    except (KeyError, TypeError, ValueError):
        return None
    if not isinstance(device_id, str):
        return None
    return at, number, error.message_id or f"line {number}", Urgent(device_id=device_id, type=UNREADABLE, content={})
