"""A recording under one plan: what is heard goes in, alerts come out, and at the end a summary."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from lampkeep.domain.care_plan import CarePlan
from lampkeep.domain.home import Home
from lampkeep.domain.home_state import Reading
from lampkeep.replay.collapse import Collapse, Collapses
from lampkeep.replay.lines import Urgent
from lampkeep.replay.watch import Watch


class UnknownPlanError(ValueError):
    """The plan is neither among the community's nor `default`."""


class Play:
    """One plan, or each home's own, over a recording. Messages go in by `hear`, in the order of their instants."""

    def __init__(
        self, homes: Iterable[tuple[Home, CarePlan]], zone: ZoneInfo, *, collapses: Iterable[Collapse] | None = None
    ) -> None:
        """Watch `homes`; `collapses` are to be played through, too (None: it is not asked for)."""
        self._watch = Watch(homes, zone)
        self._counts: Counter[str] = Counter()
        self._collapses = None if collapses is None else Collapses(collapses)

    @property
    def strangers(self) -> Counter[str]:
        """How many messages came of each device that is in no home."""
        return self._watch.strangers

    def hear(self, at: datetime, said: Reading | Urgent) -> list[dict[str, Any]]:
        """The alerts that come until `at`, and what is said then."""
        if self._collapses is not None and self._collapses.next_at < at:
            self._collapses.play(self._watch, at)
        alerts = self._watch.hear(at, said)
        if alerts:
            self._count(alerts)
        return alerts

    def end(self, until: datetime | None = None) -> list[dict[str, Any]]:
        """The alerts that come at the end of the recording; its clock goes on to `until` where that is later."""
        alerts = [] if until is None else self._watch.pass_time(until)
        alerts += self._watch.end()
        self._count(alerts)
        return alerts

    def outcome(self) -> dict[str, Any]:
        """`summary`: home-days and alerts by kind (contract section 1); before it `collapse`, where asked for."""
        days = self._watch.home_days
        summary = {
            "home_days": round(days, 3),
            "alerts": dict(sorted(self._counts.items())),
            "per_home_day": round(self._counts.total() / days, 4) if days else 0.0,
        }
        return ({} if self._collapses is None else {"collapse": self._collapses.report()}) | {"summary": summary}

    @property
    def counts(self) -> Counter[str]:
        """Alerts by kind."""
        return self._counts

    @property
    def home_days(self) -> float:
        """Days of each home from its first message on, added up."""
        return self._watch.home_days

    @property
    def delays(self) -> Sequence[timedelta | None]:
        """How long each collapse took to be noticed; None for one that was not."""
        return self._collapses.delays if self._collapses is not None else ()

    def closing(self) -> Iterator[dict[str, Any]]:
        """The outcome as the last lines of a replay, the summary last."""
        for name, part in self.outcome().items():
            yield {name: part}

    def _count(self, alerts: Iterable[dict[str, Any]]) -> None:
        self._counts.update(alert["kind"] for alert in alerts)
