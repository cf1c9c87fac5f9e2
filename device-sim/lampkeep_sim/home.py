"""A home that lives: what its devices say while a day goes by. Pure: (seed, home, start) gives the same stream always.

The stream carries device ids, instants and messages, so it can be sent, written to a file, or replayed. What the
hardware does wrong (clocks, duplicates, bursts) is put on top by `faults`.
"""

import heapq
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from lampkeep_sim import routine
from lampkeep_sim.community import DeviceSpec, HomeSpec
from lampkeep_sim.message import Message
from lampkeep_sim.routine import ENTRANCE, OUT, Stay

HEARTBEAT_EVERY = timedelta(minutes=30)
"""For devices whose community file says nothing; many Zigbee sensors report every 30 to 60 minutes."""

MOTION_HOLD = timedelta(seconds=60)
"""How long after the last movement a motion sensor says `active: false` (60 s on many)."""

BATTERY_DAYS = (250.0, 900.0)
"""Full to empty: the range from which each device's battery is drawn. Coin cells in sensors last one to two years."""

PRESENCE_DOINGS = {"bedroom": {"sleep", "nap"}, "living-room": {"sit", "visit"}}
"""In which pastimes a bed or chair mat of a place is occupied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One message of one device at one instant (aware, UTC). `lived` is False for what happens without a person."""

    at: datetime
    device_id: str
    message: Message
    lived: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """How a community lives: `sos_per_day` is per home, `id_prefix` keeps the ids of one run apart from another's."""

    seed: int = 1
    sos_per_day: float = 0.0
    test_share: float = 0.0
    """The share of presses that are test presses."""
    battery_speed: float = 1.0
    """How much faster than life batteries drain."""
    id_prefix: str = "s"


@dataclass(frozen=True, slots=True)
class _Draft:
    """A happening before it has an id and a battery level; `order` keeps equal instants in a fixed order."""

    at: datetime
    order: int
    device: DeviceSpec
    type: str
    content: Mapping[str, Any]
    lived: bool

    def __lt__(self, other: "_Draft") -> bool:
        return (self.at, self.order, self.device.device_id) < (other.at, other.order, other.device.device_id)


def happenings(home: HomeSpec, zone: ZoneInfo, start: datetime, life: Life) -> Iterator[Happening]:
    """Yield what the home's devices say from `start` on, in order, without end."""
    streams = [_lived(home, zone, start, life), _pressed(home, start, life)]
    streams += [_beats(device, start, life.seed) for device in home.devices]
    cells = {device.device_id: _Cell.of(device, life) for device in home.devices}
    counts = dict.fromkeys(cells, 0)
    for draft in heapq.merge(*streams):
        device_id = draft.device.device_id
        battery = cells[device_id].percent(draft.at - start)
        if battery == 0:
            continue  # a flat battery says nothing more
        counts[device_id] += 1
        message = Message(
            message_id=f"{life.id_prefix}-{counts[device_id]}",
            type=draft.type,
            at=draft.at,
            battery=battery,
            content=draft.content,
        )
        yield Happening(at=draft.at, device_id=device_id, message=message, lived=draft.lived)


def _lived(home: HomeSpec, zone: ZoneInfo, start: datetime, life: Life) -> Iterator[_Draft]:
    """Yield what is seen of each stay, in order: effects of a stay may run a little into the next one."""
    ahead: list[_Draft] = []
    last = None
    for stay in routine.days(life.seed, home.home_id, start, zone):
        rng = random.Random(f"{life.seed}/{home.home_id}/{stay.start.isoformat()}")
        for draft in _seen(home, stay, last, rng):
            if draft.at >= start:
                heapq.heappush(ahead, draft)
        while ahead and ahead[0].at < stay.end.astimezone(UTC) - MOTION_HOLD:
            yield heapq.heappop(ahead)
        last = stay


def _seen(home: HomeSpec, stay: Stay, before: Stay | None, rng: random.Random) -> Iterator[_Draft]:
    """Yield what the devices of a home see of one stay, in any order."""
    begin, end = stay.start.astimezone(UTC), stay.end.astimezone(UTC)
    came_from = before.place if before else None
    for device in home.devices:
        near = device.place == stay.place
        match device.kind:
            case "motion" if near and stay.place != OUT:
                yield from _motion(device, begin, end, stay.restless, rng)
            case "motion" if device.place not in _ROOMS:  # a corridor
                yield from _motion(device, begin, begin + timedelta(seconds=5), timedelta.max, rng)
            case "door" if device.place == ENTRANCE:
                yield from _entrance(device, stay, came_from, begin, end, rng)
            case "door" if near and stay.doing in {"cook", "wash", "toilet"}:
                yield from _cupboard(device, begin, end, rng)
            case "presence" if near and stay.doing in PRESENCE_DOINGS.get(stay.place, ()):
                yield _Draft(begin, 0, device, "presence", {"occupied": True}, lived=True)
                yield _Draft(end - timedelta(seconds=1), 0, device, "presence", {"occupied": False}, lived=True)
            case "button" if stay.doing == "cook" and stay.start.hour < 10 and rng.random() < 0.9:  # at breakfast
                yield _Draft(begin + timedelta(minutes=2), 0, device, "checkin", {}, lived=True)
            case _:
                pass


_ROOMS = {routine.BATHROOM, routine.BEDROOM, routine.KITCHEN, routine.LIVING}


def _motion(
    device: DeviceSpec, begin: datetime, end: datetime, restless: timedelta, rng: random.Random
) -> Iterator[_Draft]:
    """Yield movements: one on entering, then at random, each followed by the sensor's return to rest."""
    at = begin + timedelta(seconds=rng.uniform(0.5, 4))
    while at < end:
        yield _Draft(at, 0, device, "motion", {"active": True}, lived=True)
        yield _Draft(at + MOTION_HOLD, 1, device, "motion", {"active": False}, lived=True)
        if restless == timedelta.max:
            return
        at += MOTION_HOLD + timedelta(seconds=rng.expovariate(1 / restless.total_seconds()))


def _entrance(
    device: DeviceSpec, stay: Stay, came_from: str | None, begin: datetime, end: datetime, rng: random.Random
) -> Iterator[_Draft]:
    """Yield the front door: leaving and coming home, and letting a visitor in and out."""
    if OUT in {stay.place, came_from} and came_from is not None:
        yield from _swing(device, begin - timedelta(seconds=rng.uniform(1, 20)), rng)
    if stay.doing == "visit":
        yield from _swing(device, begin + timedelta(seconds=5), rng)
        yield from _swing(device, end - timedelta(seconds=90), rng)


def _cupboard(device: DeviceSpec, begin: datetime, end: datetime, rng: random.Random) -> Iterator[_Draft]:
    """Yield one or two openings of an inner door, a fridge, a cupboard."""
    span_s = max(1.0, (end - begin).total_seconds() - 60)
    for _ in range(rng.choice((1, 1, 2))):
        yield from _swing(device, begin + timedelta(seconds=rng.uniform(0, span_s)), rng)


def _swing(device: DeviceSpec, at: datetime, rng: random.Random) -> Iterator[_Draft]:
    shut_at = at + timedelta(seconds=rng.uniform(3, 25))
    yield _Draft(at, 0, device, "door", {"open": True}, lived=True)
    yield _Draft(shut_at, 1, device, "door", {"open": False}, lived=True)


def _beats(device: DeviceSpec, start: datetime, seed: int) -> Iterator[_Draft]:
    """Yield heartbeats at the device's own phase; gateways and pendants beat like the rest."""
    every = device.heartbeat_every or HEARTBEAT_EVERY
    rng = random.Random(f"{seed}/{device.device_id}/phase")
    at = start.astimezone(UTC) + every * rng.random()
    while True:
        yield _Draft(at, 2, device, "heartbeat", {}, lived=False)
        at += every * rng.uniform(0.98, 1.02)


def _pressed(home: HomeSpec, start: datetime, life: Life) -> Iterator[_Draft]:
    """Yield presses of the home's pendants (or its button, without one) as a Poisson process."""
    pendants = [device for device in home.devices if device.kind == "pendant"]
    if not pendants or life.sos_per_day <= 0:
        return
    rng = random.Random(f"{life.seed}/{home.home_id}/sos")
    at = start.astimezone(UTC)
    while True:
        at += timedelta(days=rng.expovariate(life.sos_per_day))
        content = {"test": True} if rng.random() < life.test_share else {}
        yield _Draft(at, 0, rng.choice(pendants), "sos", content, lived=True)


@dataclass(frozen=True, slots=True)
class _Cell:
    """A battery that drains in a straight line from its own level; `per_day` is percent, level None is the mains."""

    level: float | None
    per_day: float

    @classmethod
    def of(cls, device: DeviceSpec, life: Life) -> "_Cell":
        rng = random.Random(f"{life.seed}/{device.device_id}/battery")
        per_day = 100 / rng.uniform(*BATTERY_DAYS) * life.battery_speed
        return cls(None if device.kind == "gateway" else rng.uniform(25, 100), per_day)

    def percent(self, after: timedelta) -> int | None:
        if self.level is None:
            return None
        return max(0, round(self.level - self.per_day * (after / timedelta(days=1))))
