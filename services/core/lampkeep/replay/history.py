"""What devices of a home have said, out of the database: the same values that a recording gives, for `Watch`.

Ingest has dropped resends and believed or replaced every clock, so nothing is left to sort out but the order.
"""

from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.contracts.readings import value_of
from lampkeep.db.queries import load
from lampkeep.domain.home_state import ONLINE, Reading
from lampkeep.domain.vocabulary import MessageType
from lampkeep.replay.lines import Urgent

QUERIES = load("lampkeep.replay", "history.sql")

CHUNK = 5_000
"""Rows that are fetched at a time: some 2 MB."""

_LONGEST_STATEMENT = "set local statement_timeout = '600s'"
"""A year of a busy home is to be sorted before its first row comes."""


async def said_in_home(
    connection: AsyncConnection[DictRow], home_id: str, *, start: datetime, end: datetime
) -> AsyncGenerator[tuple[datetime, Reading | Urgent], None]:
    """(believed instant, message) of everything that was said from `start` up to `end`, oldest first.

    A stream: memory does not grow with the time asked for. `connection` must not be in a transaction; it is in one
    until the stream is read to its end or closed.
    """
    asked = {"home_id": home_id, "start": start, "end": end}
    async with connection.transaction():
        await connection.execute(_LONGEST_STATEMENT)
        async with connection.cursor(name="said_in_home") as cursor:
            cursor.itersize = CHUNK
            await cursor.execute(QUERIES["said_in_home"], asked)
            async for row in cursor:
                yield row["at"], _said(row, home_id)


def _said(row: Mapping[str, Any], home_id: str) -> Reading | Urgent:
    if row["urgent"]:
        return Urgent(device_id=row["device_id"], type=row["type"], content=row["data"])
    return Reading(
        device_id=row["device_id"],
        home_id=home_id,
        type=row["type"],
        at=row["at"],
        battery=row["battery"],
        on=_value(row["type"], row["data"]),
        repeats=row["bridged"],
    )


def _value(type_: str, content: Mapping[str, Any]) -> bool | None:
    """What ingest told the fold; it keeps the values of no message type (connection, low battery) by their names."""
    if type_ == ONLINE:
        return bool(content["online"])
    if type_ == MessageType.BATTERY:
        return content.get("low")
    return value_of(type_, SimpleNamespace(**{"active": True, **content}))  # the one value with a default: motion
