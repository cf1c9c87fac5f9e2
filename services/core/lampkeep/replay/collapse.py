"""Collapses: what if the resident had fallen then? A home falls silent at a waking instant, and the clock runs on.

A collapse is an instant after which the home says nothing any more while the clock runs on, at most `PATIENCE`. Its
event sensors fall silent; devices that report by themselves are taken to go on reporting, so that none of them is
missed. The instants are drawn uniformly over the time in which the resident was awake and at home (see
`lampkeep.replay.waking`). A collapse is noticed by the first alert about a person (of priority life or welfare, not a
note) that comes at or after it and was not standing already. It is *hidden by away* when an entrance door was the last
to stir: the home looks as if its resident had gone out, and only `not_returned`, or the end of its wait, is left.
"""

import random
from bisect import bisect
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate
from math import ceil
from typing import Any

from lampkeep.domain.care_plan import CarePlan
from lampkeep.domain.spans import FOREVER
from lampkeep.domain.verdict import SILENCES
from lampkeep.domain.vocabulary import AlertKind, MessageType, Priority
from lampkeep.domain.whereabouts import Place, whereabouts
from lampkeep.replay.waking import WakingHours
from lampkeep.replay.watch import Watch, Watched

PATIENCE = timedelta(hours=72)
"""A collapse that nothing has noticed by then counts as not noticed."""

STEP = timedelta(hours=1)
"""So much time passes before it is asked whether there is anything left to wait for."""

ABOUT_PEOPLE = frozenset({Priority.LIFE.value, Priority.WELFARE.value})
"""Priorities of what is raised about a person; the others are about devices and our own work."""

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, order=True)
class Collapse:
    """An instant at which a home falls silent."""

    at: datetime
    home_id: str


def draw(hours: WakingHours, count: int, seed: int) -> list[Collapse]:
    """`count` collapses in order, drawn uniformly over `hours`; the same for the same seed. None where there are no
    hours."""
    spans = [(home_id, start, end) for home_id, spans in sorted(hours.items()) for start, end in spans]
    if not spans:
        return []
    ends = list(accumulate((end - start for _, start, end in spans), initial=timedelta(0)))
    dice = random.Random(seed)  # noqa: S311 - an experiment that can be repeated, no secret
    drawn = []
    for _ in range(count):
        point = dice.random() * ends[-1]
        place = min(bisect(ends, point), len(spans)) - 1
        home_id, start, _ = spans[place]
        drawn.append(Collapse(start + (point - ends[place]), home_id))
    return sorted(drawn)


class Collapses:
    """Plays collapses through beside a recording: a copy of the watch is taken at each, and its clock runs on."""

    def __init__(self, collapses: Iterable[Collapse]) -> None:
        """`collapses` are in order."""
        self._waiting = list(collapses)[::-1]
        self.delays: list[timedelta | None] = []
        self._by_kind: defaultdict[str, list[timedelta]] = defaultdict(list)
        self._hidden = 0

    @property
    def next_at(self) -> datetime:
        """When the next one comes; FOREVER after the last."""
        return self._waiting[-1].at if self._waiting else FOREVER

    def play(self, watch: Watch, before: datetime) -> None:
        """Play those before `before`; `watch` has heard all that was said until then, and is left as it is."""
        while self.next_at < before:
            collapse = self._waiting.pop()
            alone = copy(watch)
            self._fall(alone, alone.keep_only(collapse.home_id), collapse.at)

    def report(self) -> dict[str, Any]:
        """Hours until the collapses were noticed, by any rule and by each.

        `first` is over all collapses, and one that was not noticed counts as longer than any other: a figure that falls
        on one is null. `by_kind` is over those that the kind noticed.
        """
        return {
            "count": len(self.delays),
            "noticed": len(self.delays) - self.delays.count(None),
            "hidden_by_away": self._hidden,
            "first": figures(self.delays),
            "by_kind": {kind: figures(took) for kind, took in sorted(self._by_kind.items())},
        }

    def _fall(self, watch: Watch, fallen: Watched, at: datetime) -> None:
        """`watch` over `fallen` alone is used up."""
        _keep_reporting(fallen)
        hidden = _looks_away(fallen, at)
        self._hidden += hidden
        noticed: dict[str, timedelta] = {}
        watch.pass_time(at - timedelta.resolution)
        now = at
        while now < at + PATIENCE and _may_come(fallen.plan, noticed, hidden=hidden):
            fallen.plan = _unheard_of(fallen.plan, noticed)
            now += STEP
            for alert in watch.pass_time(now):
                if alert["priority"] in ABOUT_PEOPLE:
                    noticed.setdefault(alert["kind"], datetime.fromisoformat(alert["at"]) - at)
        self.delays.append(min(noticed.values(), default=None))
        for kind, took in noticed.items():
            self._by_kind[kind].append(took)


def _keep_reporting(fallen: Watched) -> None:
    """Have no device missed for want of a report."""
    devices = tuple(replace(device, heartbeat_every=None) for device in fallen.home.devices)
    fallen.home = replace(fallen.home, devices=devices)
    fallen.states = {key: state for key, state in fallen.states.items() if key[1] != MessageType.HEARTBEAT}


def _looks_away(fallen: Watched, at: datetime) -> bool:
    """Whether the home counts as left once the door has settled: nothing stirs any more to say otherwise."""
    devices = {device.device_id: device for device in fallen.home.devices}
    away = fallen.plan.away
    return whereabouts(devices, fallen.state, at + away.settle, away).place is Place.AWAY


def _unheard_of(plan: CarePlan, noticed: Collection[str]) -> CarePlan:
    """With the rules about people alone that have not spoken yet, and those that bear on them: looking again whether
    something is over is in vain where nothing stirs."""
    bearing = (plan.home_unobservable, plan.not_returned)
    kept = (
        rule
        for rule in plan.rules
        if rule in bearing or (rule.kind.priority is Priority.WELFARE and rule.kind not in noticed)
    )
    return replace(plan, rules=tuple(kept))


def _may_come(plan: CarePlan, noticed: Collection[str], *, hidden: bool) -> bool:
    """Whether another kind of alert about a person may still come in a home that is silent for good."""
    kinds = {rule.kind for rule in plan.rules if rule.kind.priority is Priority.WELFARE}
    if not hidden:
        kinds.discard(AlertKind.NOT_RETURNED)
    elif plan.not_returned is not None:
        kinds -= SILENCES
    return not kinds <= set(noticed)


def figures(took: Sequence[timedelta | None]) -> dict[str, Any]:
    """How many were noticed, and hours: p50, p90 (nearest rank), the longest. None, not noticed, is longer than all."""
    known = sorted(one for one in took if one is not None)

    def rank(share: float) -> float | None:
        place = ceil(share * len(took)) - 1
        return round(known[place] / _HOUR, 2) if 0 <= place < len(known) else None

    return {"count": len(known), "hours": {"p50": rank(0.5), "p90": rank(0.9), "max": rank(1)}}
