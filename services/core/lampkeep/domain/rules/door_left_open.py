"""Door left open: an outside door has been open for too long."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Self

from lampkeep.domain.findings import Evidence, Finding, Look, Scene, recheck_at
from lampkeep.domain.home import ENTRANCE, Device
from lampkeep.domain.home_state import Reading
from lampkeep.domain.parameters import Parameters
from lampkeep.domain.rules.wording import clock, instant, length, named, told
from lampkeep.domain.spans import counted
from lampkeep.domain.vocabulary import AlertKind, MessageType


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorLeftOpen:
    """Fires when a contact at one of `places` has said "open" for `for_`; over when it says "closed".

    One finding a door. Time that we did not watch is left out. Defaults: 30 min, the contract's example: longer than
    carrying the shopping in or a talk with the neighbour; entrance doors only, because cupboards and room doors stand
    open for days in recorded homes. It asks only what the contact says: one that is mounted the wrong way round must be
    turned, not muted.
    """

    kind: ClassVar[AlertKind] = AlertKind.DOOR_LEFT_OPEN

    for_: timedelta = timedelta(minutes=30)
    places: tuple[str, ...] = (ENTRANCE,)

    @classmethod
    def parse(cls, given: Parameters) -> Self:
        """From a plan; ParameterError where a value is impossible."""
        return cls(for_=given.duration("for", cls().for_), places=given.words("places", cls().places))

    def look(self, scene: Scene) -> Look:
        """A finding for each such door."""
        opened = [(device, self._open_since(scene, device)) for device in scene.home.devices]
        due = [(one, since, counted(since, self.for_, scene.unwatched)) for one, since in opened if since is not None]
        found = tuple(
            Finding(kind=self.kind, subject=device.device_id, since=since)
            for device, since, at in due
            if at <= scene.now or scene.goes_on((self.kind, device.device_id), since)
        )
        again = [recheck_at(scene, found), *(at for _, _, at in due if at > scene.now)]
        return Look(findings=found, again_at=min((at for at in again if at is not None), default=None))

    def describe(self, finding: Finding, scene: Scene) -> Evidence:
        """Which door has been open, and for how long."""
        device, since = scene.device(finding.subject), finding.since or scene.now
        open_for, at = scene.now - since, clock(since, scene)
        return told(
            scene,
            device=device,
            open_since=instant(since),
            zh=f"{named(device, 'zh')}自{at}起已开了{length(open_for, 'zh')}",
            en=f"{named(device, 'en')} has been open for {length(open_for, 'en')}, since {at}",
        )

    def wake_at(self, reading: Reading, device: Device) -> datetime | None:
        """`for_` after an opening."""
        if reading.type == MessageType.DOOR and reading.on and device.place in self.places:
            return reading.at + self.for_
        return None

    def _open_since(self, scene: Scene, device: Device) -> datetime | None:
        state = scene.state.of(device.device_id, MessageType.DOOR) if device.place in self.places else None
        if state is None or not state.value:
            return None
        return state.since or scene.home.registered_at
