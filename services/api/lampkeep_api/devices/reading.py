"""Reading devices."""

from typing import Any

from lampkeep.db.queries import load
from lampkeep_api.auth.bearer import Caller
from lampkeep_api.database import Connection
from lampkeep_api.devices.schemas import Device, device_from
from lampkeep_api.problems import not_found

QUERIES = load(__package__)

ALL_OF_A_HOME = 1_000
"""More devices than a home has; a list of all homes comes in pages."""


async def devices(
    connection: Connection,
    caller: Caller,
    *,
    after: str | None = None,
    device: str | None = None,
    home: str | None = None,
    kind: str | None = None,
    area: str | None = None,
    limit: int = ALL_OF_A_HOME,
) -> list[Device]:
    """Devices that the caller may see, by id, under the filters that are not None."""
    parameters: dict[str, Any] = {
        "after": after,
        "device": device,
        "home": home,
        "kind": kind,
        "area": area,
        "limit": limit,
        "scope": caller.area_id,
    }
    cursor = await connection.execute(QUERIES["devices_page"], parameters, prepare=False)
    return [device_from(row) for row in await cursor.fetchall()]


async def device(connection: Connection, caller: Caller, device_id: str) -> Device:
    """One device. Raises the 404 problem."""
    found = await devices(connection, caller, device=device_id, limit=1)
    if not found:
        raise not_found("device", device_id)
    return found[0]
