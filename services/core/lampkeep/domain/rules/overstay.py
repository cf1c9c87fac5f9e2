"""Overstay: somebody went into the bathroom and nothing else has stirred since."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Self

from lampkeep.domain.findings import Evidence, Finding, Look, Scene, recheck_at
from lampkeep.domain.home import Device
from lampkeep.domain.home_state import Reading
from lampkeep.domain.parameters import Parameters
from lampkeep.domain.rules.wording import clock, instant, length, place, told
from lampkeep.domain.spans import FOREVER, counted
from lampkeep.domain.vocabulary import AlertKind, MessageType


@dataclass(frozen=True, slots=True, kw_only=True)
class Overstay:
    """Fires when the newest activity is at one of `places`, and `for_` has passed since the first there after the last
    activity anywhere else; over with any activity elsewhere.

    `for` is a duration, `places` are those of devices. Defaults: 1 h in the bathroom, where most falls happen: twice a
    long bath. It is not part of the plan `default`: where no sensor sees the way back to bed it would fire every night.
    Time that nobody watched, or in which the home could not be seen, is left out.
    """

    kind: ClassVar[AlertKind] = AlertKind.OVERSTAY

    for_: timedelta = timedelta(hours=1)
    places: tuple[str, ...] = ("bathroom",)

    @classmethod
    def parse(cls, given: Parameters) -> Self:
        """From a plan; ParameterError where a value is impossible."""
        return cls(for_=given.duration("for", cls().for_), places=given.words("places", cls().places))

    def look(self, scene: Scene) -> Look:
        """At most one finding, of the home."""
        entered = self._entered(scene)
        if entered is None:
            return Look()
        start = max(entered, scene.rested_until or entered)
        due_at = counted(start, self.for_, scene.uncounted)
        if due_at > scene.now and not scene.goes_on((self.kind, ""), entered):
            return Look(again_at=None if due_at == FOREVER else due_at)
        found = (Finding(kind=self.kind, since=entered),)
        return Look(findings=found, again_at=recheck_at(scene, found))

    def describe(self, finding: Finding, scene: Scene) -> Evidence:
        """Where somebody has been for how long."""
        entered = finding.since or scene.now
        device = scene.device(scene.activity.device_id) if scene.activity else None
        zh, en = (place(device.place if device else None, language) for language in ("zh", "en"))
        at, stay = clock(entered, scene), scene.now - entered
        return told(
            scene,
            device=device,
            entered_at=instant(entered),
            zh=f"自{at}进入{zh}，{length(stay, 'zh')}没有在别处活动",
            en=f"In the {en} since {at}, and nowhere else for {length(stay, 'en')}",
        )

    def wake_at(self, reading: Reading, device: Device) -> datetime | None:
        """`for_` after anything that may be somebody coming in."""
        moves = reading.on or (reading.type != MessageType.MOTION and reading.on is not None)
        if moves and device.place in self.places and reading.type in _SEES:
            return reading.at + self.for_
        return None

    def _entered(self, scene: Scene) -> datetime | None:
        """The first activity there since the last one elsewhere; None where the newest is elsewhere."""
        there: list[datetime] = []
        elsewhere = scene.state.pressed_at
        for (device_id, _), one in scene.state.states.items():
            at = one.active_at
            if at is None:
                continue
            if scene.devices[device_id].place in self.places:
                there.extend(one.activities)
            elif elsewhere is None or at > elsewhere:
                elsewhere = at
        since = [at for at in there if elsewhere is None or at > elsewhere]
        return min(since, default=None)


_SEES = frozenset({MessageType.DOOR, MessageType.MOTION, MessageType.PRESENCE})
