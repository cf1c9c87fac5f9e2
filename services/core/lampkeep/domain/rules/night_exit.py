"""Night exit: the front door opened in the night, and nobody has come back in."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import ClassVar, Self

from lampkeep.domain.findings import Evidence, Finding, Look, Scene, recheck_at
from lampkeep.domain.home import Device
from lampkeep.domain.home_state import Reading
from lampkeep.domain.parameters import Parameters
from lampkeep.domain.rules.wording import clock, instant, length, named, told
from lampkeep.domain.spans import counted
from lampkeep.domain.times import Window
from lampkeep.domain.vocabulary import AlertKind, MessageType

_NIGHT = Window(start=time(22), end=time(6))


@dataclass(frozen=True, slots=True, kw_only=True)
class NightExit:
    """Fires when an entrance door was opened within `window`, and `for_` later it is still open, or nothing has stirred
    inside since; over when it is closed and something has.

    `window` is a local window, `for` a duration. Made for people with dementia. Defaults: 22:00-06:00 and 10 min: time
    to fetch something from the landing, and little enough that somebody in nightclothes is still near. It is not part
    of the plan `default`: most people may come home late. Time that nobody watched, or in which the home could not be
    seen, is left out.
    """

    kind: ClassVar[AlertKind] = AlertKind.NIGHT_EXIT

    window: Window = _NIGHT
    for_: timedelta = timedelta(minutes=10)

    @classmethod
    def parse(cls, given: Parameters) -> Self:
        """From a plan; ParameterError where a value is impossible."""
        return cls(window=given.window("window", cls().window), for_=given.duration("for", cls().for_))

    def look(self, scene: Scene) -> Look:
        """A finding for each such door."""
        found, again = [], []
        for device in scene.devices.values():
            opened = self._opened(scene, device)
            if opened is None:
                continue
            due_at = counted(opened, self.for_, scene.uncounted)
            if due_at > scene.now and not scene.goes_on((self.kind, device.device_id), opened):
                again.append(due_at)
            else:
                found.append(Finding(kind=self.kind, subject=device.device_id, since=opened))
        recheck = recheck_at(scene, found)
        return Look(findings=tuple(found), again_at=min([*again, *([recheck] if recheck else [])], default=None))

    def describe(self, finding: Finding, scene: Scene) -> Evidence:
        """Which door was opened when, and whether it stands open."""
        door, opened = scene.device(finding.subject), finding.since or scene.now
        state = scene.state.of(finding.subject, MessageType.DOOR)
        is_open = state is not None and bool(state.value)
        at, out_for = clock(opened, scene), scene.now - opened
        return told(
            scene,
            device=door,
            opened_at=instant(opened),
            zh=f"{named(door, 'zh')}夜间{at}打开，{length(out_for, 'zh')}{'一直没有关' if is_open else '屋内没有动静'}",
            en=f"{named(door, 'en')} was opened in the night at {at}; for {length(out_for, 'en')} "
            f"{'it has not been closed' if is_open else 'nothing has stirred inside'}",
        )

    def wake_at(self, reading: Reading, device: Device) -> datetime | None:
        """`for_` after an opening."""
        if reading.type == MessageType.DOOR and reading.on and device.is_entrance:
            return reading.at + self.for_
        return None

    def _opened(self, scene: Scene, device: Device) -> datetime | None:
        """When an opening that is not settled began; None where there is none in the window."""
        state = scene.state.of(device.device_id, MessageType.DOOR) if device.is_entrance else None
        if state is None or not state.on_at:
            return None
        opened = state.since if state.value else state.last_on_since
        if opened is None or opened <= (scene.rested_until or scene.home.registered_at):
            return None
        if not self.window.stretch(opened, scene.zone)[0]:
            return None
        return opened if state.value or not _stirred_inside(scene, opened) else None


def _stirred_inside(scene: Scene, after: datetime) -> bool:
    if scene.state.pressed_at is not None and scene.state.pressed_at > after:
        return True
    for (device_id, _), one in scene.state.states.items():
        at = one.active_at
        if at is not None and at > after and not scene.devices[device_id].is_entrance:
            return True
    return False
