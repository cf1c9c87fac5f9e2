"""Whether a home can be seen at all: which of its activity sensors work, and since when too few of them do.

A sensor is blind while its gateway or itself is said to be offline, while it misses three beats (see `beats`), is
tampered with, stuck on, or dead of battery. The silence of a sensor that speaks only on events is never a reason. A
home cannot be seen while more than half of its inside sensors are blind; where all its sensors are entrance doors,
those count.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from lampkeep.domain.beats import MISSED_BEATS, beat_of, signs_of_life
from lampkeep.domain.home import Device
from lampkeep.domain.home_state import ONLINE, DeviceState, HomeState
from lampkeep.domain.spans import FOREVER, Span, Spans, union
from lampkeep.domain.vocabulary import DeviceKind, MessageType

STUCK_AFTER = timedelta(hours=24)
"""Default of `stuck_after`: cupboards and room doors stand open for half a day in recorded homes, and a sensor that has
not moved for a whole day and night tells nothing any more."""


class Why(StrEnum):
    """Why a sensor does not count."""

    GATEWAY_OFFLINE = "gateway_offline"
    OFFLINE = "offline"
    MISSED_BEATS = "missed_beats"
    DEAD_BATTERY = "dead_battery"
    STUCK_ON = "stuck_on"
    TAMPERED = "tampered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blind:
    """A sensor that shows nothing now, and since when."""

    device: Device
    why: Why
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What of a home can be seen. `since`: it cannot, from then on (None: it can). `unseen` are all known stretches of
    that kind. If no message comes, the home is not lost before `lost_at`, and then since `lost_since` or later (None:
    never for want of a message)."""

    sensors: int
    blind: tuple[Blind, ...] = ()
    since: datetime | None = None
    unseen: Spans = ()
    lost_since: datetime | None = None
    lost_at: datetime | None = None

    @property
    def by_gateway(self) -> bool:
        """Whether the word of a gateway's end is reason enough."""
        gone = sum(blind.why is Why.GATEWAY_OFFLINE for blind in self.blind)
        return self.since is not None and gone > self.sensors - _needed(self.sensors)


def sensors_of(devices: Mapping[str, Device]) -> tuple[Device, ...]:
    """The sensors by which a home is seen: those inside, or its entrance doors where there is nothing else."""
    every = [device for device in devices.values() if device.sees_activity]
    return tuple(device for device in every if not device.is_entrance) or tuple(every)


def look_around(
    devices: Mapping[str, Device], state: HomeState, now: datetime, stuck_after: timedelta = STUCK_AFTER
) -> Sight:
    """Which sensors are blind at `now`, and whether the home can be seen; `state` is that of `devices`."""
    sensors = sensors_of(devices)
    gateways = {
        device.account: gone
        for device in devices.values()
        if device.kind is DeviceKind.GATEWAY and (gone := state.of(device.device_id, ONLINE)) is not None
    }
    spare = len(sensors) - _needed(len(sensors))
    blind: list[Blind] = []
    spans: list[Spans] = []
    fading: list[_Fading] = []
    for sensor in sensors:
        causes, fades = _causes(sensor, state, gateways.get(sensor.account), now, stuck_after)
        spans.append(union(*(cause for _, cause in causes)))
        lasting = [(span[0], why) for why, cause in causes for span in cause if span[1] == FOREVER and span[0] <= now]
        if lasting:
            first, why = min(lasting)
            blind.append(Blind(device=sensor, why=why, since=first))
            fading.append((first, now))
        elif fades:
            fading.append((min(from_ for from_, _ in fades), min(at for _, at in fades)))
    unseen = _too_few(spans, spare) if any(spans) else ()
    since = unseen[-1][0] if unseen and unseen[-1][1] == FOREVER and unseen[-1][0] <= now else None
    lost = since is None and len(fading) > spare
    return Sight(
        sensors=len(sensors),
        blind=tuple(blind),
        since=since,
        unseen=unseen,
        lost_since=sorted(from_ for from_, _ in fading)[spare] if lost else None,
        lost_at=sorted(at for _, at in fading)[spare] if lost else None,
    )


def without_stuck(state: HomeState, sight: Sight, stuck_after: timedelta = STUCK_AFTER) -> HomeState:
    """The same state without what movement sensors that are stuck on have said since they count as stuck."""
    keys = [(blind.device.device_id, "motion") for blind in sight.blind if blind.why is Why.STUCK_ON]
    stuck = {key: state.states[key] for key in keys if key in state.states}
    if not stuck:
        return state
    held = {key: _held(one, stuck_after) for key, one in stuck.items()}
    return replace(state, states={**state.states, **held})


def _held(one: DeviceState, stuck_after: timedelta) -> DeviceState:
    since = one.since or one.on_at[-1]
    kept = tuple(at for at in one.on_at if at <= since + stuck_after) or (since,)
    return replace(one, on_at=kept)


def _needed(sensors: int) -> int:
    """How many of them must work for a silence to mean something: half, rounded up."""
    return (sensors + 1) // 2


_Causes = list[tuple[Why, Spans]]
_Fading = tuple[datetime, datetime]
"""(since when a sensor would count as blind, when that would be known) if it said nothing more."""


def _causes(
    sensor: Device, state: HomeState, gateway: DeviceState | None, now: datetime, stuck_after: timedelta
) -> tuple[_Causes, list[_Fading]]:
    """Why and when it was blind, and how it would become so for want of a message."""
    causes: _Causes = []
    fading: list[_Fading] = []
    own = state.of(sensor.device_id, ONLINE)
    gone = [(why, link) for why, link in ((Why.GATEWAY_OFFLINE, gateway), (Why.OFFLINE, own)) if link and link.off_at]
    beat = beat_of(sensor, state)
    signs = signs_of_life(sensor, state) if gone or beat is not None else ()
    spoken = tuple(at for at in signs if at > sensor.registered_at)
    causes.extend((why, _until_back(link.off_at, (*link.on_at, *spoken))) for why, link in gone)
    tamper = state.of(sensor.device_id, MessageType.TAMPER)
    if tamper is not None and tamper.on_at:
        causes.append((Why.TAMPERED, _until_back(tamper.on_at, tamper.off_at)))
    battery = state.of(sensor.device_id, MessageType.BATTERY)
    if battery is not None and battery.percent == 0 and battery.percent_at is not None:
        signs = signs or signs_of_life(sensor, state)
        if signs[-1] <= battery.percent_at:
            causes.append((Why.DEAD_BATTERY, ((battery.percent_at, FOREVER),)))
    stuck_at = _stuck_at(sensor, state, stuck_after)
    if stuck_at is not None:
        if stuck_at <= now:
            causes.append((Why.STUCK_ON, ((stuck_at, FOREVER),)))
        else:
            fading.append((stuck_at, stuck_at))
    if beat is not None:
        limit = MISSED_BEATS * beat
        missed = [(a, b) for a, b in pairwise(signs) if b - a > limit]
        if signs[-1] + limit <= now:
            missed.append((signs[-1], FOREVER))
        else:
            fading.append((signs[-1], signs[-1] + limit))
        if missed:
            causes.append((Why.MISSED_BEATS, tuple(missed)))
    return causes, fading


def _stuck_at(sensor: Device, state: HomeState, stuck_after: timedelta) -> datetime | None:
    """When a movement sensor or contact that is on has been so for too long; None for one that never says "off"."""
    for type_ in (MessageType.DOOR, MessageType.MOTION):
        level = state.of(sensor.device_id, type_)
        if level is not None and level.off_at and level.value and level.since is not None:
            return level.since + stuck_after
    return None


def _until_back(gone: tuple[datetime, ...], back: tuple[datetime, ...]) -> Spans:
    """From each instant of `gone` to the first of `back` that is not earlier."""
    returns = sorted(back)
    return union((at, next((one for one in returns if one >= at), FOREVER)) for at in gone)


def _too_few(spans: list[Spans], spare: int) -> Spans:
    """When more than `spare` sensors were blind at once."""
    edges = sorted((at, change) for one in spans for start, end in one for at, change in ((start, 1), (end, -1)))
    unseen: list[Span] = []
    count, began = 0, None
    for at, change in edges:
        count += change
        if count > spare and began is None:
            began = at
        elif count <= spare and began is not None:
            unseen.append((began, at))
            began = None
    return union(unseen)
