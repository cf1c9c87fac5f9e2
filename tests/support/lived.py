"""A home to live in, for tests of what the simulator says."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from lampkeep_sim.community import DeviceSpec, HomeSpec

LIVED_FROM = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)
LIVED_IN = ZoneInfo("Asia/Shanghai")


def a_device(kind: str, place: str | None = None) -> DeviceSpec:
    device_id = f"{kind}-{place}" if place else kind
    return DeviceSpec(device_id=device_id, kind=kind, account=device_id, place=place)


def a_home(home_id: str = "home-1") -> HomeSpec:
    devices = (
        a_device("pendant"),
        a_device("door", "entrance"),
        a_device("motion", "bathroom"),
        a_device("motion", "living-room"),
        a_device("motion", "kitchen"),
        a_device("presence", "bedroom"),
        a_device("button", "bedroom"),
        a_device("gateway"),
    )
    return HomeSpec(home_id=home_id, devices=devices)
