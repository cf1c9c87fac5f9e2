"""Not up: by a fixed time of the morning nobody has stirred yet (敲门行动: a reason to knock)."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import ClassVar, Self
from zoneinfo import ZoneInfo

from lampkeep.domain.findings import Evidence, Finding, Look, Scene, recheck_at
from lampkeep.domain.home import Device
from lampkeep.domain.home_state import Reading
from lampkeep.domain.parameters import ParameterError, Parameters
from lampkeep.domain.rules.wording import clock, told
from lampkeep.domain.spans import counted
from lampkeep.domain.times import first_instant, local_day
from lampkeep.domain.vocabulary import AlertKind

WATCH = timedelta(hours=4)
"""How long before `by` getting up is looked for where the plan names no `from`: long enough for the early riser's first
steps, too short for the nightly way to the bathroom to count as being up."""

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotUp:
    """Fires at `by` when nothing has stirred since `from_`; over with the first activity.

    Both are local times of day; `from` may lie on the evening before. Defaults: by 09:30, the contract's example and
    two hours after most people of that age are up; from 4 hours before. A day whose `by` had passed when the home was
    registered, or lay in a suspension, is not judged. `by` is put off by as much of the time since `from` as nobody
    watched, or in which the home could not be seen.
    """

    kind: ClassVar[AlertKind] = AlertKind.NOT_UP

    by: time = time(9, 30)
    from_: time = time(5, 30)

    @classmethod
    def parse(cls, given: Parameters) -> Self:
        """From a plan; ParameterError where a value is impossible."""
        by = given.time_of_day("by", cls().by)
        from_ = given.time_of_day("from", (datetime.combine(date.min + _ONE_DAY, by) - WATCH).time())
        if from_ == by:
            raise ParameterError(("from",), "the same time as `by`")
        return cls(by=by, from_=from_)

    def look(self, scene: Scene) -> Look:
        """At most one finding, of the home."""
        passed, coming = self._around(scene.now, scene.zone)
        next_by = first_instant(coming, self.by, scene.zone)
        start, due_at = self._watch(passed, scene)
        if not self._holds(scene, start, first_instant(passed, self.by, scene.zone)):
            return Look(again_at=next_by)
        if due_at > scene.now and not scene.goes_on((self.kind, ""), scene.quiet_since):
            return Look(again_at=min(due_at, next_by))
        finding = Finding(kind=self.kind, since=scene.quiet_since)
        return Look(findings=(finding,), again_at=min(recheck_at(scene, (finding,)) or next_by, next_by))

    def describe(self, finding: Finding, scene: Scene) -> Evidence:
        """By when nobody was up, and since when nobody has stirred."""
        at = clock(finding.since or scene.quiet_since, scene)
        return told(
            scene,
            zh=f"到{self.by:%H:%M}还没有起床的动静，上次动静在{at}",
            en=f"Not up by {self.by:%H:%M}; nobody has stirred since {at}",
        )

    def wake_at(self, reading: Reading, device: Device) -> datetime | None:  # noqa: ARG002 - the port's signature
        """Never: what a message says can only show that somebody is up."""
        return None

    def _holds(self, scene: Scene, start: datetime, by: datetime) -> bool:
        judged_from = max(scene.home.registered_at, scene.rested_until or scene.home.registered_at)
        stirred = scene.activity is not None and scene.activity.at >= start
        return judged_from < by and not stirred

    def _around(self, now: datetime, zone: ZoneInfo) -> tuple[date, date]:
        """The day of the last `by` that has come, and of the next."""
        today = local_day(now, zone)
        last = today if first_instant(today, self.by, zone) <= now else today - _ONE_DAY
        return last, last + _ONE_DAY

    def _watch(self, day: date, scene: Scene) -> tuple[datetime, datetime]:
        """(from when it is looked for on `day`, by when): put off by what of it nobody watched or could see."""
        evening_before = self.from_ > self.by
        start = first_instant(day - _ONE_DAY if evening_before else day, self.from_, scene.zone)
        return start, counted(start, first_instant(day, self.by, scene.zone) - start, scene.uncounted)
