"""Stretches in which observations were neither received nor kept for us: no rule may judge them.

While we are away the broker keeps what devices say, and once that is drained nothing was missed. It keeps nothing where
it had no session of ours, or was away itself; where a broker does not tell since when it runs, it may have been.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from lampkeep_ingest.watched import SETTLED_S

UPTIME_LAG = timedelta(seconds=15)
"""A broker tells how long it has run every 10 s (Mosquitto's `sys_interval`), so it may seem that much younger."""

SHORTEST = timedelta(seconds=2)
"""A stretch below this changes no verdict."""


class Session(Protocol):
    """What is asked of an inbox."""

    connected_s: float | None
    connections: int
    session_kept: bool
    broker_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Nobody watched from `began_at` to `ended_at`; `reason` is session_lost, broker_restarted or broker_unknown."""

    began_at: datetime
    ended_at: datetime
    reason: str


class Unwatched:
    """Looks at each new connection of the observation lane, once it has settled."""

    def __init__(self) -> None:
        self.until: datetime | None = None
        """Up to when the lane was drained, by whichever copy; None where none ever was."""
        self._seen = 0

    def look(self, session: Session, *, now: datetime, now_s: float) -> Gap | None:
        """The gap that a new connection ended, if it did; to be kept before it is told that the lane is drained."""
        connected_s = session.connected_s
        if connected_s is None or session.connections == self._seen or now_s - connected_s < SETTLED_S:
            return None
        self._seen = session.connections
        if self.until is None:
            return None
        ended_at = now - timedelta(seconds=now_s - connected_s)
        reason = self._reason(session)
        if reason is None or ended_at - self.until < SHORTEST:
            return None
        return Gap(began_at=self.until, ended_at=ended_at, reason=reason)

    def _reason(self, session: Session) -> str | None:
        assert self.until is not None
        if not session.session_kept:
            return "session_lost"
        if session.broker_since is None:
            return "broker_unknown"
        return "broker_restarted" if session.broker_since - UPTIME_LAG > self.until else None
