"""How a person who lives alone spends a day: a pure, seeded plan of where they are and what they do.

A day is drawn from `(seed, home, date)` alone, so any stretch of time can be generated without what came before it.
Times of day are local. It is a plausible life, not a validated model: hours and rates are chosen from what the two
recorded homes and everyday knowledge suggest, and are given with each number.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

BATHROOM, BEDROOM, KITCHEN, LIVING, OUT, ENTRANCE = "bathroom", "bedroom", "kitchen", "living-room", "out", "entrance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A stretch of time in one place. `doing` is sleep, nap, wash, toilet, cook, sit, visit or outing.

    `start` and `end` are aware; `restless` is the mean time between two movements that a sensor in the place sees.
    """

    start: datetime
    end: datetime
    place: str
    doing: str
    restless: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What stays the same in one home: minutes are after midnight, chances are per day."""

    up_at_min: float
    bed_at_min: float
    nap_chance: float
    outing_chance: float
    visitor_chance: float
    night_trips: float

    @classmethod
    def of(cls, seed: int, home_id: str) -> "Habits":
        """Draw the habits of a home: up around 06:30, to bed around 21:30, one trip a night, out most days."""
        rng = random.Random(f"{seed}/{home_id}/habits")
        return cls(
            up_at_min=_within(rng.gauss(390, 40), 300, 510),
            bed_at_min=_within(rng.gauss(1290, 40), 1200, 1410),
            nap_chance=rng.uniform(0.3, 0.9),
            outing_chance=rng.uniform(0.3, 0.95),
            visitor_chance=rng.uniform(0.1, 0.4),
            night_trips=rng.uniform(0.4, 2.0),
        )


_RESTLESS = {
    "sleep": timedelta(hours=3),
    "nap": timedelta(minutes=50),
    "wash": timedelta(minutes=2),
    "toilet": timedelta(minutes=2),
    "cook": timedelta(minutes=2),
    "sit": timedelta(minutes=9),
    "visit": timedelta(minutes=4),
    "outing": timedelta.max,
}


def day_of(seed: int, home_id: str, day: date, zone: ZoneInfo) -> tuple[Stay, ...]:
    """Return the stays from getting up on `day` to getting up on the next, without gaps, in order."""
    habits = Habits.of(seed, home_id)
    rng = _rng(seed, home_id, day)
    up, _ = _up_and_bed(habits, seed, home_id, day)
    next_up, _ = _up_and_bed(habits, seed, home_id, day + timedelta(days=1))
    _, bed = _up_and_bed(habits, seed, home_id, day)
    plan = _Plan(day, zone, up)
    _morning(plan, rng, habits)
    _afternoon(plan, rng, habits)
    _evening(plan, rng, bed)
    _night(plan, rng, habits, 1440 + next_up)
    return tuple(plan.stays)


def days(seed: int, home_id: str, start: datetime, zone: ZoneInfo) -> Iterator[Stay]:
    """Yield stays without end, beginning with the one that is going on at `start`."""
    day = start.astimezone(zone).date() - timedelta(days=1)
    while True:
        yield from (stay for stay in day_of(seed, home_id, day, zone) if stay.end > start)
        day += timedelta(days=1)


class _Plan:
    """Stays laid end to end; minutes count from midnight of the day and may pass 1,440."""

    def __init__(self, day: date, zone: ZoneInfo, at_min: float) -> None:
        self._midnight = datetime.combine(day, time.min)
        self._zone = zone
        self.at_min = at_min
        self.stays: list[Stay] = []

    def stay(self, place: str, doing: str, minutes: float) -> None:
        """Add a stay; one of less than a second is left out."""
        self.until(place, doing, self.at_min + minutes)

    def until(self, place: str, doing: str, at_min: float) -> None:
        """Add a stay up to a minute of the day; nothing if that is past."""
        start, end = self._instant(self.at_min), self._instant(at_min)
        if end - start < timedelta(seconds=1):
            return
        self.stays.append(Stay(start=start, end=end, place=place, doing=doing, restless=_RESTLESS[doing]))
        self.at_min = at_min

    def _instant(self, at_min: float) -> datetime:
        return (self._midnight + timedelta(seconds=round(at_min * 60))).replace(tzinfo=self._zone)


def _morning(plan: _Plan, rng: random.Random, habits: Habits) -> None:
    plan.stay(BATHROOM, "wash", rng.uniform(8, 20))
    plan.stay(KITCHEN, "cook", rng.uniform(20, 40))
    if rng.random() < habits.outing_chance * 0.6:  # the market, before it is warm
        plan.stay(LIVING, "sit", rng.uniform(10, 40))
        plan.stay(OUT, "outing", rng.uniform(35, 120))
    _sit_until(plan, rng, rng.gauss(675, 12))  # lunch is cooked from about 11:15
    plan.stay(KITCHEN, "cook", rng.uniform(30, 60))


def _afternoon(plan: _Plan, rng: random.Random, habits: Habits) -> None:
    if rng.random() < habits.nap_chance:
        plan.stay(BEDROOM, "nap", rng.uniform(30, 100))
    if rng.random() < habits.outing_chance * 0.5:  # a walk, the mahjong room
        _sit_until(plan, rng, max(plan.at_min + 5, rng.gauss(870, 25)))
        plan.stay(OUT, "outing", rng.uniform(40, 170))
    elif rng.random() < habits.visitor_chance:
        _sit_until(plan, rng, max(plan.at_min + 5, rng.gauss(900, 30)))
        plan.stay(LIVING, "visit", rng.uniform(25, 110))
    _sit_until(plan, rng, rng.gauss(1035, 15))  # supper is cooked from about 17:15
    plan.stay(KITCHEN, "cook", rng.uniform(30, 55))


def _evening(plan: _Plan, rng: random.Random, bed_min: float) -> None:
    _sit_until(plan, rng, bed_min - 15)
    plan.stay(BATHROOM, "wash", rng.uniform(8, 15))


def _night(plan: _Plan, rng: random.Random, habits: Habits, up_min: float) -> None:
    trips = min(5, sum(rng.random() < habits.night_trips / 5 for _ in range(5)))
    for at_min in sorted(rng.uniform(plan.at_min + 60, up_min - 30) for _ in range(trips)):
        plan.until(BEDROOM, "sleep", at_min)
        if plan.at_min == at_min:  # else the trip before took longer than until this one
            plan.stay(BATHROOM, "toilet", rng.uniform(2, 7))
    plan.until(BEDROOM, "sleep", up_min)


def _sit_until(plan: _Plan, rng: random.Random, at_min: float) -> None:
    """Sit, with a walk to the bathroom every one to three hours."""
    while plan.at_min < at_min:
        plan.until(LIVING, "sit", min(at_min, plan.at_min + rng.uniform(55, 170)))
        if plan.at_min < at_min:
            plan.stay(BATHROOM, "toilet", rng.uniform(3, 8))


def _up_and_bed(habits: Habits, seed: int, home_id: str, day: date) -> tuple[float, float]:
    rng = random.Random(f"{seed}/{home_id}/{day}/hours")
    return habits.up_at_min + rng.gauss(0, 12), habits.bed_at_min + rng.gauss(0, 15)


def _rng(seed: int, home_id: str, day: date) -> random.Random:
    return random.Random(f"{seed}/{home_id}/{day}")


def _within(value: float, low: float, high: float) -> float:
    return min(high, max(low, value))
