"""`/api/v1/responders`."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query
from fastapi.responses import Response

from lampkeep.domain.vocabulary import Role
from lampkeep.registry.objects import Kind
from lampkeep_api import cursor as cursors
from lampkeep_api import objects
from lampkeep_api.areas.scope import require_area
from lampkeep_api.auth.guard import Asking
from lampkeep_api.fields import DEFAULT_LIMIT, Cursor, Limit
from lampkeep_api.objects import ObjectBody, Written
from lampkeep_api.parts import Using
from lampkeep_api.problems import responses
from lampkeep_api.replies import reply
from lampkeep_api.responders import reading
from lampkeep_api.responders.schemas import Responder, ResponderPage, ResponderWhole
from lampkeep_api.versions import IfMatch

router = APIRouter(prefix="/api/v1/responders", tags=["responders"])

ResponderId = Annotated[str, Path(description="id of the responder", examples=["wang-li"])]


@router.get(
    "", response_model=ResponderPage, responses=responses(404), summary="Responders that the token may see, by id"
)
async def list_responders(
    parts: Using,
    caller: Asking,
    role: Role | None = None,
    area: Annotated[str | None, Query(description="named for this area or one below it")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Those who answer for the token's area, whether named for it, below it or above it, and its homes' families."""
    if area is not None:
        await require_area(parts.database, caller, area)
    bound = {"role": role and role.value, "area": area}
    after = cursors.decode(cursor, of="responders", shape=(str,), filters=bound)[0] if cursor is not None else None
    found = await parts.database.transact(
        lambda connection: reading.responders(connection, caller, after=after, limit=limit + 1, **bound)
    )
    following = cursors.encode((found[limit - 1].id,), of="responders", filters=bound) if len(found) > limit else None
    return reply(ResponderPage(items=found[:limit], next=following))


@router.get(
    "/{responder_id}", response_model=ResponderWhole | Responder, responses=responses(404), summary="One responder"
)
async def get_responder(parts: Using, caller: Asking, responder_id: ResponderId) -> Response:
    """The ETag is its `version`."""
    found = await parts.database.transact(lambda connection: reading.responder(connection, caller, responder_id))
    return reply(found, version=found.version)


@router.put(
    "/{responder_id}",
    response_model=Written,
    responses={201: {"model": Written, "description": "It is new"}, **responses(404, 412)},
    summary="Write one responder",
)
async def put_responder(
    parts: Using,
    caller: Asking,
    responder_id: ResponderId,
    body: Annotated[ObjectBody, Body(examples=[{"name": "王丽", "role": "grid_worker", "areas": ["jiangnan-g03"]}])],
    if_match: IfMatch = None,
) -> Response:
    """The whole object of the community file, with the secrets of its channels: they are never shown back."""
    return await objects.put(parts, caller, Kind.RESPONDER, responder_id, body, if_match)


@router.delete("/{responder_id}", status_code=204, responses=responses(404, 409, 412), summary="Remove one responder")
async def delete_responder(
    parts: Using, caller: Asking, responder_id: ResponderId, if_match: IfMatch = None
) -> Response:
    """Refused with 409 while something leans on it."""
    return await objects.delete(parts, caller, Kind.RESPONDER, responder_id, if_match)
