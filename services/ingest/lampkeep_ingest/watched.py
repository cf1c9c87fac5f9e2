"""Up to which instant a lane has been drained: no rule may judge time that nobody watched (design decision 3)."""

from datetime import datetime
from typing import Protocol

SETTLED_S = 1.0
"""A session that has just been found again, or whose window was just full, may have more waiting at the broker."""


class Watched(Protocol):
    """What is asked of an inbox."""

    connected_s: float | None
    saturated_s: float


class Drained:
    """Keeps the instant of one lane, which never goes back."""

    def __init__(self) -> None:
        self.until: datetime | None = None

    def look(self, inbox: Watched, *, oldest_at: datetime | None, now: datetime, now_s: float) -> datetime | None:
        """The instant: `oldest_at`, the receipt of the oldest message in hand, or `now` where there is none.

        It stands still while there is no connection, for a second after one was made, and while the broker holds
        messages back because the receive maximum is used up. (A broker that allows fewer in flight than our receive
        maximum hides that from us: Mosquitto's max_inflight_messages belongs on 0.)
        """
        settled = inbox.connected_s is not None and now_s - inbox.connected_s >= SETTLED_S
        if settled and now_s - inbox.saturated_s >= SETTLED_S:
            until = oldest_at or now
            self.until = until if self.until is None else max(self.until, until)
        return self.until
