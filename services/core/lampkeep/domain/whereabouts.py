"""Where the resident seems to be: out of the house, in a bed or chair, or about.

*Away*: an entrance door moved and nothing stirred inside since, for `settle`. A door that closes by itself, a visitor
who leaves, a second resident: any activity inside after the door means that somebody is home. *At rest*: a bed or chair
is occupied, and nothing stirred anywhere else since it was taken.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from lampkeep.domain.home import Device
from lampkeep.domain.home_state import HomeState
from lampkeep.domain.parameters import Parameters
from lampkeep.domain.vocabulary import MessageType


class Place(StrEnum):
    """What is known of the resident's whereabouts. `leaving`: the door moved last, too lately to tell."""

    ABOUT = "about"
    LEAVING = "leaving"
    AT_REST = "at_rest"
    AWAY = "away"


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """How `away` is judged. `settle`: how long after the door moved nothing may stir inside. Default 5 min: time to
    come in, close the door and walk past the first sensor; it costs nothing, for nothing is decided within it."""

    settle: timedelta = timedelta(minutes=5)

    @classmethod
    def parse(cls, given: Parameters) -> Self:
        """From `away` of a plan's rules; ParameterError where a value is impossible."""
        return cls(settle=given.duration("settle", cls().settle))


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Where, since when, and the device that says so (None for `about`); `settled_at` is when `leaving` is `away`."""

    place: Place
    since: datetime | None = None
    device: Device | None = None
    settled_at: datetime | None = None


ABOUT = Whereabouts(place=Place.ABOUT)


def whereabouts(devices: Mapping[str, Device], state: HomeState, now: datetime, away: Away = Away()) -> Whereabouts:
    """What levels say, and what the newest activity says; `state` is that of `devices`, by id.

    A taken bed or chair is somebody inside, so it goes before a door that moved later (a visitor who leaves).
    """
    inside, door_at, door = state.pressed_at, None, None
    taken: Whereabouts | None = None
    for (device_id, _), one in state.states.items():
        at = one.active_at
        if at is None:
            continue
        device = devices[device_id]
        if device.is_entrance:
            if door_at is None or at > door_at:
                door_at, door = at, device
            continue
        if inside is None or at > inside:
            inside = at
        if one.type == MessageType.PRESENCE and one.value and (taken is None or at > (taken.since or at)):
            taken = Whereabouts(place=Place.AT_REST, since=at, device=device)
    if taken is not None and not _stirred_elsewhere(taken, devices, state):
        return taken
    left = door_at is not None and (inside is None or door_at > inside)
    if not left or door_at is None:
        return ABOUT
    settled_at = door_at + away.settle
    place = Place.AWAY if settled_at <= now else Place.LEAVING
    return Whereabouts(place=place, since=door_at, device=door, settled_at=settled_at)


def _stirred_elsewhere(taken: Whereabouts, devices: Mapping[str, Device], state: HomeState) -> bool:
    """Whether anything inside stirred since the bed was taken, other than the mats of the same place."""
    assert taken.since is not None
    assert taken.device is not None
    if state.pressed_at is not None and state.pressed_at > taken.since:
        return True
    for (device_id, type_), one in state.states.items():
        at = one.active_at
        if at is None or at <= taken.since:
            continue
        device = devices[device_id]
        same_bed = type_ == MessageType.PRESENCE and device.place == taken.device.place
        if not same_bed and not device.is_entrance:
            return True
    return False
