"""What a message says once it is decoded: values of `decode`, before the registry is asked."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any

from lampkeep.contracts.messages import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why something is recorded as rejected; `detail` is for a person and holds no value of the payload's free text."""

    reason: Reason
    detail: str


@dataclass(slots=True, kw_only=True)
class Observed:
    """One observation. `at` is the device's word; `on` the value, None where the type has none.

    `message_id` None: nobody gave it one (status). `battery` is whole percent, `content` the `data` object as it came.
    Nobody changes one; it is not frozen because that alone costs 3 µs a message.
    """

    account: str
    device_id: str
    message_id: str | None
    type: str
    content: dict[str, Any]
    at: datetime | None = None
    battery: int | None = None
    on: bool | None = None
    extra: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Urgent:
    """One urgent message, readable or not: with a `problem` it is recorded as rejected, too.

    `type` is that of the message, or `unknown` or `unreadable`; `message_id` None: it could not be read.
    """

    account: str
    device_id: str
    message_id: str | None
    type: str
    at: datetime | None = None
    battery: int | None = None
    content: dict[str, Any] | None = None
    extra: dict[str, Any] | None = None
    marks: tuple[str, ...] = ()
    problem: Problem | None = None


class Bridge(Enum):
    """What kind of thing a Zigbee2MQTT bridge said."""

    STATE = auto()
    """The state of a device, as one object."""
    ACTION = auto()
    """The bare word of an action, which its state tells as well."""
    CONNECTION = auto()
    """Whether a device, or the bridge itself, is online."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridged:
    """Something that a bridge said of the device `name` (the empty name: of itself); `z2m` makes readings of it."""

    account: str
    name: str
    said: Bridge
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Recorded and acknowledged, no more."""

    account: str | None
    device_id: str | None
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """Nothing that is ours to keep."""

    reason: str


Decoded = Observed | Urgent | Bridged | Rejected | Ignored
