"""What is known of a home's devices: a fold over readings that no duplicate, delay or reordering can corrupt.

For each device and type of message the newest `KEEP` instants of each value are kept. Both merges (the newest of a
union of instants, the greatest instant) are associative, commutative and idempotent, so a batch may be folded in any
grouping and a message any number of times. The table `device_state` holds the same rows and merges them alike in SQL.
"""

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from lampkeep.domain.home import Device
from lampkeep.domain.vocabulary import URGENT_TYPES, MessageType

KEEP = 32
"""Newest instants kept of each value: a change stays known exactly through 31 unchanged re-reports, which is over a day
of a Zigbee contact's hourly ones; beyond that the error is at most one report interval of such a sensor (see `since`).
Merging 32 costs PostgreSQL no more than merging 12 (30 µs measured); 64 would double the row for no rule's need."""

ONLINE = "online"
"""The type of what is said about a device's connection: status, last will, availability, bridge state."""

LEVELS = frozenset({MessageType.DOOR, MessageType.PRESENCE})
"""Types that are activity when their value changes."""

INSTANTS = frozenset({MessageType.MOTION, MessageType.CHECKIN, MessageType.PROMPT_ANSWER})
"""Types that are activity at each "on" instant."""

_ACTIVE = LEVELS | INSTANTS

ALWAYS_ON = frozenset({MessageType.CHECKIN, MessageType.PROMPT_ANSWER})
"""Types that carry no level: each is a press."""

STRETCH = timedelta(hours=3)
"""The grain in which it is kept for days that a device reports: 32 stretches are four days, more than the three that it
takes to call its reports regular."""

_PURE_REPORTS = frozenset({MessageType.HEARTBEAT, MessageType.BATTERY})
_NO_LEVEL = ALWAYS_ON | _PURE_REPORTS

PRESSES = frozenset({MessageType.SOS, MessageType.SOS_CANCEL})
"""Urgent types that only a hand can send, a test press included: activity (contract section 2)."""

_EVER = datetime.min.replace(tzinfo=UTC)

StateKey: TypeAlias = tuple[str, str]
"""Device and type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One believed message, as the fold takes it.

    `type` is a `MessageType` value or `ONLINE`; `at` is aware, UTC. `on` is the value: open, active, occupied,
    tampered, online, battery low; None where the message has none (heartbeat, a battery percentage). `battery` is
    percent. `repeats`: the sender repeats its whole state from time to time, whatever happened (a Zigbee2MQTT bridge),
    so that the message is also a report that no person need have caused.
    """

    device_id: str
    home_id: str
    type: str
    at: datetime
    battery: int | None = None
    on: bool | None = None
    repeats: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState:
    """What one device has said in one type of message; mirrors a row of `device_state`.

    `on_at` and `off_at` are distinct, newest first, at most `KEEP` each. `percent` is the battery at `percent_at`. In a
    `prompt_answer` row `off_at` are the answers "not well". In a
    `heartbeat` row `on_at` are the reports that nothing but time caused, and `off_at` the starts of the stretches of
    `STRETCH` in which there were any reports.
    """

    device_id: str
    type: str
    seen_at: datetime
    on_at: tuple[datetime, ...] = ()
    off_at: tuple[datetime, ...] = ()
    percent: int | None = None
    percent_at: datetime | None = None

    @property
    def value(self) -> bool | None:
        """The newest value; None before the first. Both at one instant count as on: the side that makes rules look."""
        if not self.on_at:
            return False if self.off_at else None
        return not self.off_at or self.on_at[0] >= self.off_at[0]

    @property
    def since(self) -> datetime | None:
        """When the present value began: the oldest kept instant of its run.

        A run of `KEEP` readings or more may have begun before its oldest kept one: then the newest instant of the other
        value stands for it, which is too early rather than too late (a re-report never shortens a silence). None before
        the first reading, and where such a run has no other value before it.
        """
        on = self.value
        if on is None:
            return None
        same, other = (self.on_at, self.off_at) if on else (self.off_at, self.on_at)
        if not other:
            return same[-1] if len(same) < KEEP else None
        if len(same) >= KEEP and same[-1] > other[0]:
            return other[0]
        return next((at for at in reversed(same) if at > other[0]), same[0])

    @property
    def last_on_since(self) -> datetime | None:
        """When the newest run of "on" began, as far as it is kept and whatever the value is now; None for none."""
        if not self.on_at:
            return None
        newest_on = self.on_at[0]
        before = next((at for at in self.off_at if at < newest_on), None)
        return min(at for at in self.on_at if before is None or at > before)

    @property
    def activities(self) -> tuple[datetime, ...]:
        """The kept instants of activity: each "on" of motion and buttons; of a level, those at which it changed."""
        if self.type in INSTANTS:
            return self.on_at
        if self.type not in LEVELS:
            return ()
        readings = sorted([(at, True) for at in self.on_at] + [(at, False) for at in self.off_at])
        return tuple(at for n, (at, on) in enumerate(readings) if n == 0 or readings[n - 1][1] is not on)

    @property
    def spoken_at(self) -> tuple[datetime, ...]:
        """The kept instants at which the device spoke, in no order; of `ONLINE` those at which it was there."""
        if self.type in {ONLINE, MessageType.HEARTBEAT}:
            return self.on_at if self.type == ONLINE else (self.seen_at, *self.on_at)
        return (self.seen_at, *self.on_at, *self.off_at)

    @property
    def complete_from(self) -> datetime:
        """Before this, instants of this type have been forgotten."""
        full = [kept[-1] for kept in (self.on_at, self.off_at) if len(kept) >= KEEP]
        if self.type == MessageType.HEARTBEAT:
            full = full[:1] if len(self.on_at) >= KEEP else []
        return max(full, default=_EVER)

    @property
    def active_at(self) -> datetime | None:
        """The newest activity: for a level its last change (the first reading is one), for motion and buttons the
        newest "on", for anything else None (contract section 2: signs of life of the device only)."""
        if self.type in LEVELS:
            return self.since
        return self.on_at[0] if self.type in INSTANTS and self.on_at else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """The newest sign that somebody stirs; `device_id` is None where it was a press whose device is not known."""

    at: datetime
    device_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeState:
    """All that rules know of a home. `pressed_at` is the newest press of an urgent button (test presses included),
    which is read from the urgent messages: an urgent transaction touches no row that observations update."""

    states: Mapping[StateKey, DeviceState] = field(default_factory=dict)
    pressed_at: datetime | None = None
    pressed_device: str | None = None

    def only(self, devices: Iterable[Device]) -> "HomeState":
        """What `devices` have said, and the presses."""
        known = {device.device_id for device in devices}
        if all(device_id in known for device_id, _ in self.states):
            return self
        kept = {key: state for key, state in self.states.items() if key[0] in known}
        return HomeState(states=kept, pressed_at=self.pressed_at, pressed_device=self.pressed_device)

    def of(self, device_id: str, type_: str) -> DeviceState | None:
        """What `device_id` has said in messages of `type_`."""
        return self.states.get((device_id, type_))

    def types_of(self, device_id: str) -> tuple[str, ...]:
        """The types in which `device_id` has said anything."""
        return tuple(type_ for type_ in _ALL_TYPES if (device_id, type_) in self.states)

    @property
    def activity(self) -> Activity | None:
        """The newest activity of the home."""
        newest: tuple[datetime, str] | None = None
        for state in self.states.values():
            at = state.active_at if state.type in _ACTIVE else None
            if at is not None and (newest is None or (at, state.device_id) > newest):
                newest = (at, state.device_id)
        if self.pressed_at is not None and (newest is None or self.pressed_at >= newest[0]):
            return Activity(at=self.pressed_at, device_id=self.pressed_device)
        return None if newest is None else Activity(at=newest[0], device_id=newest[1])

    @property
    def alive_at(self) -> dict[str, datetime]:
        """The newest sign of life of each device that gave one: any message of its own, or word that it is online."""
        newest: dict[str, datetime] = {}
        for state in self.states.values():
            for at in state.on_at[:1] if state.type == ONLINE else (state.seen_at,):
                if state.device_id not in newest or at > newest[state.device_id]:
                    newest[state.device_id] = at
        return newest


_ALL_TYPES = (*(type_.value for type_ in MessageType), ONLINE)


def _stretch(at: datetime) -> datetime:
    """The start of the stretch in which `at` lies, counted from midnight UTC."""
    return at.replace(hour=at.hour - at.hour % (STRETCH // timedelta(hours=1)), minute=0, second=0, microsecond=0)


def _report(reading: Reading) -> DeviceState:
    """What a report that nobody caused adds to what is known of a device's beat."""
    pure = reading.type in _PURE_REPORTS and not reading.repeats
    return DeviceState(
        device_id=reading.device_id,
        type=MessageType.HEARTBEAT.value,
        seen_at=reading.at,
        on_at=(reading.at,) if pure else (),
        off_at=(_stretch(reading.at),),
    )


def fold(reading: Reading) -> tuple[DeviceState, ...]:
    """What one reading adds: a row of its type, one of type `battery` where it also tells the battery, and one of type
    `heartbeat` where it is a report that nobody caused.

    Nothing for urgent types: those have their own table (see `HomeState.pressed_at`).
    """
    if reading.type in URGENT_TYPES:
        return ()
    unwell = reading.type == MessageType.PROMPT_ANSWER and reading.on is False
    on = True if reading.type in ALWAYS_ON else reading.on
    if reading.type == MessageType.HEARTBEAT:
        return (_report(reading), *_battery_of(reading))
    own_battery = reading.type == MessageType.BATTERY
    state = DeviceState(
        device_id=reading.device_id,
        type=reading.type,
        seen_at=reading.at,
        on_at=(reading.at,) if on is True else (),
        off_at=(reading.at,) if on is False or unwell else (),
        percent=reading.battery if own_battery else None,
        percent_at=reading.at if own_battery and reading.battery is not None else None,
    )
    report = (_report(reading),) if own_battery or reading.repeats else ()
    return (state, *report) if own_battery else (state, *report, *_battery_of(reading))


def _battery_of(reading: Reading) -> tuple[DeviceState, ...]:
    """The battery that a message of another type tells along the way."""
    if reading.battery is None:
        return ()
    battery = DeviceState(
        device_id=reading.device_id,
        type=MessageType.BATTERY.value,
        seen_at=reading.at,
        percent=reading.battery,
        percent_at=reading.at,
    )
    return (battery,)


def merge(a: DeviceState, b: DeviceState) -> DeviceState:
    """Both together; the order, the grouping and repetition do not matter.

    Two percentages at one instant: the lower holds (fail towards help). States of different devices or types are
    refused with ValueError.
    """
    if (a.device_id, a.type) != (b.device_id, b.type):
        raise ValueError(f"{a.device_id}/{a.type} and {b.device_id}/{b.type} are not the same state")
    percent_at, percent = _battery(a, b) if b.percent_at is not None else (a.percent_at, a.percent)
    return DeviceState(
        device_id=a.device_id,
        type=a.type,
        seen_at=max(a.seen_at, b.seen_at),
        on_at=newest(a.on_at, b.on_at) if b.on_at else a.on_at,
        off_at=newest(a.off_at, b.off_at) if b.off_at else a.off_at,
        percent=percent,
        percent_at=percent_at,
    )


def newest(a: tuple[datetime, ...], b: tuple[datetime, ...], keep: int = KEEP) -> tuple[datetime, ...]:
    """The newest `keep` distinct instants of two lists that are newest first, as the SQL function of this name."""
    if not a or not b:
        return (a or b)[:keep]
    if b[-1] > a[0]:
        return (b + a)[:keep]
    return tuple(sorted({*a, *b}, reverse=True)[:keep])


def merge_into(states: MutableMapping[StateKey, DeviceState], parts: Iterable[DeviceState]) -> None:
    """Merge `parts` into `states` in place: how replay keeps a home, and ingest coalesces a batch."""
    for part in parts:
        key = (part.device_id, part.type)
        known = states.get(key)
        states[key] = part if known is None else merge(known, part)


def fold_into(states: MutableMapping[StateKey, DeviceState], reading: Reading) -> None:
    """`merge_into(states, fold(reading))`, with a short way for a reading that is newer than all before it."""
    at, percent = reading.at, reading.battery
    key = (reading.device_id, reading.type)
    battery_key = (reading.device_id, "battery")
    known, battery = states.get(key), None if percent is None else states.get(battery_key)
    if (
        known is None
        or at <= known.seen_at
        or (percent is not None and (battery is None or at <= battery.seen_at or key == battery_key))
        or reading.type in _NO_LEVEL
        or reading.repeats
    ):
        merge_into(states, fold(reading))
        return
    states[key] = DeviceState(
        device_id=known.device_id,
        type=known.type,
        seen_at=at,
        on_at=(at, *known.on_at[: KEEP - 1]) if reading.on is True else known.on_at,
        off_at=(at, *known.off_at[: KEEP - 1]) if reading.on is False else known.off_at,
        percent=known.percent,
        percent_at=known.percent_at,
    )
    if battery is not None:
        states[battery_key] = DeviceState(
            device_id=battery.device_id,
            type=battery.type,
            seen_at=at,
            on_at=battery.on_at,
            off_at=battery.off_at,
            percent=percent,
            percent_at=at,
        )


def _battery(a: DeviceState, b: DeviceState) -> tuple[datetime | None, int | None]:
    if a.percent_at is None or a.percent is None:
        return b.percent_at, b.percent
    if b.percent_at is None or b.percent is None or a.percent_at > b.percent_at:
        return a.percent_at, a.percent
    if a.percent_at < b.percent_at:
        return b.percent_at, b.percent
    return a.percent_at, min(a.percent, b.percent)
