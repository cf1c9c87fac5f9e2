"""Stores urgent messages: its own connection, one transaction for what waits, NOTIFY inside it.

It touches no row that observations update, and no observation waits for it.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import structlog

from lampkeep.contracts.messages import Reason
from lampkeep.db.queries import load
from lampkeep.domain.home import Device
from lampkeep.domain.rules.urgent import UNREADABLE
from lampkeep.failpoints import reach
from lampkeep_ingest import events
from lampkeep_ingest.database import POISON, Link
from lampkeep_ingest.json_text import json_text
from lampkeep_ingest.recurrence import WINDOW
from lampkeep_ingest.rows import RejectedRow, UrgentRow, rejected_row

QUERIES = load(__package__)

NOTIFY = "select pg_notify('lampkeep_urgent', '')"
"""Only this lane notifies: PostgreSQL holds one lock over the whole database from NOTIFY to the end of the commit."""

DEADLINE_S = 6.0
"""For one transaction of the urgent lane; then it is tried again on a new connection."""


class Result(StrEnum):
    """What became of a message; the values are those of the metric."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class UrgentRejection:
    """A message of the urgent lane that raises nothing; `key` tells its copies."""

    key: str
    row: RejectedRow
    retained: bool


Storable = UrgentRow | UrgentRejection


class UrgentWriter:
    """The writer of the urgent lane; one transaction at a time."""

    def __init__(self, link: Link) -> None:
        """`link` is this writer's alone."""
        self._link = link
        self._log = structlog.get_logger()

    async def store(self, rows: Sequence[Storable]) -> list[Result]:
        """Store all in one transaction; the results are in the order of `rows`.

        A row that the database refuses is stored bare, as unreadable, and recorded as rejected: the others are not held
        up by it. DatabaseUnavailableError: nothing is stored, try again.
        """
        try:
            return await self._transaction(rows)
        except POISON as error:
            if len(rows) > 1:
                return [result for row in rows for result in await self.store([row])]
            return [await self._store_bare(rows[0], error)]

    async def was_active(self, device: Device, type_: str) -> bool:
        """Whether the last that a detector said was an alarm. DatabaseUnavailableError."""
        async with self._link.use(deadline_s=DEADLINE_S) as connection:
            cursor = await connection.execute(
                QUERIES["last_alarm"], {"home_id": device.home_id, "device_id": device.device_id, "type": type_}
            )
            row = await cursor.fetchone()
        return row is not None and row["data"].get("active") is not False

    async def _transaction(self, rows: Sequence[Storable]) -> list[Result]:
        first: dict[tuple[str, str, str], int] = {}
        for n, row in enumerate(rows):
            first.setdefault(_identity(row), n)  # a resend that waited beside its message is a duplicate
        values = [_values(n, rows[n]) for n in sorted(first.values())]
        async with self._link.use(deadline_s=DEADLINE_S) as connection:
            async with connection.pipeline(), connection.transaction():
                cursor = await connection.execute(QUERIES["store_urgent"], {"rows": json_text(values)})
                await connection.execute(NOTIFY)
                reach("ingest.in_transaction")
            reach("ingest.after_commit")
            new = {found["n"] for found in await cursor.fetchall()}
        return [_result(row, is_new=n in new) for n, row in enumerate(rows)]

    async def _store_bare(self, row: Storable, error: BaseException) -> Result:
        self._log.error(events.MESSAGE_NOT_STORABLE, error=type(error).__name__, lane="urgent")
        if isinstance(row, UrgentRejection):
            return Result.REJECTED
        rejected = rejected_row(
            row.source,
            lane="urgent",
            account=row.account,
            device_id=row.device_id,
            reason=Reason.NOT_STORABLE,
            detail=type(error).__name__,
        )
        bare = replace(
            row,
            type=UNREADABLE,
            battery=None,
            content={},
            extra=None,
            said_at=None,
            at=row.received_at,
            rejected=rejected,
        )
        try:
            await self._transaction([bare])
        except POISON:
            return Result.REJECTED
        return Result.STORED


def _result(row: Storable, *, is_new: bool) -> Result:
    if isinstance(row, UrgentRejection):
        return Result.REJECTED
    return Result.STORED if is_new else Result.DUPLICATE


def _identity(row: Storable) -> tuple[str, str, str]:
    if isinstance(row, UrgentRejection):
        return row.row.account or "", row.row.device_id or "", row.key
    return row.account, row.device_id, row.key


def _values(n: int, row: Storable) -> dict[str, Any]:
    account, device_id, key = _identity(row)
    values = {"n": n, "account": account, "device_id": device_id, "key": key, "retained": row.retained}
    if isinstance(row, UrgentRejection):
        received_at = row.row.received_at
        return values | _rejected(row.row) | {"received_at": received_at, "free_before": received_at - WINDOW}
    return (
        values
        | {
            "message_id": row.message_id,
            "type": row.type,
            "home_id": row.home_id,
            "at": row.at,
            "said_at": row.said_at,
            "received_at": row.received_at,
            "free_before": row.received_at - row.remembered,
            "battery": row.battery,
            "data": row.content,
            "extra": row.extra,
            "marks": row.marks,
            "signals": row.signals,
        }
        | (_rejected(row.rejected) if row.rejected else {})
    )


def _rejected(record: RejectedRow) -> dict[str, Any]:
    return {
        "topic": record.topic,
        "reason": record.reason.value,
        "detail": record.detail,
        "size": record.size,
        "head": b64encode(record.head).decode(),
    }
