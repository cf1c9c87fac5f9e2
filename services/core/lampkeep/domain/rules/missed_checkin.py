"""Missed check-in: the resident has not pressed "I am well" by the time agreed on."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import ClassVar, Self

from lampkeep.domain.findings import Evidence, Finding, Look, Scene, recheck_at
from lampkeep.domain.home import Device
from lampkeep.domain.home_state import Reading
from lampkeep.domain.parameters import ParameterError, Parameters
from lampkeep.domain.rules.wording import clock, told
from lampkeep.domain.spans import counted
from lampkeep.domain.times import first_instant, local_day
from lampkeep.domain.vocabulary import AlertKind, MessageType

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedCheckin:
    """Fires at `by` when no check-in has come since `from_`; over with the next one.

    Both are local times of day; `from` may lie on the evening before. It holds whatever else stirs in the home: that is
    what was agreed on. Defaults: by 10:00, when the morning's first visits can still be rearranged, from midnight. A
    day whose `by` had passed when the home was registered, or lay in a suspension, is not judged; what we did not watch
    of it puts `by` off.
    """

    kind: ClassVar[AlertKind] = AlertKind.MISSED_CHECKIN

    by: time = time(10)
    from_: time = time(0)

    @classmethod
    def parse(cls, given: Parameters) -> Self:
        """From a plan; ParameterError where a value is impossible."""
        by, from_ = given.time_of_day("by", cls().by), given.time_of_day("from", cls().from_)
        if from_ == by:
            raise ParameterError(("from",), "the same time as `by`")
        return cls(by=by, from_=from_)

    def look(self, scene: Scene) -> Look:
        """At most one finding, of the home."""
        today = local_day(scene.now, scene.zone)
        passed = today if first_instant(today, self.by, scene.zone) <= scene.now else today - _ONE_DAY
        by, next_by = (first_instant(day, self.by, scene.zone) for day in (passed, passed + _ONE_DAY))
        start = first_instant(passed - _ONE_DAY if self.from_ > self.by else passed, self.from_, scene.zone)
        judged_from = max(scene.home.registered_at, scene.rested_until or scene.home.registered_at)
        last = self._last(scene)
        if judged_from >= by or (last is not None and last >= start):
            return Look(again_at=next_by)
        due_at = counted(start, by - start, scene.unwatched)
        if due_at > scene.now and not scene.goes_on((self.kind, ""), by):
            return Look(again_at=min(due_at, next_by))
        found = (Finding(kind=self.kind, since=by),)
        return Look(findings=found, again_at=min(recheck_at(scene, found) or next_by, next_by))

    def describe(self, finding: Finding, scene: Scene) -> Evidence:  # noqa: ARG002 - the port's signature
        """By when there was no check-in, and when the last one was."""
        last = self._last(scene)
        zh, en = (f"，上次在{clock(last, scene)}", f"; the last was at {clock(last, scene)}") if last else ("", "")
        return told(scene, zh=f"到{self.by:%H:%M}没有报平安{zh}", en=f"No check-in by {self.by:%H:%M}{en}")

    def wake_at(self, reading: Reading, device: Device) -> datetime | None:  # noqa: ARG002 - the port's signature
        """Never: a message can only be the check-in."""
        return None

    def _last(self, scene: Scene) -> datetime | None:
        states = (scene.state.of(device_id, MessageType.CHECKIN) for device_id in scene.devices)
        return max((state.on_at[0] for state in states if state is not None and state.on_at), default=None)
