"""Rows of one transaction, gathered and written in one statement: each statement costs a turn of the event loop."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from psycopg.types.json import Jsonb

from lampkeep_dispatch.database import Connection
from lampkeep_dispatch.sql import QUERIES

Row = Mapping[str, Any]


@dataclass(slots=True)
class Rows:
    """What is to be inserted: occurrences, timeline entries in their order, steps, notifications with their links."""

    occurrences: list[Row] = field(default_factory=list)
    entries: list[Row] = field(default_factory=list)
    steps: dict[tuple[Any, ...], Row] = field(default_factory=dict)
    notifications: list[Row] = field(default_factory=list)

    async def add_step(self, connection: Connection, row: Row) -> None:
        """A step; a second row of the same step in one transaction is an update of the first."""
        key = (row["alert_id"], row["round"], row["step"])
        if key in self.steps:
            await self.flush(connection)
        self.steps[key] = row

    async def flush(self, connection: Connection) -> None:
        """Write what was gathered."""
        if not (self.occurrences or self.entries or self.steps or self.notifications):
            return
        gathered = {
            "occurrences": _json(self.occurrences),
            "entries": _json(self.entries),
            "steps": _json(list(self.steps.values())),
            "notifications": _json(self.notifications),
        }
        self.occurrences, self.entries, self.steps, self.notifications = [], [], {}, []
        await connection.execute(QUERIES["write_rows"], gathered)


def _json(rows: list[Row]) -> Jsonb:
    return Jsonb(rows, dumps=orjson.dumps)
