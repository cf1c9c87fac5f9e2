"""What is around an alert: whom it can reach and where, read from the registry in the transaction that decides."""

from dataclasses import dataclass
from datetime import datetime

from lampkeep.domain.alert import Alert
from lampkeep.domain.home import Resident
from lampkeep.registry.context import (
    HomeContext,
    PeopleNow,
    Reach,
    load_area_reach,
    load_duty_room,
    load_home_context,
)
from lampkeep_dispatch.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """People with their channels, and the home as people are told about it. `location`: latitude, longitude."""

    reach: Reach
    address: str | None = None
    location: tuple[float, float] | None = None
    residents: tuple[Resident, ...] = ()

    @classmethod
    def of_home(cls, context: HomeContext) -> "Around":
        """Around an alert of this home."""
        return cls(
            reach=context.reach,
            address=context.address,
            location=context.location,
            residents=context.residents,
        )

    def people(self, now: datetime) -> PeopleNow:
        """Who is on duty at `now`."""
        return self.reach.at(now)


async def around(connection: Connection, alert: Alert) -> Around:
    """By the alert's home; where that is gone by its area, and at last every duty room there is."""
    if alert.home_id is not None:
        context = await load_home_context(connection, alert.home_id)
        if context is not None:
            return Around.of_home(context)
    if alert.area_id is not None:
        reach = await load_area_reach(connection, alert.area_id)
        if reach is not None:
            return Around(reach=reach)
    return Around(reach=await load_duty_room(connection))
