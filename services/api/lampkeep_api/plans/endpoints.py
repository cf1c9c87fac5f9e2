"""`/api/v1/plans`."""

from typing import Annotated

from fastapi import APIRouter, Body, Path
from fastapi.responses import Response

from lampkeep.db.queries import load
from lampkeep.registry.objects import Kind
from lampkeep_api import documents, objects
from lampkeep_api.auth.guard import Asking
from lampkeep_api.documents import Document, DocumentPage
from lampkeep_api.fields import DEFAULT_LIMIT, Cursor, Limit
from lampkeep_api.objects import ObjectBody, Written
from lampkeep_api.parts import Using
from lampkeep_api.problems import responses
from lampkeep_api.replies import reply
from lampkeep_api.versions import IfMatch

router = APIRouter(prefix="/api/v1/plans", tags=["plans"])

QUERIES = load(__package__)

EXAMPLE = {"rules": {"not_up": {"by": "09:30"}}, "policies": {"default": "sos-default"}}

PlanId = Annotated[str, Path(description="id of the plan", examples=["alone-frail"])]


@router.get("", response_model=DocumentPage, responses=responses(), summary="All plans, by id")
async def list_plans(parts: Using, _caller: Asking, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """They belong to no area."""
    return reply(await documents.page(parts.database, QUERIES, "plan", limit=limit, cursor=cursor))


@router.get("/{plan_id}", response_model=Document, responses=responses(404), summary="One plan")
async def get_plan(parts: Using, _caller: Asking, plan_id: PlanId) -> Response:
    """The ETag is its `version`."""
    found = await parts.database.transact(lambda connection: documents.one(connection, QUERIES, "plan", plan_id))
    return reply(found, version=found.version)


@router.put(
    "/{plan_id}",
    response_model=Written,
    responses={201: {"model": Written, "description": "It is new"}, **responses(404, 412)},
    summary="Write one plan",
)
async def put_plan(
    parts: Using,
    caller: Asking,
    plan_id: PlanId,
    body: Annotated[ObjectBody, Body(examples=[EXAMPLE])],
    if_match: IfMatch = None,
) -> Response:
    """The whole object of the community file. It holds at once for every home that uses it."""
    return await objects.put(parts, caller, Kind.PLAN, plan_id, body, if_match)


@router.delete("/{plan_id}", status_code=204, responses=responses(404, 409, 412), summary="Remove one plan")
async def delete_plan(parts: Using, caller: Asking, plan_id: PlanId, if_match: IfMatch = None) -> Response:
    """Refused with 409 while something leans on it."""
    return await objects.delete(parts, caller, Kind.PLAN, plan_id, if_match)
