"""A home, the people who live there, the devices that watch, and who is asked to help: plain values of the registry."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from lampkeep.domain.vocabulary import DeviceKind, Role

ENTRANCE = "entrance"
"""The place of a door that leads outside."""

_SHOW_PROMPTS = frozenset({DeviceKind.PENDANT, DeviceKind.BUTTON})
_SEE_ACTIVITY = frozenset({DeviceKind.DOOR, DeviceKind.MOTION, DeviceKind.PRESENCE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device of a home. `account` is the MQTT user that may speak for it."""

    device_id: str
    home_id: str
    account: str
    kind: DeviceKind
    registered_at: datetime
    place: str | None = None
    z2m: str | None = None
    heartbeat_every: timedelta | None = None

    @property
    def is_entrance(self) -> bool:
        """A door that leads outside."""
        return self.place == ENTRANCE and self.kind is DeviceKind.DOOR

    @property
    def sees_activity(self) -> bool:
        """A sensor by which silence can be told from its own failure: door, motion, presence."""
        return self.kind in _SEE_ACTIVITY


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """A person who lives in a home; `name` None: the community keeps none."""

    resident_id: str
    name: str | None = None
    born: date | None = None
    phone: str | None = None
    traits: tuple[str, ...] = ()
    notes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """Rules that rest from one day to another, in the community's zone; `until` is the first day they hold again."""

    rules: frozenset[str]
    from_day: date
    until_day: date
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A home as rules see it: no name and no address. `registered_at` is when it was first applied."""

    home_id: str
    area_id: str
    plan_id: str
    registered_at: datetime
    emergency_consent: bool = False
    devices: tuple[Device, ...] = ()
    suspensions: tuple[Suspension, ...] = ()

    @property
    def can_be_asked(self) -> bool:
        """Whether it has a device that can show the resident a prompt."""
        return any(device.kind in _SHOW_PROMPTS for device in self.devices)


@dataclass(frozen=True, slots=True, kw_only=True)
class Responder:
    """Somebody who can be asked; `reachable` is false for one without any channel."""

    responder_id: str
    name: str
    role: Role
    area_ids: tuple[str, ...] = ()
    reachable: bool = True
