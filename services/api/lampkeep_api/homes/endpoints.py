"""`/api/v1/homes`."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query
from fastapi.responses import Response
from pydantic import AwareDatetime

from lampkeep.registry.objects import Kind
from lampkeep_api import objects
from lampkeep_api.areas.scope import require_area
from lampkeep_api.auth.guard import Asking
from lampkeep_api.fields import DEFAULT_LIMIT, Cursor, Limit
from lampkeep_api.homes import reading
from lampkeep_api.homes.schemas import ActivityPage, HomePage, HomeWhole
from lampkeep_api.objects import ObjectBody, Written
from lampkeep_api.parts import Using
from lampkeep_api.problems import responses
from lampkeep_api.replies import reply
from lampkeep_api.versions import IfMatch

router = APIRouter(prefix="/api/v1/homes", tags=["homes"])

EXAMPLE = {"area": "jiangnan-g03", "plan": "alone-frail", "address": "江南街道某路1号"}

HomeId = Annotated[str, Path(description="id of the home", examples=["home-001"])]


@router.get("", response_model=HomePage, responses=responses(404), summary="Homes that the token may see, by id")
async def list_homes(
    parts: Using,
    caller: Asking,
    area: Annotated[str | None, Query(description="this area and all below it")] = None,
    plan: Annotated[str | None, Query(description="id of a care plan")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Each with its residents and how many of its alerts are active."""
    if area is not None:
        await require_area(parts.database, caller, area)
    now = parts.clock.now()
    return reply(await reading.page(parts.database, caller, plan=plan, area=area, limit=limit, cursor=cursor, now=now))


@router.get("/{home_id}", response_model=HomeWhole, responses=responses(404), summary="One home, whole")
async def get_home(parts: Using, caller: Asking, home_id: HomeId) -> Response:
    """With its residents, devices, state and active alerts. The ETag is its `version`."""
    now = parts.clock.now()
    whole = await parts.database.transact(lambda connection: reading.whole(connection, caller, home_id, now))
    return reply(whole, version=whole.version)


@router.get(
    "/{home_id}/activity",
    response_model=ActivityPage,
    responses=responses(404),
    summary="What its devices said, newest first",
)
async def get_activity(
    parts: Using,
    caller: Asking,
    home_id: HomeId,
    since: Annotated[AwareDatetime | None, Query(alias="from", description="default: 24 h before `to`")] = None,
    until: Annotated[AwareDatetime | None, Query(alias="to", description="default: now; itself not included")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Messages of both lanes, with the device's place as it is registered now."""
    page = await reading.activity(
        parts.database,
        caller,
        home_id,
        since=since,
        until=until,
        limit=limit,
        cursor=cursor,
        now=parts.clock.now(),
    )
    return reply(page)


@router.put(
    "/{home_id}",
    response_model=Written,
    responses={201: {"model": Written, "description": "It is new"}, **responses(404, 412)},
    summary="Write one home",
)
async def put_home(
    parts: Using,
    caller: Asking,
    home_id: HomeId,
    body: Annotated[ObjectBody, Body(examples=[EXAMPLE])],
    if_match: IfMatch = None,
) -> Response:
    """The whole object of the community file; without `devices` those stay as they are."""
    return await objects.put(parts, caller, Kind.HOME, home_id, body, if_match)


@router.delete("/{home_id}", status_code=204, responses=responses(404, 409, 412), summary="Remove one home")
async def delete_home(parts: Using, caller: Asking, home_id: HomeId, if_match: IfMatch = None) -> Response:
    """Refused with 409 while something leans on it."""
    return await objects.delete(parts, caller, Kind.HOME, home_id, if_match)
