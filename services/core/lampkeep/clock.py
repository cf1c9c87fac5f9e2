"""The only reader of the wall clock.

`now` is an anchor (wall clock at start) plus the monotonic clock: a step of the wall clock neither fires nor freezes
timers. A difference of more than `FOLLOW_AT_ONCE_S` is slewed at `SLEW_RATE` instead of jumped, in both directions, so
that `now` never runs backwards; `step_s` says how far the wall clock is off, for a warning to people.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

FOLLOW_AT_ONCE_S = 2.0
"""A difference up to this is ordinary drift and is followed at once when forward (ADR 0005)."""

SLEW_RATE = 0.05
"""Seconds corrected a second beyond that: an hour's step is worked off in 20 h without a deadline more than 5 % off."""


class Clock(Protocol):
    """What tells the time to everything else."""

    def now(self) -> datetime:
        """The present instant: aware, UTC, never before an earlier answer."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed point, for timeouts; unaffected by the wall clock."""
        ...


class SystemClock:
    """The machine's time, protected against steps of its wall clock."""

    def __init__(self) -> None:
        """Anchor the wall clock to the monotonic one."""
        self._anchor = time.time()
        self._since = time.monotonic()
        self._last = self._anchor

    @property
    def step_s(self) -> float:
        """Seconds by which the wall clock is ahead of `now` (negative: behind)."""
        return time.time() - (self._anchor + time.monotonic() - self._since)

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        return datetime.fromtimestamp(self._now(), UTC)

    def monotonic(self) -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic()

    def _now(self) -> float:
        tick = time.monotonic()
        reckoned = self._anchor + tick - self._since
        off = time.time() - reckoned
        if abs(off) <= FOLLOW_AT_ONCE_S:
            correction = off
        else:
            room = SLEW_RATE * (tick - self._since)
            correction = max(-room, min(room, off))
        self._anchor, self._since = reckoned + correction, tick
        self._last = max(self._last, self._anchor)
        return self._last


class ManualClock:
    """A clock that tests and replay move by hand."""

    def __init__(self, at: datetime) -> None:
        """Start at `at` (aware)."""
        self._at = at.astimezone(UTC)
        self._start = self._at

    def now(self) -> datetime:
        """The instant that was last set."""
        return self._at

    def monotonic(self) -> float:
        """Seconds moved since the start."""
        return (self._at - self._start).total_seconds()

    def advance(self, by: timedelta) -> None:
        """Move forward by `by`; a negative step is refused with ValueError."""
        if by < timedelta(0):
            raise ValueError("a clock does not run backwards")
        self._at += by

    def set(self, at: datetime) -> None:
        """Move forward to `at` (aware)."""
        self.advance(at - self._at)
