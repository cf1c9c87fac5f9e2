"""Homes that go dark together: one `system` alert for their area takes the place of one for each of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lampkeep.domain import life_cycle
from lampkeep.domain.alert import Alert
from lampkeep.domain.darkness import FEWEST, TOGETHER, AreaDark, dark_area
from lampkeep.domain.rules.wording import instant
from lampkeep.domain.vocabulary import AlertKind, Outcome
from lampkeep.registry.context import load_area_reach
from lampkeep_dispatch.alerts.around import Around, around
from lampkeep_dispatch.alerts.closing import resolve
from lampkeep_dispatch.alerts.decisions import Decision
from lampkeep_dispatch.alerts.opening import Cause
from lampkeep_dispatch.sql import QUERIES


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lost:
    """A home and when it was lost."""

    home_id: str
    since: datetime

    @property
    def window(self) -> dict[str, Any]:
        """What counts as together with it."""
        return {"home_id": self.home_id, "from": self.since - TOGETHER, "until": self.since + TOGETHER}


async def area_alert(decision: Decision, home_id: str, since: datetime) -> Alert | None:
    """The system alert that a home's darkness belongs to: the active one of its area, or one that opens now because
    enough homes of an area were lost together. None: it is a matter of the home's own."""
    lost = _Lost(home_id=home_id, since=since)
    active = await decision.locked(QUERIES["active_system_alert"], {"home_id": home_id})
    if active is not None:
        return active
    few = await (await decision.connection.execute(QUERIES["dark_homes"], {**lost.window, "limit": FEWEST})).fetchone()
    if few is None or few["homes"] < FEWEST:
        return None
    rows = await (await decision.connection.execute(QUERIES["dark_areas"], lost.window)).fetchall()
    area = dark_area([AreaDark(area_id=row["area_id"], dark=row["dark"], homes=row["homes"]) for row in rows])
    if area is None:
        return None
    opened = await _open(decision, area, since)
    await _take_over(decision, opened, area, lost)
    return opened


async def _open(decision: Decision, area: AreaDark, since: datetime) -> Alert:
    reach = await load_area_reach(decision.connection, area.area_id)
    assert reach is not None  # its homes refer to it
    zh = f"{area.homes}户中有{area.dark}户同时失去信号：可能是停电、网络或平台故障"
    en = f"{area.dark} of {area.homes} homes were lost at once: a power cut, the network, or a maker's cloud"
    cause = Cause(
        kind=AlertKind.SYSTEM,
        at=since,
        received_at=decision.now,
        area_id=area.area_id,
        evidence={
            "reason": "area_dark",
            "area": area.area_id,
            "dark_homes": area.dark,
            "homes": area.homes,
            "unobservable_since": instant(since),
            "text": zh,
            "text_zh": zh,
            "text_en": en,
        },
    )
    return await decision.open_(cause, Around(reach=reach), home=None, plan=None)


async def _take_over(decision: Decision, system: Alert, area: AreaDark, lost: _Lost) -> None:
    """What was told of single homes before there were enough of them goes on under the area's alert."""
    await decision.rows.flush(decision.connection)
    wanted = {**lost.window, "area_id": area.area_id}
    for row in await (await decision.connection.execute(QUERIES["told_apart"], wanted)).fetchall():
        alert = decision.alert(row)
        moved = {"alert_id": system.alert_id, "home_id": alert.home_id}
        await decision.connection.execute(QUERIES["move_finding"], moved)
        transition = life_cycle.resolve(alert, Outcome.OTHER, decision.now)
        surroundings = await around(decision.connection, alert)
        await resolve(decision, transition, surroundings, why="part_of_area", actor="system")
