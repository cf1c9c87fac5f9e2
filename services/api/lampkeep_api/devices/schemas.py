"""Devices as JSON."""

from collections.abc import Mapping
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from lampkeep.contracts.community.fields import format_duration
from lampkeep.domain.vocabulary import DeviceKind


class Device(BaseModel):
    """A device and its newest signs of life."""

    id: str = Field(examples=["pir-001"])
    home: str = Field(examples=["home-001"])
    kind: DeviceKind
    place: str | None = Field(examples=["bathroom"])
    account: str = Field(description="the MQTT user that speaks for it", examples=["gw-001"])
    z2m: str | None = Field(description="its name in Zigbee2MQTT")
    heartbeat_every: str | None = Field(examples=["30m"])
    last_seen_at: AwareDatetime | None = Field(description="its newest sign of life; null: none yet")
    battery: int | None = Field(description="percent", examples=[88])
    battery_at: AwareDatetime | None
    online: bool | None = Field(description="what broker or gateway last said; null: nothing yet")
    version: int


class DevicePage(BaseModel):
    """A page of devices, by id."""

    items: list[Device]
    next: str | None


def device_from(row: Mapping[str, Any]) -> Device:
    """A row of `devices_page`."""
    every = row["heartbeat_every"]
    return Device(
        id=row["device_id"],
        home=row["home_id"],
        kind=row["kind"],
        place=row["place"],
        account=row["account"],
        z2m=row["z2m"],
        heartbeat_every=format_duration(every) if every is not None else None,
        last_seen_at=row["last_seen_at"],
        battery=row["battery"],
        battery_at=row["battery_at"],
        online=row["online"],
        version=row["version"],
    )
