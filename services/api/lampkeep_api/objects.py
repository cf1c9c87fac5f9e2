"""PUT and DELETE of registry objects: the same validation and words as the community file, one object at a time.

What depends on nothing but the object is the registry's (`lampkeep.registry.objects`); here are the token's area, the
ETag, and which of its errors is which answer.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from lampkeep.contracts.community import InvalidObjectError
from lampkeep.contracts.community.mistakes import no_texts
from lampkeep.db.queries import load
from lampkeep.registry import objects
from lampkeep.registry.changes import RegistryBusyError, RegistryConflictError
from lampkeep.registry.objects import InUseError, Kind, StaleVersionError, Stored, UnknownObjectError
from lampkeep_api.auth.bearer import Caller
from lampkeep_api.database import Connection
from lampkeep_api.parts import Parts
from lampkeep_api.problems import FieldError, Problem, not_found, not_valid, unavailable
from lampkeep_api.replies import json_reply
from lampkeep_api.responders.reading import responders
from lampkeep_api.versions import etag, require, require_absent

SHARED = frozenset({Kind.PLAN, Kind.POLICY})
"""Objects that belong to no area: changing one reaches every home that uses it."""


class Written(BaseModel):
    """The object as it stands now, in the spelling of the community file, with its version."""

    model_config = ConfigDict(extra="allow")

    id: str
    version: int


T = TypeVar("T")

QUERIES = load(__package__, "objects.sql")

ObjectBody = dict[str, Any]


async def put(
    parts: Parts, caller: Caller, kind: Kind, object_id: str, body: ObjectBody, if_match: str | None
) -> Response:
    """Make the object what `body` says: 200, or 201 where it is new.

    Raises the problems 403 and 404 (area), 412 (stale), 422 (not valid), 503 (another writer, database away).
    """

    async def work(connection: Connection) -> tuple[Stored, bool]:
        if mistakes := no_texts(body):
            raise InvalidObjectError(mistakes)
        version = await _guard(connection, caller, kind, object_id, if_match)
        await _require_inside(connection, caller, kind, body)
        return await objects.put(
            connection, kind, object_id, body, now=parts.clock.now(), if_version=version, scope=caller.area_id
        )

    stored, new = await _translated(parts, kind, object_id, work)
    return json_reply(_shown(stored), status=201 if new else 200, headers={"ETag": etag(stored.version)})


async def delete(parts: Parts, caller: Caller, kind: Kind, object_id: str, if_match: str | None) -> Response:
    """Remove the object: 204. Raises the problems 403, 404, 409 (still in use), 412, 503."""

    async def work(connection: Connection) -> None:
        version = await _guard(connection, caller, kind, object_id, if_match)
        await objects.delete(
            connection, kind, object_id, now=parts.clock.now(), if_version=version, scope=caller.area_id
        )

    await _translated(parts, kind, object_id, work)
    return Response(status_code=204)


async def _guard(
    connection: Connection, caller: Caller, kind: Kind, object_id: str, if_match: str | None
) -> int | None:
    """Check area and If-Match against what stands there; the version that must still stand at the write, or None."""
    if kind in SHARED and caller.area_id is not None:
        raise Problem(403, f"A {kind} is shared by all areas: this needs an admin token for all areas.")
    async with connection.transaction():
        stored = await objects.get(connection, kind, object_id)
        if stored is None:
            require_absent(if_match)
            return None
        if not await _is_inside(connection, caller, stored):
            raise await _refusal(connection, caller, stored)
    require(if_match, stored.version)
    return None if if_match in {None, "*"} else stored.version


async def _is_inside(connection: Connection, caller: Caller, stored: Stored) -> bool:
    if caller.area_id is None:
        return True
    if stored.area_id is not None:
        return not await _outside(connection, caller, [stored.area_id])
    areas = stored.body.get("areas", [])
    if areas:
        return not await _outside(connection, caller, areas)
    asked = {"responder_id": stored.object_id, "scope": caller.area_id}
    cursor = await connection.execute(QUERIES["family_elsewhere"], asked)
    return await cursor.fetchone() is None


async def _refusal(connection: Connection, caller: Caller, stored: Stored) -> Problem:
    """404 of what the token may not see; 403 of a responder whom it sees, but who also stands outside its area."""
    if stored.kind is Kind.RESPONDER:
        seen = await responders(connection, caller, responder=stored.object_id, limit=1)
        if seen:
            return Problem(403, "This responder also answers outside the area of this token.")
    return not_found(stored.kind, stored.object_id)


async def _require_inside(connection: Connection, caller: Caller, kind: Kind, body: Mapping[str, Any]) -> None:
    """Raise the 422 problem where `body` would put the object outside the token's area."""
    if caller.area_id is None:
        return
    async with connection.transaction():
        field, outside = await _named_outside(connection, caller, kind, body)
    if outside:
        raise not_valid([FieldError(field=f"body.{field}", message=f"{outside[0]} is not in the area of this token")])


async def _named_outside(
    connection: Connection, caller: Caller, kind: Kind, body: Mapping[str, Any]
) -> tuple[str, list[str]]:
    """The field of `body` that places the object, and what it names there that is not in the token's area."""
    if kind is Kind.HOME:
        return "area", await _outside(connection, caller, _texts([body.get("area")]))
    if kind is Kind.RESPONDER:
        return "areas", await _outside(connection, caller, _texts(body.get("areas")))
    asked = {"home_ids": _texts([body.get("home")]), "scope": caller.area_id}
    cursor = await connection.execute(QUERIES["homes_outside"], asked)
    return "home", [row["home_id"] for row in await cursor.fetchall()]


def _texts(values: object) -> list[str]:
    """The texts among `values`; whatever else stands there is refused later, with better words."""
    return [one for one in values if isinstance(one, str) and "\0" not in one] if isinstance(values, list) else []


async def _outside(connection: Connection, caller: Caller, area_ids: list[str]) -> list[str]:
    asked = {"area_ids": area_ids, "scope": caller.area_id}
    cursor = await connection.execute(QUERIES["areas_outside"], asked)
    return [row["area_id"] for row in await cursor.fetchall()]


async def _translated(parts: Parts, kind: Kind, object_id: str, work: Callable[[Connection], Awaitable[T]]) -> T:
    try:
        return await parts.database.use(work)
    except InvalidObjectError as error:
        errors = [FieldError(field=f"body.{one.field}".rstrip("."), message=one.message) for one in error.mistakes]
        raise not_valid(errors, "The object is not valid.") from error
    except StaleVersionError as error:
        extra = {"version": error.version} if error.version is not None else {}
        raise Problem(412, "It has changed since you saw it.", extra=extra) from error
    except UnknownObjectError as error:
        raise not_found(kind, object_id) from error
    except InUseError as error:
        raise Problem(409, f"{error}.", name="still-in-use", extra={"used_by": list(error.users)}) from error
    except (RegistryBusyError, RegistryConflictError) as error:
        raise unavailable("Somebody else is writing the registry; nothing was changed.") from error


def _shown(stored: Stored) -> dict[str, Any]:
    """The object without the secrets of its channels: those are never shown back."""
    body = dict(stored.body)
    if "channels" in body:
        body["channels"] = [{key: one[key] for key in one if key != "secret"} for one in body["channels"]]
    return {**body, "id": stored.object_id, "version": stored.version}
