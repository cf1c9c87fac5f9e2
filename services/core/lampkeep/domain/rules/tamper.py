"""Tamper: a device's case is open, or it was taken off its wall."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Self

from lampkeep.domain.findings import SLOWEST_RECHECK, Evidence, Finding, Look, Scene
from lampkeep.domain.home import Device
from lampkeep.domain.home_state import Reading
from lampkeep.domain.parameters import Parameters
from lampkeep.domain.rules.wording import clock, named, told
from lampkeep.domain.vocabulary import AlertKind, MessageType


@dataclass(frozen=True, slots=True, kw_only=True)
class Tamper:
    """Fires as soon as a device says that it is tampered with; over when it says that it is not.

    One finding a device. No parameters: a detached sensor watches nothing from the first minute.
    """

    kind: ClassVar[AlertKind] = AlertKind.TAMPER

    @classmethod
    def parse(cls, given: Parameters) -> Self:  # noqa: ARG003 - it has no parameters
        """From a plan."""
        return cls()

    def look(self, scene: Scene) -> Look:
        """A finding for each such device."""
        states = [(device, scene.state.of(device.device_id, MessageType.TAMPER)) for device in scene.home.devices]
        tampered = [(device, state.since or device.registered_at) for device, state in states if state and state.value]
        found = tuple(
            Finding(kind=self.kind, subject=device.device_id, since=since)
            for device, since in tampered
            if since <= scene.now
        )
        ahead = [since for _, since in tampered if since > scene.now]  # a device's clock may be ahead by two minutes
        return Look(findings=found, again_at=min(ahead + [scene.now + SLOWEST_RECHECK] * bool(found), default=None))

    def describe(self, finding: Finding, scene: Scene) -> Evidence:
        """Which device was tampered with, and when."""
        device, at = scene.device(finding.subject), clock(finding.since or scene.now, scene)
        return told(
            scene,
            device=device,
            zh=f"设备{named(device, 'zh')}自{at}起被拆动",
            en=f"Device {named(device, 'en')} has been tampered with since {at}",
        )

    def wake_at(self, reading: Reading, device: Device) -> datetime | None:  # noqa: ARG002 - the port's signature
        """At once."""
        return reading.at if reading.type == MessageType.TAMPER and reading.on else None
