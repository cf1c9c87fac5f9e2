"""What is usual in a home: its silences, the longest of each hour of the week, and thresholds of `inactivity` from it.

It learns from what was said and judges nothing live. Whether thresholds keep within a budget of false alarms is asked
of the caller, who runs the live rules over the same history.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from statistics import fmean
from typing import TypeAlias
from zoneinfo import ZoneInfo

from lampkeep.domain.findings import resting
from lampkeep.domain.home import Home
from lampkeep.domain.home_state import INSTANTS, LEVELS, PRESSES, DeviceState, HomeState, Reading, StateKey, fold_into
from lampkeep.domain.rules.inactivity import Inactivity
from lampkeep.domain.times import first_instant
from lampkeep.domain.vocabulary import MessageType
from lampkeep.domain.whereabouts import Away, Place, whereabouts

LEAST_DAYS = 14
"""Two of each day of the week: with fewer, a single odd Sunday would be what is usual on Sundays."""

GRAIN = timedelta(minutes=30)
"""The grid of thresholds, and the shortest silence worth remembering: finer would follow chance."""

LEAST_LIMIT = timedelta(hours=1)
"""No threshold is proposed below it: nobody knocks because of a bath."""

LONGEST_NIGHT = timedelta(hours=16)
"""Longer ones buy little (20 min at 24 h in recorded home A) and are proposed only where what is usual needs them."""

HOURS_OF_WEEK = 7 * 24

_HOUR = timedelta(hours=1)

Usual: TypeAlias = tuple[timedelta, ...]
"""The longest silence at home that covered each hour of the week, from Monday 00:00 local; zero where none of `GRAIN`
or more did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """From one activity to the next, and where the resident seemed to be when it ended."""

    start: datetime
    end: datetime
    place: Place

    @property
    def length(self) -> timedelta:
        """How long nobody stirred."""
        return self.end - self.start


def stirs(reading: Reading, *, before: bool | None) -> bool:
    """Whether `reading` is activity (contract section 2); `before` is the value that its device told last, if any."""
    if reading.type in LEVELS:
        return reading.on is not before
    if reading.type == MessageType.MOTION:
        return reading.on is True
    return reading.type in INSTANTS or reading.type in PRESSES


def silences(readings: Iterable[Reading], home: Home, zone: ZoneInfo, away: Away) -> Iterator[Silence]:
    """The silences of `GRAIN` or more between the activities of `readings`, which come oldest first.

    Those that touch a suspension of `inactivity` are left out, and what another home's devices say. A press is a
    reading of its urgent type. The silence that still goes on at the end is none yet.
    """
    devices = {device.device_id: device for device in home.devices}
    states: dict[StateKey, DeviceState] = {}
    pressed: tuple[datetime, str] | None = None
    last: datetime | None = None
    for reading in readings:
        if reading.device_id not in devices:
            continue
        known = states.get((reading.device_id, reading.type))
        if stirs(reading, before=known.value if known else None):
            if last is not None and reading.at - last >= GRAIN and not _rested(home, last, reading.at, zone):
                at, device_id = pressed or (None, None)
                state = HomeState(states=states, pressed_at=at, pressed_device=device_id)
                where = whereabouts(devices, state, reading.at, away)
                yield Silence(start=last, end=reading.at, place=where.place)
            last = reading.at if last is None else max(last, reading.at)
        if reading.type in PRESSES:
            pressed = (reading.at, reading.device_id)
        else:
            fold_into(states, reading)


def usual(found: Iterable[Silence], zone: ZoneInfo) -> Usual:
    """The longest silence of each hour of the week: each counts, whole, in every hour that it covers.

    At home only: while the resident is away, silence says nothing.
    """
    longest = [timedelta(0)] * HOURS_OF_WEEK
    for silence in found:
        if silence.place is not Place.AWAY:
            for hour in _hours(silence, zone):
                longest[hour] = max(longest[hour], silence.length)
    return tuple(longest)


def tightest(
    rule: Inactivity, known: Usual, within: Callable[[Inactivity], bool], zone: ZoneInfo, day: date
) -> Inactivity | None:
    """`rule` with the `day` and `night` that notice soonest (see `noticed_after`) of those that are `within` a budget.

    On the grid of `GRAIN`, from `LEAST_LIMIT`: `day` up to what no usual silence reaches, `night` up to twice that, for
    an hour of day uses up a part of the allowance, and never under `day`. Longer thresholds fire less, so the edge of
    what is within is walked once: `within` is asked at most twice for each step of the grid. `rule` itself is a
    candidate, so that nothing looser is proposed than what does. None where nothing is within.
    """
    grid = _grid(max(known, default=timedelta(0)))
    edge = [rule] if within(rule) else []
    night = len(grid) - 1
    for number, limit in enumerate(grid):
        kept = None
        while night >= number:
            candidate = replace(rule, day=limit, night=grid[night])
            if not within(candidate):
                break
            kept, night = candidate, night - 1
        if kept is not None:
            edge.append(kept)
        if night < number:
            break
    return min(edge, key=lambda one: noticed_after(one, zone, day), default=None)


def noticed_after(rule: Inactivity, zone: ZoneInfo, day: date) -> timedelta:
    """How long it takes on average until `rule` fires, where the silence begins at any half hour of `day`.

    For somebody who is about: who rests in bed, or seems to be away, is noticed later.
    """
    start = first_instant(day, time(0), zone)
    begun = [start + n * GRAIN for n in range(timedelta(days=1) // GRAIN)]
    return timedelta(seconds=round(fmean((rule.due_at(at, zone) - at).total_seconds() for at in begun)))


def _grid(longest: timedelta) -> Sequence[timedelta]:
    enough = (max(longest, LEAST_LIMIT) // GRAIN + 1) * GRAIN
    top = max(min(2 * enough, LONGEST_NIGHT), enough)
    return [LEAST_LIMIT + n * GRAIN for n in range((top - LEAST_LIMIT) // GRAIN + 1)]


def _rested(home: Home, start: datetime, end: datetime, zone: ZoneInfo) -> bool:
    """Whether the rule rested when the silence began or ended, or a suspension lies within."""
    if not home.suspensions:
        return False
    begun, ended = (resting(home, Inactivity.kind.value, at, zone) for at in (start, end))
    return begun[0] is not None or ended[0] is not None or begun[1] != ended[1]


def _hours(silence: Silence, zone: ZoneInfo) -> Iterator[int]:
    """The hours of the week that a silence covers, each once."""
    edges = [silence.start]
    while edges[-1] < silence.end and len(edges) <= HOURS_OF_WEEK:
        local = edges[-1].astimezone(zone)
        into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        edges.append(edges[-1] + _HOUR - into)
    for at, _ in pairwise(edges):
        local = at.astimezone(zone)
        yield local.weekday() * 24 + local.hour
