"""Reading responders."""

from typing import Any

from lampkeep.db.queries import load
from lampkeep_api.auth.bearer import Caller
from lampkeep_api.database import Connection
from lampkeep_api.problems import not_found
from lampkeep_api.responders.schemas import Responder, ResponderWhole, responder_from

QUERIES = load(__package__)


async def responders(
    connection: Connection,
    caller: Caller,
    *,
    after: str | None = None,
    responder: str | None = None,
    role: str | None = None,
    area: str | None = None,
    limit: int,
) -> list[ResponderWhole | Responder]:
    """Responders that the caller may see, by id, under the filters that are not None."""
    parameters: dict[str, Any] = {
        "after": after,
        "responder": responder,
        "role": role,
        "area": area,
        "limit": limit,
        "scope": caller.area_id,
    }
    cursor = await connection.execute(QUERIES["responders_page"], parameters, prepare=False)
    return [responder_from(row, private=caller.is_operator) for row in await cursor.fetchall()]


async def responder(connection: Connection, caller: Caller, responder_id: str) -> ResponderWhole | Responder:
    """One responder. Raises the 404 problem."""
    found = await responders(connection, caller, responder=responder_id, limit=1)
    if not found:
        raise not_found("responder", responder_id)
    return found[0]
