"""`/api/v1/rosters`: who is on duty. Rosters are written with the community file."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, Field

from lampkeep.domain.vocabulary import Role
from lampkeep.registry.context import Reach, load_area_reach
from lampkeep_api.areas.scope import require_area
from lampkeep_api.auth.guard import Asking
from lampkeep_api.database import Connection
from lampkeep_api.parts import Using
from lampkeep_api.problems import not_found, responses
from lampkeep_api.replies import reply

router = APIRouter(prefix="/api/v1/rosters", tags=["rosters"])

ASKED_BY_AREA = tuple(role for role in Role if role is not Role.FAMILY)
"""Family belongs to a home, not to an area."""


class OnDuty(BaseModel):
    """Somebody on duty, as everybody may see."""

    role: Role
    id: str = Field(examples=["wang-li"])
    name: str = Field(examples=["王丽"])
    reachable: bool = Field(description="whether they have any channel")


class OnDutyWhole(OnDuty):
    """As operators see."""

    phone: str | None = Field(examples=["+8613900000000"])


class DutyList(BaseModel):
    """Who would be asked for a home of the area now, by role; it is never cut into pages."""

    area: str
    at: AwareDatetime
    items: list[OnDutyWhole | OnDuty]
    next: None = None
    without: list[Role] = Field(description="roles with nobody on duty")


@router.get("/{area_id}/now", response_model=DutyList, responses=responses(404), summary="Who is on duty now")
async def get_on_duty(
    parts: Using,
    caller: Asking,
    area_id: Annotated[str, Path(description="id of the area", examples=["jiangnan-g03"])],
) -> Response:
    """By the rosters of the area and those above it."""
    await require_area(parts.database, caller, area_id)

    async def read(connection: Connection) -> Reach | None:
        return await load_area_reach(connection, area_id)

    reach = await parts.database.transact(read)
    if reach is None:
        raise not_found("area", area_id)
    now = parts.clock.now()
    people = {role: reach.at(now).on_duty(role) for role in ASKED_BY_AREA}
    items: list[OnDutyWhole | OnDuty] = []
    for role, found in people.items():
        for one in found:
            brief = {"role": role, "id": one.responder_id, "name": one.name, "reachable": one.reachable}
            phone = reach.phones.get(one.responder_id)
            items.append(OnDutyWhole(**brief, phone=phone) if caller.is_operator else OnDuty(**brief))
    without = [role for role, found in people.items() if not found]
    return reply(DutyList(area=area_id, at=now, items=items, without=without))
