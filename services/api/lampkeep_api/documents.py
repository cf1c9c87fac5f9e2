"""Plans and policies: objects of the community file that are kept as they were written and belong to no area."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from lampkeep.db.queries import Queries
from lampkeep_api import cursor as cursors
from lampkeep_api.database import Connection, Database
from lampkeep_api.problems import not_found


class Document(BaseModel):
    """The object in the spelling of the community file, with its version."""

    model_config = ConfigDict(extra="allow")

    id: str
    version: int


class DocumentPage(BaseModel):
    """A page of them, by id."""

    items: list[Document]
    next: str | None


async def page(database: Database, queries: Queries, noun: str, *, limit: int, cursor: str | None) -> DocumentPage:
    """A page of `<noun>s_page`. Raises the 422 problem for a cursor of another list."""
    name = queries_name(noun)
    after = cursors.decode(cursor, of=name, shape=(str,))[0] if cursor is not None else None
    rows = await database.rows(queries[name], {"after": after, "id": None, "limit": limit + 1})
    items = [_document(row) for row in rows[:limit]]
    following = cursors.encode((items[-1].id,), of=name) if len(rows) > limit else None
    return DocumentPage(items=items, next=following)


async def one(connection: Connection, queries: Queries, noun: str, object_id: str) -> Document:
    """One of them. Raises the 404 problem."""
    parameters = {"after": None, "id": object_id, "limit": 1}
    row = await (await connection.execute(queries[queries_name(noun)], parameters)).fetchone()
    if row is None:
        raise not_found(noun, object_id)
    return _document(row)


def queries_name(noun: str) -> str:
    """The query that lists them: `plans_page`, `policies_page`."""
    return {"plan": "plans_page", "policy": "policies_page"}[noun]


def _document(row: Mapping[str, Any]) -> Document:
    return Document(**{**row["body"], "id": row["id"], "version": row["version"]})
