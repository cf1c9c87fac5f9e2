"""Rows as the writers store them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from lampkeep.contracts.messages import Reason
from lampkeep.domain.home_state import Reading
from lampkeep_ingest.inbox import Received

HEAD_BYTES = 4096
"""So much of a rejected payload is kept (contract section 2)."""

REMEMBERED = timedelta(hours=24)
"""How long an id stands for one message (contract section 2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRow:
    """A row of `rejected_messages`."""

    received_at: datetime
    lane: str
    topic: str
    account: str | None
    device_id: str | None
    reason: Reason
    detail: str
    size: int
    head: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class UrgentRow:
    """One urgent message to store, with what goes along.

    `key` is its identity, good for `remembered`; `said_at` the device's own instant, None where it has none. `signals`:
    dispatch must see it. `receipt`: the id to answer the device with. `rejected`: recorded as such too, when it is new.
    """

    account: str
    device_id: str
    key: str
    remembered: timedelta
    message_id: str | None
    type: str
    home_id: str | None
    at: datetime
    said_at: datetime | None
    received_at: datetime
    battery: int | None
    content: dict[str, Any]
    extra: dict[str, Any] | None
    marks: tuple[str, ...]
    retained: bool
    signals: bool
    receipt: str | None
    source: Received = field(repr=False)
    rejected: RejectedRow | None = None


@dataclass(slots=True, kw_only=True)
class ObservationRow:
    """One observation to store. `reading` is what the fold takes; `wakes_at`: the home must be looked at by then.

    Nobody changes one; it is not frozen because that alone costs 3 µs a message.
    """

    account: str
    message_id: str
    reading: Reading
    said_at: datetime | None
    received_at: datetime
    content: dict[str, Any]
    extra: dict[str, Any] | None
    marks: tuple[str, ...]
    retained: bool
    wakes_at: datetime | None
    source: Received = field(repr=False)

    @property
    def key(self) -> tuple[str, str, str]:
        """Its identity. A retained copy has one of its own, so that it cannot stand in the way of the message."""
        message_id = f"retained {self.message_id}" if self.retained else self.message_id
        return self.account, self.reading.device_id, message_id


def rejected_row(
    source: Received, *, lane: str, account: str | None, device_id: str | None, reason: Reason, detail: str
) -> RejectedRow:
    """The record of a message that is not taken. NUL, which text columns refuse, becomes a replacement character."""
    return RejectedRow(
        received_at=source.received_at,
        lane=lane,
        topic=source.topic[:1024].replace("\0", "\ufffd"),
        account=account,
        device_id=device_id,
        reason=reason,
        detail=detail[:500].replace("\0", "\ufffd"),
        size=source.size,
        head=source.payload[:HEAD_BYTES],
    )
