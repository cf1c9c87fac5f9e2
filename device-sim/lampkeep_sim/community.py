"""What the simulator needs of a community file: homes, their devices, and the secrets of webhook channels.

It reads leniently, because it is a stranger to the services: unknown keys are none of its business, and whether a file
is right is for `lampkeep apply` to say.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from lampkeep_sim.errors import UsageError

DEFAULT_ZONE = "Asia/Shanghai"
"""The contract's default of `timezone`."""

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSpec:
    """One device as the file has it; `account` is filled in, `heartbeat_every` may be None."""

    device_id: str
    kind: str
    account: str
    place: str | None = None
    z2m: str | None = None
    heartbeat_every: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeSpec:
    """One home and its devices, in the order of the file."""

    home_id: str
    devices: tuple[DeviceSpec, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Community:
    """The part of a community that lives: homes, the zone of their days, and the secret of each responder's webhook."""

    zone: ZoneInfo
    homes: tuple[HomeSpec, ...]
    secrets: Mapping[str, str]

    def devices(self) -> Iterator[DeviceSpec]:
        """Yield every device of every home."""
        return (device for home in self.homes for device in home.devices)

    def device(self, device_id: str) -> DeviceSpec | None:
        """Return the device of that id, or None."""
        return next((device for device in self.devices() if device.device_id == device_id), None)


def read_community(path: Path) -> Community:
    """Read a community file; raises UsageError naming the file and the place of the mistake."""
    try:
        with path.open(encoding="utf-8") as file:
            raw = YAML(typ="safe").load(file)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot read: {error}") from error
    except YAMLError as error:
        raise UsageError(f"{path}: no YAML: {' '.join(str(error).split())}") from error
    try:
        return community_from(raw)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{path}: not a community file that can be simulated: {error!r}") from error


def community_from(raw: Mapping[str, Any]) -> Community:
    """Build a community from parsed YAML; raises KeyError, TypeError or ValueError where it makes no sense."""
    try:
        zone = ZoneInfo(raw.get("timezone") or DEFAULT_ZONE)
    except ZoneInfoNotFoundError as error:
        raise ValueError(f"unknown timezone {raw['timezone']}") from error
    return Community(
        zone=zone,
        homes=tuple(_home(home) for home in raw.get("homes") or ()),
        secrets=dict(_secrets(raw.get("responders") or ())),
    )


def duration(text: str | timedelta) -> timedelta:
    """Read `90s`, `5m`, `6h` or `2d`; raises ValueError."""
    if isinstance(text, timedelta):
        return text
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no duration like 90s, 5m or 6h")
    return timedelta(**{_UNITS[match[2]]: float(match[1])})


def _home(raw: Mapping[str, Any]) -> HomeSpec:
    return HomeSpec(home_id=str(raw["id"]), devices=tuple(_device(one) for one in raw.get("devices") or ()))


def _device(raw: Mapping[str, Any]) -> DeviceSpec:
    every = raw.get("heartbeat_every")
    return DeviceSpec(
        device_id=str(raw["id"]),
        kind=str(raw["kind"]),
        account=str(raw.get("account") or raw["id"]),
        place=raw.get("place"),
        z2m=raw.get("z2m"),
        heartbeat_every=duration(every) if every else None,
    )


def _secrets(responders: Any) -> Iterator[tuple[str, str]]:
    for responder in responders:
        for channel in responder.get("channels") or ():
            if channel.get("kind") == "webhook" and channel.get("secret"):
                yield cast("str", responder["id"]), cast("str", channel["secret"])
                break
