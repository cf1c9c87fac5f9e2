"""Stretches of time that do not count: nobody watched them, or the home could not be seen in them.

A span is (start, end) of aware instants, UTC; one that still goes on ends at `FOREVER`. `Spans` are sorted and do not
overlap, so that everything here is one pass over them; two that touch stay two, for something happened between them.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Span: TypeAlias = tuple[datetime, datetime]
Spans: TypeAlias = tuple[Span, ...]

FOREVER = datetime.max.replace(tzinfo=UTC)
"""The end of what goes on."""


def union(*many: Iterable[Span]) -> Spans:
    """All of them as sorted spans that do not overlap; empty ones are left out."""
    merged: list[Span] = []
    for start, end in sorted(span for spans in many for span in spans if span[0] < span[1]):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def since(spans: Spans, start: datetime) -> Spans:
    """What of them lies after `start`."""
    if not spans or spans[0][0] >= start:
        return spans
    return tuple((max(first, start), last) for first, last in spans if last > start)


def counted(start: datetime, duration: timedelta, spans: Spans) -> datetime:
    """The first instant at which `duration` has passed since `start`, not counting `spans`; FOREVER where they never
    end."""
    at = start
    for first, last in since(spans, start):
        if first - at > duration or (first - at == duration and first > start):
            break
        duration -= first - at
        if last == FOREVER:
            return FOREVER
        at = last
    return at + duration
