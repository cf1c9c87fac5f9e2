"""The devices of a home, judged by what the database has of them: for `lampkeep commission`, and nightly."""

from contextlib import aclosing
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.domain.care_plan import CarePlan
from lampkeep.domain.commissioning import Inspection
from lampkeep.domain.home import Home
from lampkeep.domain.home_state import Reading
from lampkeep.domain.rules.inactivity import Inactivity
from lampkeep.domain.sight import STUCK_AFTER
from lampkeep.replay.history import said_in_home
from lampkeep.replay.lines import Urgent

LISTENED = timedelta(days=14)
"""How far back an inspection listens: two of each weekday, and a sensor that was mended is not held against it long."""


async def inspect_home(
    connection: AsyncConnection[DictRow],
    home: Home,
    plan: CarePlan,
    zone: ZoneInfo,
    *,
    now: datetime,
    back: timedelta = LISTENED,
) -> Inspection:
    """An inspection that has heard what devices of `home` said in the time `back` before `now`.

    Ask it for `suspicions(now, tried_for=...)`. `connection` must not be in a transaction.
    """
    inspection = inspection_for(home, plan, zone)
    async with aclosing(said_in_home(connection, home.home_id, start=now - back, end=now)) as history:
        async for at, said in history:
            inspection.hear(as_reading(at, said))
    return inspection


def inspection_for(home: Home, plan: CarePlan, zone: ZoneInfo) -> Inspection:
    """One that has heard nothing yet, with the day hours and `stuck_after` of the plan."""
    inactivity = next((rule for rule in plan.rules if isinstance(rule, Inactivity)), Inactivity())
    unobservable = plan.home_unobservable
    return Inspection(
        home,
        zone,
        day_hours=inactivity.day_hours,
        stuck_after=unobservable.stuck_after if unobservable else STUCK_AFTER,
    )


def as_reading(at: datetime, said: Reading | Urgent) -> Reading:
    """An urgent message as the reading that learning and commissioning take."""
    if isinstance(said, Reading):
        return said
    return Reading(device_id=said.device_id, home_id="", type=said.type, at=at)
