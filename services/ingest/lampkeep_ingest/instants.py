"""Which instant is believed: the clock rules of contract section 2. Pure."""

from datetime import datetime, timedelta
from typing import NamedTuple

FUTURE = timedelta(minutes=2)
"""How far ahead of the receipt a device's clock may be."""

PAST = timedelta(hours=72)
"""How old an instant may be to be believed."""

LATE = timedelta(minutes=5)
"""An urgent message older than this is marked `late`."""


class Believed(NamedTuple):
    """The instant that counts, and why it is not the device's own."""

    at: datetime
    marks: tuple[str, ...]


_AS_SAID: tuple[str, ...] = ()
_ABSENT = ("clock_absent",)
_NOT_BELIEVED = ("clock_not_believed",)


def believed(at: datetime | None, received_at: datetime) -> Believed:
    """`at` where it is at most 2 minutes ahead and 72 h old, else the time of receipt with a mark."""
    if at is None:
        return Believed(received_at, _ABSENT)
    if -PAST <= at - received_at <= FUTURE:
        return Believed(at, _AS_SAID)
    return Believed(received_at, _NOT_BELIEVED)


def is_late(at: datetime | None, received_at: datetime) -> bool:
    """Whether an urgent message with the device's instant `at` came late: however old, even where `at` is not believed,
    because it may come from a queue that was long."""
    return at is not None and received_at - at > LATE
