"""Thresholds of `inactivity` for one home from its own history: tried in the live rules, nothing is written."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from lampkeep.domain.baseline import LEAST_DAYS, Usual, noticed_after, silences, tightest, usual
from lampkeep.domain.care_plan import CarePlan
from lampkeep.domain.findings import HomeVerdict, Rule
from lampkeep.domain.home import Home
from lampkeep.domain.home_state import Reading
from lampkeep.domain.rules.home_unobservable import HomeUnobservable
from lampkeep.domain.rules.inactivity import Inactivity
from lampkeep.domain.rules.not_returned import NotReturned
from lampkeep.domain.times import local_day
from lampkeep.domain.vocabulary import AlertKind
from lampkeep.replay.inspecting import as_reading
from lampkeep.replay.lines import Urgent
from lampkeep.replay.watch import Watch

BUDGET = 0.0333
"""False alarms per home-day: one in 30 days. A grid worker with 60 homes then walks twice a day for nothing."""

History: TypeAlias = Sequence[tuple[datetime, Reading | Urgent]]
"""What devices of one home said, each with its believed instant, oldest first."""

_ROUNDING = 0.00005
"""A rate is told to four places: 1 in 30 days is 0.0333 and within that budget."""


class TooLittleHistoryError(ValueError):
    """There are fewer than `LEAST_DAYS` days of it; `days` are those that there are."""

    def __init__(self, days: float) -> None:
        self.days = days
        super().__init__(f"{days:.1f} days of history, and at least {LEAST_DAYS} are needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a plan would have raised in this history. `rule` None: it has no `inactivity`. `false_alarms` are its alerts
    of `inactivity` at home: as far as is known nobody came to harm. Those of an absence that lasts longer than
    `not_returned` allows are right, whatever the thresholds. `alerts` are all, by kind."""

    rule: Inactivity | None
    alerts: Counter[str]
    false_alarms: int
    days: float
    noticed_after: timedelta | None

    @property
    def per_home_day(self) -> float:
        """`false_alarms` to four places."""
        return round(self.false_alarms / self.days, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What was learned. `after` is None where no thresholds keep within the budget."""

    days: float
    usual: Usual
    before: Trial
    after: Trial | None


def learn(said: History, home: Home, plan: CarePlan, zone: ZoneInfo, *, budget: float = BUDGET) -> Lesson:
    """The longest usual silences of `home`, and the tightest thresholds within `budget` false alarms per home-day.

    Each candidate is replayed over all of `said` by the live rules, so that rest, absence, suspensions and blindness
    count as they do live. Raises TooLittleHistoryError.
    """
    days = _span(said)
    if days < LEAST_DAYS:
        raise TooLittleHistoryError(days)
    readings = (as_reading(at, one) for at, one in said)
    known = usual(silences(readings, home, zone, plan.away), zone)
    day = local_day(said[-1][0], zone)
    before = next((rule for rule in plan.rules if isinstance(rule, Inactivity)), None)
    most = int((budget + _ROUNDING) * days)

    def within(candidate: Inactivity) -> bool:
        _, false_alarms = _alerts(said, home, _only_silence(plan, candidate), zone, most=most)
        return false_alarms <= most

    def trial(rule: Inactivity | None) -> Trial:
        alerts, false_alarms = _alerts(said, home, with_inactivity(plan, rule) if rule else plan, zone)
        noticed = noticed_after(rule, zone, day) if rule else None
        return Trial(rule=rule, alerts=alerts, false_alarms=false_alarms, days=days, noticed_after=noticed)

    found = tightest(before or Inactivity(), known, within, zone, day)
    return Lesson(days=days, usual=known, before=trial(before), after=trial(found) if found else None)


def with_inactivity(plan: CarePlan, rule: Inactivity) -> CarePlan:
    """`plan` with `rule` in place of its own, or beside the others where it has none."""
    others: Iterable[Rule] = (one for one in plan.rules if not isinstance(one, Inactivity))
    return replace(plan, rules=(rule, *others))


def _only_silence(plan: CarePlan, rule: Inactivity) -> CarePlan:
    """The rules that bear on an alert of `rule`: what the others find changes nothing of it."""
    bearing = tuple(one for one in plan.rules if isinstance(one, NotReturned | HomeUnobservable))
    return replace(plan, rules=(rule, *bearing))


def _alerts(
    said: History, home: Home, plan: CarePlan, zone: ZoneInfo, *, most: int | None = None
) -> tuple[Counter[str], int]:
    """How many alerts of each kind, and how many false alarms; it stops where there are more than `most` of these."""
    watch = Watch([(home, plan)], zone)
    alerts: Counter[str] = Counter()
    false_alarms = 0
    for at, one in said:
        if found := watch.hear(at, one):
            alerts.update(alert["kind"] for alert in found)
            false_alarms += sum(map(_is_false, found))
            if most is not None and false_alarms > most:
                return alerts, false_alarms
    found = watch.end()
    alerts.update(alert["kind"] for alert in found)
    return alerts, false_alarms + sum(map(_is_false, found))


def _is_false(alert: Mapping[str, Any]) -> bool:
    return bool(alert["kind"] == AlertKind.INACTIVITY and alert["verdict"] != HomeVerdict.AWAY)


def _span(said: History) -> float:
    """Days from the first message to the last."""
    return (said[-1][0] - said[0][0]) / timedelta(days=1) if said else 0.0
