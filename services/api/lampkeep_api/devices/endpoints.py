"""`/api/v1/devices`."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query
from fastapi.responses import Response

from lampkeep.domain.vocabulary import DeviceKind
from lampkeep.registry.objects import Kind
from lampkeep_api import cursor as cursors
from lampkeep_api import objects
from lampkeep_api.areas.scope import require_area
from lampkeep_api.auth.guard import Asking
from lampkeep_api.devices import reading
from lampkeep_api.devices.schemas import Device, DevicePage
from lampkeep_api.fields import DEFAULT_LIMIT, Cursor, Limit
from lampkeep_api.objects import ObjectBody, Written
from lampkeep_api.parts import Using
from lampkeep_api.problems import responses
from lampkeep_api.replies import reply
from lampkeep_api.versions import IfMatch

router = APIRouter(prefix="/api/v1/devices", tags=["devices"])

DeviceId = Annotated[str, Path(description="id of the device", examples=["pir-001"])]


@router.get("", response_model=DevicePage, responses=responses(404), summary="Devices that the token may see, by id")
async def list_devices(
    parts: Using,
    caller: Asking,
    home: Annotated[str | None, Query(description="id of a home")] = None,
    kind: DeviceKind | None = None,
    area: Annotated[str | None, Query(description="this area and all below it")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """With last sign of life, battery, and whether they are online."""
    if area is not None:
        await require_area(parts.database, caller, area)
    bound = {"home": home, "kind": kind and kind.value, "area": area}
    after = cursors.decode(cursor, of="devices", shape=(str,), filters=bound)[0] if cursor is not None else None
    found = await parts.database.transact(
        lambda connection: reading.devices(connection, caller, after=after, limit=limit + 1, **bound)
    )
    following = cursors.encode((found[limit - 1].id,), of="devices", filters=bound) if len(found) > limit else None
    return reply(DevicePage(items=found[:limit], next=following))


@router.get("/{device_id}", response_model=Device, responses=responses(404), summary="One device")
async def get_device(parts: Using, caller: Asking, device_id: DeviceId) -> Response:
    """The ETag is its `version`."""
    found = await parts.database.transact(lambda connection: reading.device(connection, caller, device_id))
    return reply(found, version=found.version)


@router.put(
    "/{device_id}",
    response_model=Written,
    responses={201: {"model": Written, "description": "It is new"}, **responses(404, 412)},
    summary="Write one device",
)
async def put_device(
    parts: Using,
    caller: Asking,
    device_id: DeviceId,
    body: Annotated[ObjectBody, Body(examples=[{"home": "home-001", "kind": "motion", "place": "bathroom"}])],
    if_match: IfMatch = None,
) -> Response:
    """The object of the community file with its `home`, which may be left out where the device is known."""
    return await objects.put(parts, caller, Kind.DEVICE, device_id, body, if_match)


@router.delete("/{device_id}", status_code=204, responses=responses(404, 409, 412), summary="Remove one device")
async def delete_device(parts: Using, caller: Asking, device_id: DeviceId, if_match: IfMatch = None) -> Response:
    """Refused with 409 while something leans on it."""
    return await objects.delete(parts, caller, Kind.DEVICE, device_id, if_match)
