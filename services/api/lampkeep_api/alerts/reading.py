"""Reading alerts: a page under filters, one alert whole, its timeline."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lampkeep.db.queries import load
from lampkeep.domain.vocabulary import AlertState
from lampkeep_api import cursor as cursors
from lampkeep_api.alerts.schemas import (
    AlertDetail,
    AlertPage,
    TimelinePage,
    alert_from,
    detail_from,
    timeline_entry,
)
from lampkeep_api.auth.bearer import Caller
from lampkeep_api.database import Connection, Database
from lampkeep_api.problems import not_found
from lampkeep_api.replies import local

QUERIES = load(__package__)

_ACTIVE = frozenset(state.value for state in AlertState if not state.is_closed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list is narrowed to; an empty tuple or None does not narrow. `states` may name 'active'."""

    states: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    area: str | None = None
    home: str | None = None

    @property
    def only_active(self) -> bool:
        """Whether no closed alert can match."""
        return bool(self.states) and self._wanted <= _ACTIVE

    @property
    def parameters(self) -> dict[str, Any]:
        """As the queries take them; also what a cursor is bound to."""
        every_active = self.only_active and self._wanted == _ACTIVE
        return {
            "states": sorted(self._wanted) if self.states and not every_active else None,
            "kinds": sorted(set(self.kinds)) or None,
            "priorities": sorted(set(self.priorities)) or None,
            "area": self.area,
            "home": self.home,
        } | ({"active": True} if every_active else {})

    @property
    def _wanted(self) -> frozenset[str]:
        named = frozenset(self.states)
        return (named - {"active"}) | (_ACTIVE if "active" in named else frozenset())


async def page(database: Database, caller: Caller, filters: Filters, *, limit: int, cursor: str | None) -> AlertPage:
    """A page of alerts, newest first. Raises the 422 problem for a cursor of another list."""
    bound = filters.parameters
    before_at, before_id = None, None
    if cursor is not None:
        before_at, before_id = cursors.decode(cursor, of="alerts", shape=(datetime, str), filters=bound)
    query = QUERIES["alerts_active" if filters.only_active else "alerts_newest"]
    position = {"before_at": before_at, "before_id": before_id, "limit": limit + 1}
    rows = await database.rows(query, {**bound, **position, **caller.scope})
    following = None
    if len(rows) > limit:
        last = rows[limit - 1]
        following = cursors.encode((last["opened_at"], last["alert_id"]), of="alerts", filters=bound)
    return AlertPage(items=[alert_from(row) for row in rows[:limit]], next=following)


async def whole(connection: Connection, caller: Caller, alert_id: str, now: datetime) -> AlertDetail:
    """One alert with everything about it, as this caller may see it. Raises the 404 problem."""
    cursor = await connection.execute(QUERIES["alert_whole"], {"alert_id": alert_id, **caller.scope})
    row = await cursor.fetchone()
    if row is None:
        raise not_found("alert", alert_id)
    return detail_from(row, today=local(now, row["timezone"]).date(), private=caller.is_operator)


async def require_visible(connection: Connection, caller: Caller, alert_id: str) -> None:
    """Raise the 404 problem unless the alert exists for this caller."""
    cursor = await connection.execute(QUERIES["alert_visible"], {"alert_id": alert_id, **caller.scope})
    if await cursor.fetchone() is None:
        raise not_found("alert", alert_id)


async def timeline(
    database: Database, caller: Caller, alert_id: str, *, limit: int, cursor: str | None
) -> TimelinePage:
    """A page of what happened to an alert, oldest first. Raises the 404 problem, and 422 for a foreign cursor."""
    name = f"timeline/{alert_id}"
    after_at, after_seq = None, None
    if cursor is not None:
        after_at, after_seq = cursors.decode(cursor, of=name, shape=(datetime, int))

    async def read(connection: Connection) -> list[dict[str, Any]]:
        await require_visible(connection, caller, alert_id)
        parameters = {"alert_id": alert_id, "after_at": after_at, "after_seq": after_seq, "limit": limit + 1}
        return await (await connection.execute(QUERIES["timeline_page"], parameters)).fetchall()

    rows = await database.transact(read)
    following = None
    if len(rows) > limit:
        last = rows[limit - 1]
        following = cursors.encode((last["at"], last["seq"]), of=name)
    return TimelinePage(items=[timeline_entry(row, private=caller.is_operator) for row in rows[:limit]], next=following)
