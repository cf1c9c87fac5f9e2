"""`/api/v1/policies`."""

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

router = APIRouter(prefix="/api/v1/policies", tags=["policies"])

QUERIES = load(__package__)

PolicyId = Annotated[str, Path(description="id of the policy", examples=["sos-default"])]


@router.get("", response_model=DocumentPage, responses=responses(), summary="All policies, by id")
async def list_policies(parts: Using, _caller: Asking, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """They belong to no area."""
    return reply(await documents.page(parts.database, QUERIES, "policy", limit=limit, cursor=cursor))


@router.get("/{policy_id}", response_model=Document, responses=responses(404), summary="One policy")
async def get_policy(parts: Using, _caller: Asking, policy_id: PolicyId) -> Response:
    """The ETag is its `version`."""
    found = await parts.database.transact(lambda connection: documents.one(connection, QUERIES, "policy", policy_id))
    return reply(found, version=found.version)


@router.put(
    "/{policy_id}",
    response_model=Written,
    responses={201: {"model": Written, "description": "It is new"}, **responses(404, 412)},
    summary="Write one policy",
)
async def put_policy(
    parts: Using,
    caller: Asking,
    policy_id: PolicyId,
    body: Annotated[ObjectBody, Body(examples=[{"steps": [{"to": ["grid_worker"], "after": "0s"}]}])],
    if_match: IfMatch = None,
) -> Response:
    """The whole object of the community file. Alerts that are open keep the policy they opened with."""
    return await objects.put(parts, caller, Kind.POLICY, policy_id, body, if_match)


@router.delete("/{policy_id}", status_code=204, responses=responses(404, 409, 412), summary="Remove one policy")
async def delete_policy(parts: Using, caller: Asking, policy_id: PolicyId, if_match: IfMatch = None) -> Response:
    """Refused with 409 while something leans on it."""
    return await objects.delete(parts, caller, Kind.POLICY, policy_id, if_match)
