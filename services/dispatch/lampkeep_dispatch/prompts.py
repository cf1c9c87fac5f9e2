"""Pre-alarms: the resident is asked before anybody else, and what they answer, or do, decides."""

from datetime import datetime
from typing import Any

from lampkeep.domain import escalation, life_cycle
from lampkeep.domain.home_state import HomeState
from lampkeep.domain.rules import answered
from lampkeep.registry.context import HomeContext
from lampkeep_dispatch.alerts.around import Around
from lampkeep_dispatch.alerts.closing import cancel
from lampkeep_dispatch.alerts.decisions import Decision
from lampkeep_dispatch.database import Connection
from lampkeep_dispatch.sql import QUERIES


async def load_asked(connection: Connection, home_ids: list[str]) -> dict[str, datetime]:
    """Homes whose resident is being asked, and since when."""
    rows: list[dict[str, Any]]
    rows = await (await connection.execute(QUERIES["pre_alarms_of_homes"], {"home_ids": home_ids})).fetchall()
    return {row["home_id"]: row["opened_at"] for row in rows}


async def take_answers(decision: Decision, context: HomeContext, state: HomeState) -> None:
    """End the home's pre-alarms where the resident is well, or open them where they say that they are not."""
    wanted = {"home_id": context.home.home_id}
    rows = await (await decision.connection.execute(QUERIES["lock_pre_alarms"], wanted)).fetchall()
    for row in rows:
        alert, around = decision.alert(row), Around.of_home(context)
        answer = answered(state, context.home, alert.opened_at)
        if answer is True:
            await cancel(decision, life_cycle.cancel(alert, decision.now), around, why="resident_well")
        elif answer is False:
            alert, effects = escalation.not_well(alert, decision.now, around.people(decision.now))
            await decision.advance(alert, effects, around)
