"""Latencies and what is said about them. Seconds inside, milliseconds in summaries; missing is infinite."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

P999_FROM = 10_000
"""Below this many samples a 99.9th percentile rests on fewer than ten of them, and is not given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """`n` counts everything intended, `missing` what never came; percentiles are over all `n` and may be infinite."""

    n: int
    missing: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float | None
    max_ms: float

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values: an infinite one is null, since JSON has none."""
        return {key: None if value == math.inf else value for key, value in asdict(self).items()}


def summarize(latencies_s: Iterable[float], *, intended: int | None = None) -> Summary:
    """Summarize latencies; with `intended` more than there are, the difference is missing."""
    found = sorted(value for value in latencies_s if math.isfinite(value))
    n = max(intended or 0, len(found))
    missing = n - len(found)

    def at(share: float) -> float:
        rank = max(1, math.ceil(share * n)) - 1  # nearest rank: an observed value, never an invented one
        return round(found[rank] * 1000, 3) if rank < len(found) else math.inf

    if n == 0:
        return Summary(n=0, missing=0, p50_ms=0, p90_ms=0, p99_ms=0, p999_ms=None, max_ms=0)
    return Summary(
        n=n,
        missing=missing,
        p50_ms=at(0.5),
        p90_ms=at(0.9),
        p99_ms=at(0.99),
        p999_ms=at(0.999) if n >= P999_FROM else None,
        max_ms=at(1.0),
    )
