"""Low battery: a device will soon be blind."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Self

from lampkeep.domain.findings import SLOWEST_RECHECK, Evidence, Finding, Look, Scene
from lampkeep.domain.home import Device
from lampkeep.domain.home_state import DeviceState, Reading
from lampkeep.domain.parameters import Parameters
from lampkeep.domain.rules.wording import named, told
from lampkeep.domain.vocabulary import AlertKind, MessageType

RECOVERY = 5
"""Percent above `below` at which a low battery counts as changed: a cell that wavers with the room's temperature by a
few percent is told once."""


TOLD_AGAIN = timedelta(days=7)
"""A battery that is still low is told again after this (contract of the rule): weeks are left, not months."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LowBattery:
    """Fires when a device's newest battery reading is under `below` percent, or its low-battery flag is set; over when
    it reaches `below` + 5 and the flag is clear; told again every seven days until then.

    One finding a device. Default: 15 %, the contract's example: weeks of work are left, time for a visit in daylight.
    """

    kind: ClassVar[AlertKind] = AlertKind.LOW_BATTERY

    below: int = 15

    @classmethod
    def parse(cls, given: Parameters) -> Self:
        """From a plan; ParameterError where a value is impossible."""
        return cls(below=given.whole("below", cls().below, least=1, most=100))

    def look(self, scene: Scene) -> Look:
        """A finding for each such device."""
        batteries = [(device, scene.state.of(device.device_id, MessageType.BATTERY)) for device in scene.home.devices]
        low = [
            device.device_id
            for device, battery in batteries
            if battery is not None and self._low(battery, told=(self.kind, device.device_id) in scene.standing)
        ]
        if not low:
            return Look()
        told_at = {device_id: scene.standing.get((self.kind, device_id), scene.now) for device_id in low}
        found = tuple(
            Finding(kind=self.kind, subject=device_id, since=scene.now if scene.now - at >= TOLD_AGAIN else None)
            for device_id, at in told_at.items()
        )
        again = [at + TOLD_AGAIN for at in told_at.values() if at + TOLD_AGAIN > scene.now]
        return Look(findings=found, again_at=min([*again, scene.now + SLOWEST_RECHECK]))

    def describe(self, finding: Finding, scene: Scene) -> Evidence:
        """Which battery is low, and how low where that is known."""
        device = scene.device(finding.subject)
        battery = scene.state.of(finding.subject, MessageType.BATTERY)
        percent = battery.percent if battery else None
        known = f" {percent} %" if percent is not None else ""
        return told(
            scene,
            device=device,
            battery=percent,
            zh=f"设备{named(device, 'zh')}电量低{known}",
            en=f"The battery of {named(device, 'en')} is low{':' * bool(known)}{known}",
        )

    def wake_at(self, reading: Reading, device: Device) -> datetime | None:  # noqa: ARG002 - the port's signature
        """At once when it is low."""
        flagged = reading.type == MessageType.BATTERY and reading.on
        low = reading.battery is not None and reading.battery < self.below
        return reading.at if flagged or low else None

    def _low(self, battery: DeviceState, *, told: bool) -> bool:
        limit = min(100, self.below + RECOVERY) if told else self.below
        return battery.value is True or (battery.percent is not None and battery.percent < limit)
