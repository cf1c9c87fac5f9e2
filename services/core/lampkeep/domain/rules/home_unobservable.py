"""Home unobservable: too few of a home's sensors work to know how its resident is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Self

from lampkeep.domain.findings import SLOWEST_RECHECK, Evidence, Finding, Look, Scene
from lampkeep.domain.home import Device
from lampkeep.domain.home_state import ONLINE, Reading
from lampkeep.domain.parameters import Parameters
from lampkeep.domain.rules.wording import clock, instant, length, told
from lampkeep.domain.sight import STUCK_AFTER
from lampkeep.domain.vocabulary import AlertKind, MessageType


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeUnobservable:
    """Fires when more than half of the inside sensors have been blind (see `lampkeep.domain.sight`) for
    `unobservable_after`, or for `gateway_after` where the word of a gateway's end makes them so; over when enough of
    them work again.

    One finding a home, never one a sensor. `stuck_after` is how long a movement sensor or contact may be on before it
    counts as blind; it holds for the verdict of the home even in a plan without this rule. Defaults: 2 h, because
    battery sensors of one room lose the radio for an hour and find it again; 5 min for a gateway, whose last will comes
    from the broker and says that nothing at all can arrive; 24 h (see `STUCK_AFTER`).
    """

    kind: ClassVar[AlertKind] = AlertKind.HOME_UNOBSERVABLE

    unobservable_after: timedelta = timedelta(hours=2)
    gateway_after: timedelta = timedelta(minutes=5)
    stuck_after: timedelta = STUCK_AFTER

    @classmethod
    def parse(cls, given: Parameters) -> Self:
        """From a plan, `after` being short for `unobservable_after`; ParameterError where a value is impossible."""
        after = given.duration("unobservable_after", given.duration("after", cls().unobservable_after))
        gateway_after = given.duration("gateway_after", min(cls().gateway_after, after))
        return cls(
            unobservable_after=after,
            gateway_after=gateway_after,
            stuck_after=given.duration("stuck_after", cls().stuck_after),
        )

    @property
    def _by_gateway(self) -> timedelta:
        """A gateway's end is told no later than any other reason."""
        return min(self.gateway_after, self.unobservable_after)

    def look(self, scene: Scene) -> Look:
        """At most one finding, of the home."""
        sight = scene.sight
        if sight.since is None:
            if sight.lost_at is None or sight.lost_since is None:
                return Look()
            return Look(again_at=max(sight.lost_at, sight.lost_since + self.unobservable_after))
        due_at = sight.since + (self._by_gateway if sight.by_gateway else self.unobservable_after)
        if due_at > scene.now and not scene.goes_on((self.kind, ""), sight.since):
            return Look(again_at=due_at)
        finding = Finding(kind=self.kind, since=sight.since)
        return Look(findings=(finding,), again_at=scene.now + SLOWEST_RECHECK)

    def describe(self, finding: Finding, scene: Scene) -> Evidence:
        """Since when the home cannot be seen; the verdict names the sensors."""
        since = finding.since or scene.now
        at, blind, sensors = clock(since, scene), len(scene.sight.blind), scene.sight.sensors
        return told(
            scene,
            unobservable_since=instant(since),
            zh=f"自{at}起{length(scene.now - since, 'zh')}看不到家中情况：{sensors}个传感器中{blind}个失效",
            en=f"The home cannot be seen since {at}, for {length(scene.now - since, 'en')}: "
            f"{blind} of {sensors} sensors tell nothing",
        )

    def wake_at(self, reading: Reading, device: Device) -> datetime | None:
        """What could take the last sensor that is needed: tampering, an empty battery, a level that may stick, and the
        report that completes three days of them. At once after the word that something is gone: whether a whole area
        goes with it is seen by when each home was lost."""
        if reading.type == ONLINE and reading.on is False:
            return reading.at
        if (reading.type == MessageType.TAMPER and reading.on) or reading.battery == 0:
            return reading.at + self.unobservable_after
        if reading.type in {MessageType.DOOR, MessageType.MOTION} and reading.on and self.stuck_after < STUCK_AFTER:
            return reading.at + self.stuck_after
        if reading.type == MessageType.HEARTBEAT and device.heartbeat_every is None and device.sees_activity:
            return reading.at + self.unobservable_after
        return None
