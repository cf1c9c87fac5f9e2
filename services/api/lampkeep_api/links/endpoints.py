"""`/a/{token}`: opening it changes nothing, the button acknowledges for the responder that the link was sent to."""

import hashlib
from typing import Annotated, Any
from urllib.parse import parse_qs

import psycopg
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from psycopg_pool import PoolTimeout

from lampkeep.alerts import store
from lampkeep.db.queries import load
from lampkeep.domain.life_cycle import Act, allowed
from lampkeep.domain.vocabulary import Role
from lampkeep_api.alerts.acts import WAKES, Actor, Wish, perform
from lampkeep_api.database import Connection, Row
from lampkeep_api.links import view, words
from lampkeep_api.parts import Parts, Using
from lampkeep_api.problems import Problem

router = APIRouter(tags=["links"])

QUERIES = load(__package__)

FORM_LIMIT = 2_000
"""Bytes of a form with one word in it."""

LinkToken = Annotated[str, Path(description="from `acknowledge_url`", examples=["kq3v"])]

_PAGE: dict[str, Any] = {"text/html": {"schema": {"type": "string"}}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The page", "content": _PAGE},
    404: {"description": "No such link", "content": _PAGE},
    410: {"description": "The alert is over", "content": _PAGE},
    503: {"description": "The database does not answer", "content": _PAGE},
}
_FORM = {
    "requestBody": {
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "properties": {"act": {"enum": [*words.BUTTONS], "default": "acknowledge"}},
                }
            }
        }
    }
}


class _RefusedError(Exception):
    """The act is not possible; the page says why. It ends the transaction."""

    def __init__(self, page: Response) -> None:
        super().__init__()
        self.page = page


@router.get("/a/{token}", response_class=Response, responses=_RESPONSES, summary="The page of a link")
async def open_link(parts: Using, token: LinkToken) -> Response:
    """What and where, for the responder of the link. Changes nothing, whoever opens it, however often."""
    now = parts.clock.now()

    async def read(connection: Connection) -> Response:
        row = await _link(connection, token)
        if row is None:
            return view.unknown()
        if view.is_over(row):
            return view.closed(row)
        alert = await store.load(connection, row["alert_id"])
        acts = view.offered(Role(row["responder_role"]), allowed(alert) if alert else ())
        return view.active(row, now=now, acts=acts)

    try:
        return await parts.database.transact(read)
    except (psycopg.OperationalError, PoolTimeout):
        return view.unavailable()


@router.post(
    "/a/{token}",
    response_class=Response,
    responses={
        **_RESPONSES,
        409: {"description": "Somebody else has it, or it is not possible now", "content": _PAGE},
        422: {"description": "No such act", "content": _PAGE},
    },
    openapi_extra=_FORM,
    summary="Acknowledge through a link",
)
async def act_through_link(parts: Using, request: Request, token: LinkToken) -> Response:
    """For the responder of the link. The form's `act`: acknowledge (default), on_the_way, on_scene."""
    named = _act_of(await request.body())
    try:
        page = await _acted(parts, token, named)
    except _RefusedError as refused:
        return refused.page
    except (psycopg.OperationalError, PoolTimeout):
        return view.unavailable()
    await parts.database.notify(*WAKES)
    return page


async def _acted(parts: Parts, token: str, named: str) -> Response:
    now = parts.clock.now()

    async def work(connection: Connection) -> Response:
        row = await _link(connection, token)
        if row is None:
            raise _RefusedError(view.unknown())
        alert = await store.load(connection, row["alert_id"], lock=True)
        if alert is None or alert.state.is_closed:
            # It may have been closed while we waited for its row: read again what the page shows.
            raise _RefusedError(view.closed(await _link(connection, token) or row))
        role = Role(row["responder_role"])
        mine = alert.owner is not None and alert.owner.owner_id == row["responder_id"]
        acts = view.offered(role, allowed(alert))
        act = next((act for act in view.offered(role, tuple(Act)) if act.value == named), None)
        if act is None:
            raise _RefusedError(view.active(row, now=now, acts=acts, message=words.NOT_NOW, status=422))
        actor = Actor(kind="responder", actor_id=row["responder_id"], name=row["responder_name"], role=role.value)
        try:
            done = await perform(
                connection, alert, Wish(act=act, actor=actor, taker=actor.as_owner), if_match=None, now=now
            )
        except Problem:
            fresh = await _link(connection, token) or row
            message = words.NOT_NOW if alert.owner is None or mine else words.TOO_LATE
            raise _RefusedError(view.active(fresh, now=now, acts=acts, message=message, status=409)) from None
        fresh = await _link(connection, token) or row
        return view.active(fresh, now=now, acts=view.offered(role, allowed(done)), message=words.THANKS)

    return await parts.database.transact(work)


async def _link(connection: Connection, token: str) -> Row | None:
    parameters = {"sha256": hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()}
    return await (await connection.execute(QUERIES["link_whole"], parameters)).fetchone()


def _act_of(body: bytes) -> str:
    """The form's `act`; a form without one counts as the plain button, one that is no such form as no act."""
    if len(body) > FORM_LIMIT:
        return ""
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=20)
    except ValueError:
        return ""
    return fields.get("act", [Act.ACKNOWLEDGE.value])[0]
