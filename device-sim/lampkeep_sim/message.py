"""Messages of section 2 of the contract, as a device writes them, and the topics they go to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson

URGENT_TYPES = frozenset({"sos", "sos_cancel", "fall", "smoke", "gas"})
"""Types of the urgent lane; every other type is an observation."""

FIELDS = frozenset({"v", "id", "type", "at", "battery", "data"})
"""What the contract names; everything else in a message is extra."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of one device. `at` is aware or None (a device without a clock); `battery` is percent."""

    message_id: str
    type: str
    at: datetime | None = None
    battery: int | None = None
    content: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further fields beside those of the contract, sent as they are."""

    @property
    def urgent(self) -> bool:
        """True for the types of the urgent lane."""
        return self.type in URGENT_TYPES

    def stamped(self, at: datetime | None) -> "Message":
        """Return the same message with another instant: the id stays, so it remains the same message."""
        return replace(self, at=at)

    def fields(self) -> dict[str, Any]:
        """Return the JSON object of the contract, keys in its order."""
        out: dict[str, Any] = {"v": 1, "id": self.message_id, "type": self.type}
        if self.at is not None:
            out["at"] = rfc3339(self.at)
        if self.battery is not None:
            out["battery"] = self.battery
        out["data"] = dict(self.content)
        return out | dict(self.extra)

    def encode(self) -> bytes:
        """Return the JSON as UTF-8."""
        return orjson.dumps(self.fields())


def rfc3339(at: datetime) -> str:
    """Write an aware instant in UTC with milliseconds, as the contract's examples do."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def lane(message_type: str) -> str:
    """Return the last part of the topic of a message: `urgent` or `observation`."""
    return "urgent" if message_type in URGENT_TYPES else "observation"


def topic(account: str, device: str, last: str) -> str:
    """Return a topic of the contract; `last` is urgent, observation, status or command."""
    return f"lampkeep/v1/{account}/{device}/{last}"


def status(*, online: bool) -> bytes:
    """Return the body of a status message, which is retained, and of the last will."""
    return orjson.dumps({"v": 1, "online": online})
