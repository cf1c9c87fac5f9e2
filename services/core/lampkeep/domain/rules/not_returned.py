"""Not returned: the resident went out and has not come home."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import ClassVar, Self
from zoneinfo import ZoneInfo

from lampkeep.domain.findings import Evidence, Finding, Look, Scene, recheck_at
from lampkeep.domain.home import Device
from lampkeep.domain.home_state import Reading
from lampkeep.domain.parameters import Parameters
from lampkeep.domain.rules.wording import clock, instant, length, named, told
from lampkeep.domain.spans import Spans, counted
from lampkeep.domain.times import first_instant, local_day
from lampkeep.domain.vocabulary import AlertKind, MessageType

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReturned:
    """Fires when the resident has been away (see `lampkeep.domain.whereabouts`) for `after`, or is still away at the
    first `by` of a day after they left; over with any activity inside.

    `after` is a duration, `by` a local time of day; where a plan names only `by`, that alone holds, and where it names
    both the earlier does. Default: 12 h and no `by`: "door, then no movement" also hides some 7 % of collapses at home,
    and half a day is the longest that those may wait, while most outings of recorded homes are shorter. What we did not
    watch is left out.
    """

    kind: ClassVar[AlertKind] = AlertKind.NOT_RETURNED

    after: timedelta | None = timedelta(hours=12)
    by: time | None = None

    @classmethod
    def parse(cls, given: Parameters) -> Self:
        """From a plan; ParameterError where a value is impossible."""
        by = given.time_of_day("by", time(0)) if given.has("by") else None
        after = given.duration("after", timedelta(hours=12)) if given.has("after") or by is None else None
        return cls(after=after, by=by)

    def look(self, scene: Scene) -> Look:
        """At most one finding, of the home."""
        left_at, settled_at = scene.where.since, scene.where.settled_at
        if left_at is None or settled_at is None:
            return Look(again_at=None if self.by is None else self._next_by(scene.now, scene.zone))
        start = max(left_at, scene.rested_until or left_at)
        due_at = max(self.due_at(start, scene.zone, scene.unwatched), settled_at)
        if due_at > scene.now and not scene.goes_on((self.kind, ""), left_at):
            return Look(again_at=due_at)
        found = (Finding(kind=self.kind, since=left_at),)
        return Look(findings=found, again_at=recheck_at(scene, found))

    def due_at(self, left_at: datetime, zone: ZoneInfo, unwatched: Spans = ()) -> datetime:
        """When somebody who left then is out for too long."""
        limits = []
        if self.after is not None:
            limits.append(counted(left_at, self.after, unwatched))
        if self.by is not None:
            limits.append(counted(left_at, self._next_by(left_at, zone) - left_at, unwatched))
        return min(limits)

    def describe(self, finding: Finding, scene: Scene) -> Evidence:
        """Since when the resident is out, and by which door."""
        left_at = finding.since or scene.now
        door, at, out_for = scene.where.device, clock(left_at, scene), scene.now - left_at
        return told(
            scene,
            device=door,
            away_since=instant(left_at),
            zh=f"自{at}从{named(door, 'zh')}外出，{length(out_for, 'zh')}未归",
            en=f"Out since {at} by {named(door, 'en')}, not back after {length(out_for, 'en')}",
        )

    def wake_at(self, reading: Reading, device: Device) -> datetime | None:
        """`after` after each movement of an entrance door; each `by` is awaited anyway."""
        if self.after is not None and reading.type == MessageType.DOOR and device.is_entrance:
            return reading.at + self.after
        return None

    def _next_by(self, at: datetime, zone: ZoneInfo) -> datetime:
        assert self.by is not None
        today = first_instant(local_day(at, zone), self.by, zone)
        return today if today > at else first_instant(local_day(at, zone) + _ONE_DAY, self.by, zone)
