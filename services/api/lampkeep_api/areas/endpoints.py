"""`/api/v1/areas`."""

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, Field

from lampkeep_api import cursor as cursors
from lampkeep_api.areas.scope import QUERIES
from lampkeep_api.auth.guard import Asking
from lampkeep_api.fields import DEFAULT_LIMIT, Cursor, Limit
from lampkeep_api.parts import Using
from lampkeep_api.problems import responses
from lampkeep_api.replies import reply

router = APIRouter(prefix="/api/v1/areas", tags=["areas"])


class Area(BaseModel):
    """An area. `path` runs from the root to the area itself."""

    id: str = Field(examples=["jiangnan-g03"])
    name: str = Field(examples=["江南街道三网格"])
    parent: str | None = Field(examples=["jinhua"])
    path: list[str] = Field(examples=[["jinhua", "jiangnan-g03"]])


class AreaPage(BaseModel):
    """A page of areas, by id."""

    items: list[Area]
    next: str | None


@router.get("", response_model=AreaPage, responses=responses(), summary="Areas that the token may see")
async def list_areas(parts: Using, caller: Asking, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """The token's own area and all below it."""
    after = cursors.decode(cursor, of="areas", shape=(str,))[0] if cursor is not None else None
    parameters = {"after": after, "limit": limit + 1, "scope": caller.area_id}
    rows = await parts.database.rows(QUERIES["areas_page"], parameters)
    items = [
        Area(id=row["area_id"], name=row["name"], parent=row["parent_id"], path=row["path"]) for row in rows[:limit]
    ]
    following = cursors.encode((items[-1].id,), of="areas") if len(rows) > limit else None
    return reply(AreaPage(items=items, next=following))
