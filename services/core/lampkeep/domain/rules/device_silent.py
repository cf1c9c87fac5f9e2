"""Device silent: a device that promised to report does not, or its connection is gone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Self

from lampkeep.domain.beats import MISSED_BEATS, beat_of
from lampkeep.domain.findings import SLOWEST_RECHECK, Evidence, Finding, Look, Scene
from lampkeep.domain.home import Device
from lampkeep.domain.home_state import ONLINE, Reading
from lampkeep.domain.parameters import Parameters
from lampkeep.domain.rules.wording import clock, instant, length, named, told
from lampkeep.domain.vocabulary import AlertKind, DeviceKind, MessageType


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSilent:
    """Fires when a device that declares `heartbeat_every`, or has reported regularly for three days (see
    `lampkeep.domain.beats`), gave no sign of life for `after` or three beats, whichever is longer, or when it was said
    to be offline (last will, availability, bridge state) for `after`.

    The silence of a sensor that speaks only on events is never a reason: it is what a collapse looks like. One finding
    a device; over with its next sign of life. Devices behind a gateway that is itself found silent are not named one
    by one, nor are the sensors of a home that is told as a whole that it cannot be seen. Default: after 2 h, the
    contract's example: a router that restarts or a short power cut heals by itself.
    """

    kind: ClassVar[AlertKind] = AlertKind.DEVICE_SILENT

    after: timedelta = timedelta(hours=2)

    @classmethod
    def parse(cls, given: Parameters) -> Self:
        """From a plan; ParameterError where a value is impossible."""
        return cls(after=given.duration("after", cls().after))

    def look(self, scene: Scene) -> Look:
        """A finding for each such device, gateways standing for those behind them."""
        alive_at = scene.state.alive_at
        due = [(device, *self._due(scene, device, alive_at.get(device.device_id))) for device in scene.home.devices]
        found = [(device, since) for device, since, at in due if at is not None and at <= scene.now]
        gone = {device.account for device, _ in found if device.kind is DeviceKind.GATEWAY}
        told_already = self._told_as_one(scene)
        findings = tuple(
            Finding(kind=self.kind, subject=device.device_id, since=since)
            for device, since in found
            if device.device_id not in told_already
            and (device.kind is DeviceKind.GATEWAY or device.account not in gone)
        )
        again = [at for _, _, at in due if at is not None and at > scene.now] + [scene.now + SLOWEST_RECHECK] * bool(
            found
        )
        return Look(findings=findings, again_at=min(again, default=None))

    def describe(self, finding: Finding, scene: Scene) -> Evidence:
        """Which device gives no sign of life, and for how long."""
        device, since = scene.device(finding.subject), finding.since or scene.now
        silent, at = scene.now - since, clock(since, scene)
        return told(
            scene,
            device=device,
            silent_since=instant(since),
            zh=f"设备{named(device, 'zh')}自{at}起{length(silent, 'zh')}没有信号",
            en=f"Device {named(device, 'en')} has been silent for {length(silent, 'en')}, since {at}",
        )

    def wake_at(self, reading: Reading, device: Device) -> datetime | None:
        """`after` after the word that it is offline, and after a report that may complete three days of them."""
        learns = reading.type == MessageType.HEARTBEAT and device.heartbeat_every is None
        return reading.at + self.after if learns or (reading.type == ONLINE and reading.on is False) else None

    def _told_as_one(self, scene: Scene) -> set[str]:
        """The sensors that make the home unobservable, and their gateways, where the plan tells that as one finding."""
        if not scene.told_as_one or scene.sight.since is None:
            return set()
        blind = {blind.device.device_id for blind in scene.sight.blind}
        accounts = {scene.devices[device_id].account for device_id in blind}
        gateways = (one for one in scene.home.devices if one.kind is DeviceKind.GATEWAY and one.account in accounts)
        return blind | {one.device_id for one in gateways}

    def _due(self, scene: Scene, device: Device, alive_at: datetime | None) -> tuple[datetime, datetime | None]:
        """(since when the device is silent, when that is too long; None: it cannot be)."""
        since = alive_at or device.registered_at
        limits = []
        beat = beat_of(device, scene.state)
        if beat is not None:
            limits.append(since + max(self.after, MISSED_BEATS * beat))
        connection = scene.state.of(device.device_id, ONLINE)
        if connection is not None and connection.off_at and (alive_at is None or connection.off_at[0] > alive_at):
            gone_at = connection.since or device.registered_at
            limits.append(max(gone_at, since) + self.after)
        return since, min(limits, default=None)
