"""Reading homes: pages, one home with everything, what its devices said."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from lampkeep.db.queries import load
from lampkeep.domain.home_state import PRESSES, DeviceState, HomeState
from lampkeep.domain.rules import describe
from lampkeep.registry.context import load_home_context
from lampkeep_api import cursor as cursors
from lampkeep_api.auth.bearer import Caller
from lampkeep_api.database import Connection, Database, Row
from lampkeep_api.devices import reading as devices
from lampkeep_api.homes.schemas import ActivityPage, HomePage, HomeWhole, Known, Said, home_brief, home_whole
from lampkeep_api.problems import not_found
from lampkeep_api.replies import local

QUERIES = load(__package__)

ACTIVITY_SPAN = timedelta(hours=24)
"""How far back `activity` looks without `from`: one day and night."""

NOTES_SPAN = timedelta(days=7)
"""How long a note that is over is still shown."""

CLOCK_AHEAD = timedelta(minutes=2)
"""A believed device clock is at most this far in the future (contract section 2)."""

_KEY = (datetime, datetime, str, str)


async def page(
    database: Database,
    caller: Caller,
    *,
    plan: str | None,
    area: str | None,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> HomePage:
    """A page of homes, by id. Raises the 422 problem for a cursor of another list."""
    bound = {"plan": plan, "area": area}
    after = cursors.decode(cursor, of="homes", shape=(str,), filters=bound)[0] if cursor is not None else None
    parameters = {**bound, "after": after, "limit": limit + 1, "scope": caller.area_id}
    rows = await database.rows(QUERIES["homes_page"], parameters)
    items = [
        home_brief(row, today=local(now, row["timezone"]).date(), private=caller.is_operator) for row in rows[:limit]
    ]
    following = cursors.encode((items[-1].id,), of="homes", filters=bound) if len(rows) > limit else None
    return HomePage(items=items, next=following)


async def whole(connection: Connection, caller: Caller, home_id: str, now: datetime) -> HomeWhole:
    """One home, as this caller may see it. Raises the 404 problem."""
    key = {"home_id": home_id, "scope": caller.area_id}
    row = await (await connection.execute(QUERIES["home_whole"], key)).fetchone()
    if row is None:
        raise not_found("home", home_id)
    return home_whole(
        row,
        await _known(connection, home_id, now),
        await devices.devices(connection, caller, home=home_id),
        today=local(now, row["timezone"]).date(),
        private=caller.is_operator,
    )


async def activity(
    database: Database,
    caller: Caller,
    home_id: str,
    *,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> ActivityPage:
    """A page of what the home's devices said in `[since, until)`, newest first.

    Raises the 404 problem, and 422 for a cursor of another list.
    """
    bound = {"home": home_id, "from": since, "to": until}
    place = cursors.decode(cursor, of="activity", shape=_KEY, filters=bound) if cursor is not None else [None] * 4
    parameters = {
        "home_id": home_id,
        "from": since or _span_before(until or now),
        "to": until or now + CLOCK_AHEAD,
        **dict(zip(("before_at", "before_received", "before_device", "before_message"), place, strict=True)),
        "limit": limit + 1,
    }

    async def read(connection: Connection) -> tuple[list[Row], dict[str, str | None]]:
        await require_visible(connection, caller, home_id)
        rows = await (await connection.execute(QUERIES["home_activity"], parameters, prepare=False)).fetchall()
        places = {one.id: one.place for one in await devices.devices(connection, caller, home=home_id)}
        return rows, places

    rows, places = await database.transact(read)
    following = None
    if len(rows) > limit:
        last = rows[limit - 1]
        key = (last["at"], last["received_at"], last["device_id"], last["message_id"])
        following = cursors.encode(key, of="activity", filters=bound)
    return ActivityPage(items=[_said(row, places) for row in rows[:limit]], next=following)


async def require_visible(connection: Connection, caller: Caller, home_id: str) -> None:
    """Raise the 404 problem unless the home exists for this caller."""
    cursor = await connection.execute(QUERIES["home_visible"], {"home_id": home_id, "scope": caller.area_id})
    if await cursor.fetchone() is None:
        raise not_found("home", home_id)


async def _known(connection: Connection, home_id: str, now: datetime) -> Known:
    state = await _state(connection, home_id)
    context = await load_home_context(connection, home_id)
    assert context is not None  # its row was read in this transaction
    notes = await (
        await connection.execute(QUERIES["home_notes"], {"home_id": home_id, "since": now - NOTES_SPAN})
    ).fetchall()
    return Known(state=state, reasons=describe(context.home, context.plan, state, now, context.reach.zone), notes=notes)


async def _state(connection: Connection, home_id: str) -> HomeState:
    signs = await (await connection.execute(QUERIES["home_signs"], {"home_id": home_id})).fetchall()
    presses = {"home_id": home_id, "presses": sorted(PRESSES)}
    press = await (await connection.execute(QUERIES["home_presses"], presses)).fetchone()
    return HomeState(
        states={(row["device_id"], row["type"]): _device_state(row) for row in signs},
        pressed_at=press["at"] if press else None,
        pressed_device=press["device_id"] if press else None,
    )


def _device_state(row: Row) -> DeviceState:
    return DeviceState(
        device_id=row["device_id"],
        type=row["type"],
        seen_at=row["seen_at"],
        on_at=tuple(row["on_at"]),
        off_at=tuple(row["off_at"]),
        percent=row["percent"],
        percent_at=row["percent_at"],
    )


def _said(row: Row, places: dict[str, str | None]) -> Said:
    return Said(
        at=row["at"],
        received_at=row["received_at"],
        lane=row["lane"],
        device=row["device_id"],
        place=places.get(row["device_id"]),
        type=row["type"],
        battery=row["battery"],
        data=_sendable(json.loads(row["data"])),
        marks=row["marks"],
    )


def _sendable(value: Any) -> Any:
    """What a device sent, as JSON that every client reads: half a surrogate pair becomes a replacement character."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_sendable(key): _sendable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_sendable(one) for one in value]
    return value


def _span_before(until: datetime) -> datetime:
    """`ACTIVITY_SPAN` before `until`, or the earliest instant there is."""
    earliest = datetime.min.replace(tzinfo=UTC)
    return until - ACTIVITY_SPAN if until - earliest > ACTIVITY_SPAN else earliest
