"""Inactivity: nobody has stirred for longer than the plan allows at that time of day."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import ClassVar, Self
from zoneinfo import ZoneInfo

from lampkeep.domain.findings import Evidence, Finding, Look, Scene, recheck_at
from lampkeep.domain.home import Device
from lampkeep.domain.home_state import Reading
from lampkeep.domain.parameters import Parameters
from lampkeep.domain.rules.wording import clock, length, place, told
from lampkeep.domain.spans import FOREVER, Spans, counted, since
from lampkeep.domain.times import Window
from lampkeep.domain.vocabulary import AlertKind
from lampkeep.domain.whereabouts import Place

_MICROSECOND = timedelta(microseconds=1)
_DAY_HOURS = Window(start=time(7), end=time(22))


@dataclass(frozen=True, slots=True, kw_only=True)
class Inactivity:
    """Fires when (silence in day hours) / `day` + (silence in night hours) / `night` reaches 1.

    So each hour of a silence counts by the limit of the hour in which it passed, not by the hour of the check: with day
    4h, night 10h and day hours 07:00-22:00, a silence from 20:00 uses up half of its allowance by 22:00 and the other
    half in five hours of night, and fires at 03:00. The silence starts at the last activity, at the registration of the
    home where there was none, and not before the end of the rule's last suspension. With one limit for day and night it
    is a plain "longer than". Time that we did not watch, or in which the home could not be seen, is left out. While the
    resident rests in a bed or chair it does not fire before `at_rest` has passed.

    A home that cannot be seen for as long as the formula allows a silence is a reason to knock: the same finding, by
    the same formula, from the instant at which sight was lost. Once told, it is over with the next activity, and not
    because sight is lost or time is left out afterwards.

    `day`, `night` and `at_rest` are durations, `day_hours` a local window. Defaults: 4 h, 10 h and 07:00-22:00, those
    of contract section 3; 14 h at rest, longer than the longest night of the recorded homes (10.8 h) by the time that a
    tired person stays in bed.
    """

    kind: ClassVar[AlertKind] = AlertKind.INACTIVITY

    day: timedelta = timedelta(hours=4)
    night: timedelta = timedelta(hours=10)
    day_hours: Window = _DAY_HOURS
    at_rest: timedelta = timedelta(hours=14)

    @classmethod
    def parse(cls, given: Parameters) -> Self:
        """From a plan; ParameterError where a value is impossible."""
        return cls(
            day=given.duration("day", cls().day),
            night=given.duration("night", cls().night),
            day_hours=given.window("day_hours", cls().day_hours),
            at_rest=given.duration("at_rest", cls().at_rest),
        )

    def look(self, scene: Scene) -> Look:
        """At most one finding, of the home."""
        start, due_at = self._due(scene)
        same_silence = scene.goes_on((self.kind, ""), scene.quiet_since)
        soonest = self.due_at(scene.now, scene.zone)  # of a silence that begins now
        if due_at > scene.now and not same_silence:
            rests = scene.where.place is Place.AT_REST  # and who gets up is allowed less
            return Look(again_at=min(due_at, soonest) if rests else due_at)
        found = (Finding(kind=self.kind, since=scene.quiet_since if same_silence else start),)
        return Look(findings=found, again_at=min(recheck_at(scene, found) or soonest, soonest))

    def describe(self, finding: Finding, scene: Scene) -> Evidence:
        """How long nobody has stirred or could have been seen, since when and where."""
        start = finding.since or scene.quiet_since
        length_zh, length_en = (length(scene.now - start, language) for language in ("zh", "en"))
        at = clock(start, scene)
        if scene.sight.since is not None:
            zh = f"自{at}起{length_zh}看不到家中情况，请上门查看"
            return told(scene, zh=zh, en=f"The home cannot be seen for {length_en}, since {at}: please knock")
        last = scene.activity.device_id if scene.activity and scene.activity.at == start else None
        device = scene.device(last)
        where, where_en = (place(device.place, "zh"), place(device.place, "en")) if device else ("", "")
        return told(
            scene,
            zh=f"自{at}{f'（{where}）' * bool(where)}起{length_zh}没有动静",
            en=f"Nobody has stirred for {length_en}, since {at}{f' ({where_en})' * bool(where_en)}",
        )

    def wake_at(self, reading: Reading, device: Device) -> datetime | None:  # noqa: ARG002 - the port's signature
        """Never: what a message says can only shorten a silence."""
        return None

    def _due(self, scene: Scene) -> tuple[datetime, datetime]:
        """(when the silence, or the blindness, began; when it is too long)."""
        if scene.sight.since is not None:
            start = max(scene.sight.since, scene.quiet_since)
            return start, self.due_at(start, scene.zone, scene.unwatched)
        start = scene.quiet_since
        due_at = self.due_at(start, scene.zone, scene.uncounted)
        if scene.where.place is Place.AT_REST:
            due_at = max(due_at, counted(start, self.at_rest, scene.uncounted))
        return start, due_at

    def due_at(self, start: datetime, zone: ZoneInfo, uncounted: Spans = ()) -> datetime:
        """The first instant, to the microsecond, at which a silence that starts at `start` is too long.

        Reckoned in whole numbers: a microsecond of day uses up `night`, one of night `day`, of a stock `day * night`;
        what lies in `uncounted` uses up nothing. FOREVER where that never ends.
        """
        day, night = self.day // _MICROSECOND, self.night // _MICROSECOND
        stock, at = day * night, start
        left = list(since(uncounted, start))
        while True:
            if left and left[0][0] <= at:
                at = left.pop(0)[1]
                if at == FOREVER:
                    return FOREVER
                continue
            in_day, until = self.day_hours.stretch(at, zone)
            if left:
                until = min(until, left[0][0])
            use = night if in_day else day
            needed = -(-stock // use) * _MICROSECOND
            if needed <= until - at:
                return at + needed
            stock -= use * ((until - at) // _MICROSECOND)
            at = until
