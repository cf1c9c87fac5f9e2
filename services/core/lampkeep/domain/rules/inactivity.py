"""Inactivity: nobody has stirred for longer than the plan allows at that time of day."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import ClassVar, Self
from zoneinfo import ZoneInfo

from lampkeep.domain.findings import Evidence, Finding, Look, Scene, recheck_at
from lampkeep.domain.home import Device
from lampkeep.domain.home_state import Reading
from lampkeep.domain.rules.parameters import Parameters
from lampkeep.domain.rules.wording import clock, length, place, told
from lampkeep.domain.times import Window
from lampkeep.domain.vocabulary import AlertKind

_MICROSECOND = timedelta(microseconds=1)
_DAY_HOURS = Window(start=time(7), end=time(22))


@dataclass(frozen=True, slots=True, kw_only=True)
class Inactivity:
    """Fires when (silence in day hours) / `day` + (silence in night hours) / `night` reaches 1.

    So each hour of a silence counts by the limit of the hour in which it passed, not by the hour of the check: with day
    4h, night 10h and day hours 07:00-22:00, a silence from 20:00 uses up half of its allowance by 22:00 and the other
    half in five hours of night, and fires at 03:00. The silence starts at the last activity, at the registration of the
    home where there was none, and not before the end of the rule's last suspension. With one limit for day and night it
    is a plain "longer than".

    `day` and `night` are durations, `day_hours` a local window. Defaults: 4 h, 10 h and 07:00-22:00, those of contract
    section 3.
    """

    kind: ClassVar[AlertKind] = AlertKind.INACTIVITY

    day: timedelta = timedelta(hours=4)
    night: timedelta = timedelta(hours=10)
    day_hours: Window = _DAY_HOURS

    @classmethod
    def parse(cls, given: Parameters) -> Self:
        """From a plan; ParameterError where a value is impossible."""
        return cls(
            day=given.duration("day", cls().day),
            night=given.duration("night", cls().night),
            day_hours=given.window("day_hours", cls().day_hours),
        )

    def look(self, scene: Scene) -> Look:
        """At most one finding, of the home."""
        start = scene.quiet_since
        due_at = self.due_at(start, scene.zone)
        if due_at > scene.now:
            return Look(again_at=due_at)
        found = (Finding(kind=self.kind, since=start),)
        soonest = self.due_at(scene.now, scene.zone)  # of a silence that begins now
        return Look(findings=found, again_at=min(recheck_at(scene, found) or soonest, soonest))

    def describe(self, finding: Finding, scene: Scene) -> Evidence:
        """How long nobody has stirred, since when and where."""
        start = finding.since or scene.quiet_since
        last = scene.activity.device_id if scene.activity and scene.activity.at == start else None
        device = scene.device(last)
        where, where_en = (place(device.place, "zh"), place(device.place, "en")) if device else ("", "")
        quiet, at = scene.now - start, clock(start, scene)
        return told(
            scene,
            zh=f"自{at}{f'（{where}）' * bool(where)}起{length(quiet, 'zh')}没有动静",
            en=f"Nobody has stirred for {length(quiet, 'en')}, since {at}{f' ({where_en})' * bool(where_en)}",
        )

    def wake_at(self, reading: Reading, device: Device) -> datetime | None:  # noqa: ARG002 - the port's signature
        """Never: what a message says can only shorten a silence."""
        return None

    def due_at(self, start: datetime, zone: ZoneInfo) -> datetime:
        """The first instant, to the microsecond, at which a silence that starts at `start` is too long.

        Reckoned in whole numbers: a microsecond of day uses up `night`, one of night `day`, of a stock `day * night`.
        """
        day, night = self.day // _MICROSECOND, self.night // _MICROSECOND
        stock, at = day * night, start
        while True:
            in_day, until = self.day_hours.stretch(at, zone)
            use = night if in_day else day
            needed = -(-stock // use) * _MICROSECOND
            if needed <= until - at:
                return at + needed
            stock -= use * ((until - at) // _MICROSECOND)
            at = until
