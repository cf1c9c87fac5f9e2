"""How long to wait before a notification is tried again."""

from datetime import timedelta

FIRST = timedelta(milliseconds=500)
"""Before the second round through the channels; doubles."""

LONGEST_URGENT = timedelta(seconds=10)
"""For `life` alerts: a desk that comes back is told within this, whatever it answered before."""

LONGEST = timedelta(seconds=60)
"""For everything else."""


def backoff(rounds: int, *, urgent: bool, jitter: float, patience: timedelta | None = None) -> timedelta:
    """The pause after `rounds` (from 1) rounds that failed. `jitter` of 0–1 spreads it over half to all of itself.

    `patience` is what the peer asked for (Retry-After, at most 30 s): it is heeded where it is longer.
    """
    longest = LONGEST_URGENT if urgent else LONGEST
    pause = min(FIRST * float(2 ** min(rounds - 1, 16)), longest) * (0.5 + jitter / 2)
    return pause if patience is None else max(pause, patience)
