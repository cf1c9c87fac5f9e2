"""What became of a round through a person's channels, as rows: attempts, the notification, its step, the timeline.

Records of one lane are written in groups, one transaction each, so that a burst costs few commits and none waits for
more than the one before it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from psycopg import AsyncCursor
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from lampkeep.clock import Clock
from lampkeep.db.connections import DatabaseUnavailableError
from lampkeep.ports import Accepted, Delivered, Final, Result
from lampkeep_dispatch import events, metrics
from lampkeep_dispatch.alerts.effects import PROGRESS_FOR
from lampkeep_dispatch.database import Connection, Line, in_one_go
from lampkeep_dispatch.outbox.parcels import Parcel
from lampkeep_dispatch.outbox.sweep import Attempt, Swept
from lampkeep_dispatch.sql import QUERIES

GROUP = 64
"""Records of one transaction: about 10 ms of work."""

log = structlog.get_logger()


NOTHING = Swept(attempts=())
"""Nobody was tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A parcel afterwards: its new state, and when it is tried again (None: never)."""

    parcel: Parcel
    state: str
    next_attempt_at: datetime | None = None
    swept: Swept = NOTHING

    @property
    def delivers(self) -> bool:
        """Whether this is the notification's first delivery."""
        return self.swept.delivered_at is not None and not self.parcel.delivered_before


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the database made of it. `held` is false where the claim was lost: another copy will send it again."""

    held: bool
    step_role: str | None
    met: bool | None
    first_of_alert: bool


class Recorder:
    """Writes records of one lane, in groups."""

    def __init__(self, line: Line, clock: Clock) -> None:
        """On a line of its own."""
        self._line = line
        self._clock = clock
        self._waiting: asyncio.Queue[tuple[Record, asyncio.Future[Recorded]]] = asyncio.Queue(maxsize=4 * GROUP)

    async def write(self, record: Record) -> Recorded:
        """Record it; DatabaseUnavailableError where the database stays away."""
        done: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        await self._waiting.put((record, done))
        return await done

    async def run(self) -> None:
        """Write what comes, for ever."""
        while True:
            group = [await self._waiting.get()]
            while len(group) < GROUP and not self._waiting.empty():
                group.append(self._waiting.get_nowait())
            await self._write_group(group)

    async def _write_group(self, group: list[tuple[Record, asyncio.Future[Recorded]]]) -> None:
        try:
            results: Sequence[Recorded | BaseException] = await self._try([record for record, _ in group])
        except DatabaseUnavailableError as error:
            results = [error] * len(group)
        except Exception:  # noqa: BLE001 - whose it is shows one by one
            # One record that the database refuses must not take the others along.
            results = await asyncio.gather(*(self._one(record) for record, _ in group), return_exceptions=True)
        for (_, done), result in zip(group, results, strict=True):
            if done.cancelled():
                continue
            if isinstance(result, BaseException):
                done.set_exception(result)
            else:
                done.set_result(result)

    async def _one(self, record: Record) -> Recorded:
        return (await self._try([record]))[0]

    async def _try(self, records: list[Record]) -> list[Recorded]:
        async def work(connection: Connection) -> list[Recorded]:
            async with in_one_go(connection):
                alert_ids = sorted({record.parcel.alert_id for record in records})
                await connection.execute(QUERIES["lock_alerts"], {"alert_ids": alert_ids})
                return await write_records(connection, records, self._clock.now())

        results = await self._line.run(work)
        for record, result in zip(records, results, strict=True):
            count(record, result)
        return results


async def write_records(connection: Connection, records: Sequence[Record], now: datetime) -> list[Recorded]:
    """Write `records`, whose alerts' rows are locked, within the caller's transaction and pipeline."""
    cursors = [await connection.execute(QUERIES["record_sweep"], _parameters(record)) for record in records]
    results = [await _recorded(cursor) for cursor in cursors]
    for record, result in zip(records, results, strict=True):
        if result.first_of_alert:
            await _tell_devices(connection, record.parcel, now)
    return results


def count(record: Record, recorded: Recorded) -> None:
    """Metrics and logs of a record that is committed."""
    parcel = record.parcel
    for attempt in record.swept.attempts:
        metrics.NOTIFICATIONS.labels(channel=attempt.kind, result=word(attempt.result)).inc()
    if recorded.met is not None and recorded.step_role is not None:
        metrics.STEP_BUDGET.labels(role=recorded.step_role, met=str(recorded.met).lower()).inc()
    delivered_at, pressed_at = record.swept.delivered_at, parcel.alert.pressed_at
    if recorded.first_of_alert and delivered_at is not None and pressed_at is not None:
        seconds = max(0.0, (delivered_at - pressed_at).total_seconds())
        metrics.PRESS_TO_DELIVERY.labels(kind=parcel.alert.kind.value).observe(seconds)
    _log(record, recorded)


def word(result: Result) -> str:
    """The result as it is stored and counted."""
    return type(result).__name__.lower()


def _log(record: Record, recorded: Recorded) -> None:
    parcel, swept = record.parcel, record.swept
    about = {
        "alert_id": parcel.alert_id,
        "notification_id": str(parcel.notification_id),
        "reason": parcel.reason,
        "to": parcel.responder_id or parcel.device_id,
    }
    tried = [f"{one.kind}: {one.result.reason}" for one in swept.attempts]
    if not recorded.held:
        log.warning(events.NOTIFICATION_FENCED, **about)
    elif record.state == "failed":
        log.warning(events.NOTIFICATION_FAILED, **about, tried=tried)
    elif record.state == "dropped":
        log.info(events.NOTIFICATION_DROPPED, **about)
    elif record.delivers and swept.delivered_at is not None:
        event = events.NOTIFICATION_ACCEPTED if record.state == "accepted" else events.NOTIFICATION_DELIVERED
        latency_ms = round((swept.delivered_at - parcel.created_at).total_seconds() * 1000, 1)
        log.info(event, **about, latency_ms=latency_ms)
    elif swept.attempts:
        # Once is worth a person's attention; that it goes on is in the metrics and in table attempts.
        say = log.debug if parcel.attempt_count else log.warning
        say(events.NOTIFICATION_RETRIED, **about, tried=tried)


def _parameters(record: Record) -> dict[str, Any]:
    parcel, swept = record.parcel, record.swept
    return {
        "notification_id": parcel.notification_id,
        "claim": parcel.claim,
        "state": record.state,
        "next_attempt_at": record.next_attempt_at,
        "attempts": Jsonb([_row(attempt) for attempt in swept.attempts]),
        "attempts_made": len(swept.attempts),
        "sent_at": swept.sent_at,
        "delivered_at": swept.delivered_at,
        "reference": swept.reference,
        "entry": _entry(record),
    }


def _row(attempt: Attempt) -> dict[str, Any]:
    return {
        "channel": attempt.kind,
        "channel_index": attempt.index,
        "started_at": attempt.started_at.isoformat(),
        "ended_at": attempt.ended_at.isoformat(),
        "result": word(attempt.result),
        "detail": attempt.result.reason[:200],
    }


async def _recorded(cursor: AsyncCursor[DictRow]) -> Recorded:
    row = await cursor.fetchone()
    assert row is not None
    return Recorded(
        held=row["held"],
        step_role=row["step_role"],
        met=row["met"] if row["budget_decided"] else None,
        first_of_alert=row["held"] and row["first_of_alert"],
    )


def _entry(record: Record) -> Jsonb | None:
    """What the timeline says of a first delivery to a person."""
    parcel = record.parcel
    if not record.delivers or parcel.responder_id is None:
        return None
    return Jsonb(
        {
            "notification": str(parcel.notification_id),
            "reason": parcel.reason,
            "responder": parcel.responder_id,
            "round": parcel.round,
            "step": parcel.step,
            "channel": _channel(record.swept),
        }
    )


async def _tell_devices(connection: Connection, parcel: Parcel, now: datetime) -> None:
    """The resident learns that somebody was notified."""
    told = {
        "alert_id": parcel.alert_id,
        "state": "notified",
        "reason": "progress",
        "entry": "",
        "urgent": parcel.urgent,
        "now": now,
        "give_up_at": now + PROGRESS_FOR,
    }
    await connection.execute(QUERIES["tell_devices"], told)


def _channel(swept: Swept) -> str | None:
    arrived = (one.kind for one in swept.attempts if isinstance(one.result, Delivered | Accepted))
    return next(arrived, None)


def refused(swept: Swept) -> list[str]:
    """Why each channel that refused for good did so."""
    return [f"{one.kind}: {one.result.reason}" for one in swept.attempts if isinstance(one.result, Final)]
