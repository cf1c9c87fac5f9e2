"""Stores observations in batches: identities, history, the fold and the rejected in one transaction.

Three round trips a batch, the rows of each as one JSON text: psycopg's lists cost 19 µs a row in Python, this 4, and
PostgreSQL reads either equally fast (batches of 500, 2-core machine).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.contracts.messages import Reason
from lampkeep.db.queries import load
from lampkeep.domain.home_state import KEEP, DeviceState, StateKey, fold, merge_into
from lampkeep.failpoints import reach
from lampkeep_ingest import events
from lampkeep_ingest.database import POISON, Link
from lampkeep_ingest.json_text import json_text
from lampkeep_ingest.rows import ObservationRow, RejectedRow, rejected_row

QUERIES = load(__package__)

Connection = AsyncConnection[DictRow]

TURN = 100
"""Rows folded after which the urgent lane gets its turn on the loop: about 1 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What became of a batch."""

    stored: int = 0
    duplicate: int = 0
    rejected: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            stored=self.stored + other.stored,
            duplicate=self.duplicate + other.duplicate,
            rejected=self.rejected + other.rejected,
        )


class ObservationWriter:
    """The writer of the observation lane."""

    def __init__(self, link: Link) -> None:
        """`link` holds the lane: its connections take the lane's lock or fail."""
        self._link = link
        self._log = structlog.get_logger()

    async def store(self, rows: Sequence[ObservationRow], rejected: Sequence[RejectedRow]) -> Counts:
        """Store a batch. A row that the database refuses is found by halving and recorded as rejected.

        DatabaseUnavailableError: some of it may be stored, try all again; identities make that harmless.
        """
        try:
            return await self._transaction(rows, rejected)
        except POISON as error:
            if len(rows) + len(rejected) > 1:
                half, half_rejected = len(rows) // 2, len(rejected) // 2
                if rows and rejected:
                    return await self.store(rows, ()) + await self.store((), rejected)
                first = await self.store(rows[:half], rejected[:half_rejected])
                return first + await self.store(rows[half:], rejected[half_rejected:])
            self._log.error(events.MESSAGE_NOT_STORABLE, error=type(error).__name__, lane="observation")
            return await self._reject(rows, error) if rows else Counts(rejected=1)

    async def _reject(self, rows: Sequence[ObservationRow], error: BaseException) -> Counts:
        record = rejected_row(
            rows[0].source,
            lane="observation",
            account=rows[0].account,
            device_id=rows[0].reading.device_id,
            reason=Reason.NOT_STORABLE,
            detail=type(error).__name__,
        )
        return await self.store((), [record])

    async def _transaction(self, rows: Sequence[ObservationRow], rejected: Sequence[RejectedRow]) -> Counts:
        async with self._link.use() as connection:
            async with connection.pipeline(), connection.transaction():
                new = await _store_new(connection, rows) if rows else []
                reach("ingest.observations.in_transaction")
                await _fold(connection, new)
                for record in rejected:
                    await connection.execute(QUERIES["record_rejected"], _rejected_values(record))
            reach("ingest.observations.after_commit")
        return Counts(stored=len(new), duplicate=len(rows) - len(new), rejected=len(rejected))


async def _store_new(connection: Connection, rows: Sequence[ObservationRow]) -> list[ObservationRow]:
    """Store those whose identity is free; they are returned."""
    once = {row.key: row for row in reversed(rows)}  # the first of two in one batch is the message
    candidates = list(once.values())
    if any(row.retained for row in candidates):
        candidates = await _without_known_copies(connection, candidates)
    cursor = await connection.execute(
        QUERIES["store_observations"],
        {"rows": json_text([_values(n, row) for n, row in enumerate(candidates)])},
    )
    taken = {row["n"] for row in await cursor.fetchall()}
    return [row for n, row in enumerate(candidates) if n not in taken] if taken else candidates


async def _without_known_copies(connection: Connection, rows: list[ObservationRow]) -> list[ObservationRow]:
    """All but retained copies of what was stored when it was said."""
    copies = [
        {"n": n, "account": row.account, "device_id": row.reading.device_id, "message_id": row.message_id}
        for n, row in enumerate(rows)
        if row.retained
    ]
    cursor = await connection.execute(QUERIES["retained_unknown"], {"rows": json_text(copies)})
    unknown = {row["n"] for row in await cursor.fetchall()}
    return [row for n, row in enumerate(rows) if not row.retained or n in unknown]


async def _fold(connection: Connection, rows: Sequence[ObservationRow]) -> None:
    states: dict[StateKey, DeviceState] = {}
    homes: dict[str, str] = {}
    wakes: dict[str, Any] = {}
    for number, row in enumerate(rows):
        if number % TURN == TURN - 1:
            await asyncio.sleep(0)
        if row.retained:
            continue
        told = row.reading
        merge_into(states, fold(told))
        homes[told.device_id] = told.home_id
        if row.wakes_at is not None:
            known = wakes.get(told.home_id)
            wakes[told.home_id] = row.wakes_at if known is None else min(known, row.wakes_at)
    if states:
        await merge_states(connection, states, homes)
    if wakes:
        looks = [{"home_id": home_id, "at": at} for home_id, at in wakes.items()]
        await connection.execute(QUERIES["wake_homes"], {"wakes": json_text(looks)})


async def merge_states(
    connection: Connection, states: Mapping[StateKey, DeviceState], homes: Mapping[str, str]
) -> None:
    """Merge `states` into those of the database, as `lampkeep.domain.home_state.merge` does; `homes` by device."""
    bodies = [_state_values(state, homes[state.device_id]) for state in states.values()]
    await connection.execute(QUERIES["merge_states"], {"states": json_text(bodies), "keep": KEEP})


def _values(n: int, row: ObservationRow) -> dict[str, Any]:
    told = row.reading
    account, device_id, key = row.key
    return {
        "n": n,
        "account": account,
        "device_id": device_id,
        "key": key,
        "message_id": row.message_id,
        "type": told.type,
        "home_id": told.home_id,
        "at": told.at,
        "said_at": row.said_at,
        "received_at": row.received_at,
        "battery": told.battery,
        "data": row.content,
        "extra": row.extra,
        "marks": row.marks,
    }


def _state_values(state: DeviceState, home_id: str) -> dict[str, Any]:
    return {
        "device_id": state.device_id,
        "type": state.type,
        "home_id": home_id,
        "seen_at": state.seen_at,
        "on_at": state.on_at,
        "off_at": state.off_at,
        "percent": state.percent,
        "percent_at": state.percent_at,
    }


def _rejected_values(record: RejectedRow) -> dict[str, Any]:
    return {
        "received_at": record.received_at,
        "lane": record.lane,
        "topic": record.topic,
        "account": record.account,
        "device_id": record.device_id,
        "reason": record.reason.value,
        "detail": record.detail,
        "size": record.size,
        "head": record.head,
    }
