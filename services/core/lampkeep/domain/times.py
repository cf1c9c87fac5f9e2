"""Durations and local times of day, as plans and rosters write them. A day is a calendar day of the community's zone.

A time of day stands for the first instant at which the wall clock of that day shows it or later. So a time that is
skipped in spring is the instant of the change, one that comes twice in autumn is its first coming, and midnight is the
start of the day even where the clock skips it.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

LONGEST_DURATION = timedelta(days=366)
"""No plan or policy has a use for more, and a typing mistake shows."""

_DURATION = re.compile(r"([0-9]{1,9})([smh])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_TIME_OF_DAY = re.compile(r"([0-9]{2}):([0-9]{2})", re.ASCII)
_ONE_DAY = timedelta(days=1)


def parse_duration(text: object) -> timedelta:
    """`90s`, `5m` or `6h` as a timedelta; anything else is refused with a ValueError that says what was expected."""
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is no duration: write a whole number and a unit, such as 90s, 5m or 6h")
    duration = timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
    if duration > LONGEST_DURATION:
        raise ValueError(f"{text} is longer than {LONGEST_DURATION.days} days")
    return duration


def parse_time_of_day(text: object) -> time:
    """`"09:30"` as a time; anything else is refused with ValueError."""
    match = _TIME_OF_DAY.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f'{text!r} is no time of day: write "HH:MM" in quotation marks, such as "09:30"')
    hour, minute = int(match[1]), int(match[2])
    if hour > 23 or minute > 59:
        raise ValueError(f"{text} is no time of day: 00:00 to 23:59")
    return time(hour, minute)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Hours of each day, `start` included and `end` not; over midnight if `end` is earlier, the whole day if equal."""

    start: time
    end: time

    def on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """The window that begins on `day`, as instants; empty (equal instants) where a clock change swallows it."""
        last = day if self.start < self.end else day + _ONE_DAY
        start, end = first_instant(day, self.start, zone), first_instant(last, self.end, zone)
        return start, max(start, end)

    def stretch(self, at: datetime, zone: ZoneInfo) -> tuple[bool, datetime]:
        """Whether `at` lies in the window, and until when that stays so."""
        day = local_day(at, zone)
        starts = []
        for offset in (-1, 0, 1, 2):
            start, end = self.on(day + offset * _ONE_DAY, zone)
            if start <= at < end:
                return True, end
            if at < start < end:
                starts.append(start)
        return False, min(starts, default=at + _ONE_DAY)


def parse_window(text: object) -> Window:
    """`"07:00-22:00"` as a window; `24:00` may end it. An empty or unreadable one is refused with ValueError."""
    start, dash, end = text.partition("-") if isinstance(text, str) else ("", "", "")
    if not dash:
        raise ValueError(f'{text!r} are no hours: write "HH:MM-HH:MM", such as "07:00-22:00"')
    window = Window(start=parse_time_of_day(start.strip()), end=parse_end_of_window(end.strip()))
    if window.start == window.end and end.strip() != "24:00":
        raise ValueError(f'{text} is empty: the whole day is "00:00-24:00"')
    return window


def parse_end_of_window(text: object) -> time:
    """A time of day, or `"24:00"`, which is the midnight after (returned as 00:00)."""
    return time(0) if text == "24:00" else parse_time_of_day(text)


def local_day(at: datetime, zone: ZoneInfo) -> date:
    """The calendar day of `at` in `zone`."""
    return at.astimezone(zone).date()


@lru_cache(maxsize=4096)
def first_instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The first instant (UTC) at which the wall clock of `day` shows `at` or later."""
    wall = datetime.combine(day, at, tzinfo=zone)
    instant = wall.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return instant
    return _end_of_gap(wall, zone)


def _end_of_gap(wall: datetime, zone: ZoneInfo) -> datetime:
    """The clock change that skips `wall`: fold 1 is reckoned with the offset after it and lies before it."""
    before, after = wall.replace(fold=1).astimezone(UTC), wall.replace(fold=0).astimezone(UTC)
    offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after.replace(microsecond=0)
