"""Zigbee2MQTT: from the state of a Zigbee device to what it means here. Pure; the table is in docs/protocol.md.

A bridge sends a device's whole state whenever a part of it changes, without an id. So levels (contact, smoke) come many
times; an `action` only when a button was pressed, and empty once it is over. What a key means depends on the kind that
the device is registered as.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import floor
from typing import Any

from lampkeep.contracts.messages import parse_instant
from lampkeep.domain.vocabulary import DeviceKind, MessageType

HELP_ACTIONS = frozenset({"emergency", "sos", "panic"})
"""Presses that ask for help, whatever the device is."""

HELP_KEYS = ("sos", "panic")
"""Keys that say the same as a level."""

ALARM_KEYS = {"smoke": MessageType.SMOKE, "gas": MessageType.GAS, "carbon_monoxide": MessageType.GAS}
"""Levels of detectors."""

URGENT_HINTS = tuple(b'"%s"' % key.encode() for key in ("action", *HELP_KEYS, *ALARM_KEYS))
"""No payload without one of these can be urgent: the urgent lane need not read it."""

_TYPES: Mapping[str, type | tuple[type, ...]] = dict.fromkeys(
    ("contact", "occupancy", "presence", "tamper", "battery_low", *HELP_KEYS, *ALARM_KEYS), bool
) | {"action": str, "battery": (int, float)}
"""What the values of the keys that mean something here are; null says that the bridge does not know."""

_LETTING_GO = ("release", "off_hold_release")
"""Actions that end a press which has been told already."""

_EPOCH_MS_FROM = 10_000_000_000
"""A `last_seen` number above this is milliseconds (`epoch`), whatever the century."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One urgent thing. `level` says that it is repeated with every report, so only a change is news."""

    type: MessageType
    content: dict[str, Any]
    level: bool

    @property
    def active(self) -> bool:
        """Whether it asks for help."""
        return self.content.get("active") is not False


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One observation out of a state."""

    type: MessageType
    content: dict[str, Any]
    on: bool | None = None
    battery: int | None = None


def alarms(fields: Mapping[str, Any], kind: DeviceKind | None) -> tuple[Alarm, ...]:
    """The urgent part of a state; `kind` None: the device is not registered, so only plain calls for help count."""
    found: list[Alarm] = []
    if is_call(fields.get("action"), kind):
        found.append(Alarm(type=MessageType.SOS, content={}, level=False))
    found += [Alarm(type=MessageType.SOS, content={}, level=True) for key in HELP_KEYS if fields.get(key) is True]
    levels: dict[MessageType, bool] = {}
    for key, type_ in ALARM_KEYS.items():
        if isinstance(fields.get(key), bool):
            levels[type_] = levels.get(type_, False) or fields[key]
    found += [
        Alarm(type=type_, content={"active": active}, level=True)
        for type_, active in levels.items()
        if active or kind is not None
    ]
    return tuple(found)


def is_call(action: object, kind: DeviceKind | None) -> bool:
    """Whether an `action` asks for help: its word does, or it is any press of a pendant."""
    if not _is_press(action):
        return False
    return str(action).lower() in HELP_ACTIONS or kind is DeviceKind.PENDANT


def values(fields: Mapping[str, Any], kind: DeviceKind) -> tuple[Value, ...]:
    """The observations of a state of a registered device; a state without any is a heartbeat. The battery rides on the
    first that is no plain battery message."""
    found = [value for value in (_contact(fields), _movement(fields, kind), _occupied(fields, kind)) if value]
    if kind is DeviceKind.BUTTON and _is_press(fields.get("action")) and not is_call(fields.get("action"), kind):
        found.append(Value(type=MessageType.CHECKIN, content={}))
    if isinstance(tamper := fields.get("tamper"), bool):
        found.append(Value(type=MessageType.TAMPER, content={"active": tamper}, on=tamper))
    percent = _percent(fields.get("battery"))
    if percent is not None:
        if found:
            first = found[0]
            found[0] = Value(type=first.type, content=first.content, on=first.on, battery=percent)
        else:
            found.append(Value(type=MessageType.BATTERY, content={}, battery=percent))
    if isinstance(low := fields.get("battery_low"), bool):
        found.append(Value(type=MessageType.BATTERY, content={"low": low}, on=low))
    return tuple(found) or (Value(type=MessageType.HEARTBEAT, content={}),)


def mistyped(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys that mean something here and hold a value of the wrong type, which says nothing."""
    return tuple(
        key
        for key, types in _TYPES.items()
        if (value := fields.get(key)) is not None
        and (not isinstance(value, types) or (isinstance(value, bool) and types is not bool))
    )


def last_seen(fields: Mapping[str, Any]) -> datetime | None:
    """The bridge's `last_seen`, in any of its forms; None where it is absent or unreadable."""
    seen = fields.get("last_seen")
    try:
        if isinstance(seen, str):
            return parse_instant(seen)
        if isinstance(seen, int | float) and not isinstance(seen, bool):
            return datetime.fromtimestamp(seen / 1000 if seen > _EPOCH_MS_FROM else seen, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def _contact(fields: Mapping[str, Any]) -> Value | None:
    contact = fields.get("contact")
    if not isinstance(contact, bool):
        return None
    return Value(type=MessageType.DOOR, content={"open": not contact}, on=not contact)


def _movement(fields: Mapping[str, Any], kind: DeviceKind) -> Value | None:
    """`occupancy` of anything but a bed or chair; a motion device may call it `presence`."""
    if kind is DeviceKind.PRESENCE:
        return None
    seen = fields.get("occupancy")
    if not isinstance(seen, bool) and kind is DeviceKind.MOTION:
        seen = fields.get("presence")
    if not isinstance(seen, bool):
        return None
    return Value(type=MessageType.MOTION, content={"active": seen}, on=seen)


def _occupied(fields: Mapping[str, Any], kind: DeviceKind) -> Value | None:
    """`presence` of anything but a motion device; a bed or chair may call it `occupancy`."""
    if kind is DeviceKind.MOTION:
        return None
    seen = fields.get("presence")
    if not isinstance(seen, bool) and kind is DeviceKind.PRESENCE:
        seen = fields.get("occupancy")
    if not isinstance(seen, bool):
        return None
    return Value(type=MessageType.PRESENCE, content={"occupied": seen}, on=seen)


def _is_press(action: object) -> bool:
    return isinstance(action, str) and action != "" and not action.lower().endswith(_LETTING_GO)


def _percent(battery: object) -> int | None:
    if isinstance(battery, bool) or not isinstance(battery, int | float) or not 0 <= battery <= 100:
        return None
    return floor(battery)
