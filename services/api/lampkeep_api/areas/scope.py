"""The area scope of a token, for endpoints that are asked about an area."""

from lampkeep.db.queries import load
from lampkeep_api.auth.bearer import Caller
from lampkeep_api.database import Database
from lampkeep_api.problems import not_found

QUERIES = load(__package__)


async def require_area(database: Database, caller: Caller, area_id: str) -> None:
    """Raise the 404 problem unless the area exists and is the token's own or below it."""
    if await database.row(QUERIES["area_visible"], {"area": area_id, "scope": caller.area_id}) is None:
        raise not_found("area", area_id)
