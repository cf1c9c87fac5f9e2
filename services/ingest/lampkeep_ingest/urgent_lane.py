"""The urgent lane: what waits is stored at once, acknowledged, and answered with a receipt.

It is fed by its own session, and by the observation lane with urgent messages that came over the wrong topic.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar

import structlog

from lampkeep.clock import Clock
from lampkeep.contracts.commands import RECEIPT_EXPIRY_S, Receipt, command_payload, command_topic
from lampkeep.db.connections import DatabaseUnavailableError
from lampkeep.domain.home import Device
from lampkeep.failpoints import reach
from lampkeep_ingest import events
from lampkeep_ingest.backoff import Backoff
from lampkeep_ingest.database import Link
from lampkeep_ingest.decode import decode
from lampkeep_ingest.identify import (
    Levels,
    alarm_not_understood,
    bridged_alarms,
    bridged_urgent_row,
    device_of,
    foreign_row,
    is_foreign,
    urgent_row,
)
from lampkeep_ingest.inbox import Received
from lampkeep_ingest.metrics import MESSAGES, STORE_SECONDS
from lampkeep_ingest.recurrence import Recurrence, fingerprint
from lampkeep_ingest.registry import SharedDirectory
from lampkeep_ingest.rows import HEAD_BYTES, UrgentRow
from lampkeep_ingest.said import Bridged, Urgent
from lampkeep_ingest.urgent_writer import Result, Storable, UrgentRejection, UrgentWriter
from lampkeep_ingest.z2m import URGENT_HINTS

FILTERS = ("lampkeep/v1/+/+/urgent", "lampkeep/z2m/+/#")

RECEIVE_MAXIMUM = 500
"""Urgent messages in hand at most; a burst of 500 presses passes without a pause."""

AT_ONCE = 100
"""Messages of one transaction at most: about 20 ms of PostgreSQL's time."""

MOST_WAITING = 10_000
"""While the database is away, reconnects and messages without acknowledgement (QoS 0) may fill the queue beyond the
receive maximum. At this many, those go that the broker delivers again; then whatever comes, which at QoS 1 comes again
with the next connection."""

QUIET_S = 1.0
"""After so long without a message the lane looks whether its database connection still stands."""

LOOK_DEADLINE_S = 2.0
"""For that look, and for opening a new connection."""

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class _Waiting:
    """An urgent message on its way; `rows` once it is known what to store. `echo`: most likely it is stored already."""

    source: Received
    said: Urgent | Bridged
    echo: bool = False
    rows: list[Storable] = field(default_factory=list)


class UrgentLane:
    """Takes urgent messages from any inbox and sees each through."""

    def __init__(self, link: Link, directory: SharedDirectory, clock: Clock) -> None:
        """`link` is this lane's own connection."""
        self._link = link
        self._writer = UrgentWriter(link)
        self._directory = directory
        self._clock = clock
        self._levels = Levels()
        self._recurrence = Recurrence()
        self._waiting: deque[_Waiting] = deque()
        self._in_work: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self._backoff = Backoff(first_s=0.05, longest_s=2.0)
        self._log = structlog.get_logger().bind(lane="urgent")

    @property
    def backlog(self) -> int:
        """Messages received and not stored."""
        return len(self._waiting) + len(self._in_work)

    @property
    def oldest_at(self) -> datetime | None:
        """When the oldest of the backlog was received."""
        for waiting in (*self._in_work[:1], *([self._waiting[0]] if self._waiting else [])):
            return waiting.source.received_at
        return None

    def take(self, source: Received) -> None:
        """A message of this lane's own session."""
        if source.topic.startswith("lampkeep/z2m/") and not _may_be_urgent(source):
            source.inbox.acknowledge([source])
            return
        said = decode(source.topic, source.payload)
        if isinstance(said, Urgent | Bridged):
            self.offer(source, said)
        else:
            source.inbox.acknowledge([source])  # the observation lane has it, too, and keeps or rejects it

    def offer(self, source: Received, said: Urgent | Bridged, *, echo: bool = False) -> None:
        """An urgent message, decoded, of whatever session; it is acknowledged there.

        `echo`: this lane's own session has it as well, unless that began too late; a duplicate is passed over.
        """
        source.payload = source.payload[:HEAD_BYTES] if source.size > HEAD_BYTES else source.payload
        if len(self._waiting) >= MOST_WAITING:
            self._waiting = deque(one for one in self._waiting if not one.source.inbox.comes_again(one.source))
        if len(self._waiting) >= MOST_WAITING:
            self._log.error(events.MESSAGES_DROPPED, waiting=len(self._waiting))
            return
        self._waiting.append(_Waiting(source=source, said=said, echo=echo))
        self._arrived.set()

    async def run(self) -> None:
        """See messages through, until cancelled; what is in work is then not acknowledged and comes again."""
        await self._look_at_connection()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(QUIET_S):  # not wait_for: in Python 3.11 it can swallow a cancellation
                    await self._arrived.wait()
            if not self._arrived.is_set():
                await self._look_at_connection()
            self._arrived.clear()
            while self._waiting:
                self._in_work = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
                await self._see_through(self._in_work)
                self._in_work = []

    async def _look_at_connection(self) -> None:
        """See in quiet times that the database is there: the next press shall not find out that it is gone."""
        with suppress(DatabaseUnavailableError):
            async with self._link.use(deadline_s=LOOK_DEADLINE_S) as connection:
                await connection.execute("select 1")

    async def _see_through(self, batch: list[_Waiting]) -> None:
        reach("ingest.received")
        for waiting in batch:
            waiting.rows = await self._until_it_works(partial(self._rows, waiting))
        rows = [row for waiting in batch for row in waiting.rows]
        results = await self._until_it_works(partial(self._writer.store, rows)) if rows else []
        stored_s = self._clock.monotonic()
        self._acknowledge(batch)
        reach("ingest.after_ack")
        self._answer(batch, results, stored_s)

    async def _rows(self, waiting: _Waiting) -> list[Storable]:
        said, source = waiting.said, waiting.source
        device = device_of(said, self._directory)
        if device is None:
            await self._directory.ensure(self._link, after_s=source.received_s)
            device = device_of(said, self._directory)
        if device is None and is_foreign(said, self._directory):
            if isinstance(said, Bridged) and not bridged_alarms(said, None):
                return []
            key = f"~rejected{fingerprint(source.topic.encode(), source.payload)}"
            return [UrgentRejection(key=key, row=foreign_row(said, source, "urgent"), retained=source.retained)]
        try:
            if isinstance(said, Urgent):
                return [urgent_row(said, source, device)]
            return await self._alarm_rows(said, source, device)
        except DatabaseUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - one message must never stop the stream
            return [alarm_not_understood(said, source, device, error)]

    async def _alarm_rows(self, said: Bridged, source: Received, device: Device | None) -> list[Storable]:
        rows: list[Storable] = []
        for alarm in bridged_alarms(said, device):
            news: bool | None = True
            if alarm.level and source.retained:
                news = alarm.active
            elif alarm.level:
                news = self._levels.is_news(said.account, said.name, alarm, source.received_s)
            if news is None and device is not None:
                news = await self._until_it_works(partial(self._writer.was_active, device, alarm.type))
            if news:
                rows.append(bridged_urgent_row(said, alarm, source, device, self._recurrence))
        return rows

    def _acknowledge(self, batch: Sequence[_Waiting]) -> None:
        for inbox in {id(waiting.source.inbox): waiting.source.inbox for waiting in batch}.values():
            inbox.acknowledge([waiting.source for waiting in batch if waiting.source.inbox is inbox])

    def _answer(self, batch: Sequence[_Waiting], results: Sequence[Result], stored_s: float) -> None:
        rows = [(waiting, row) for waiting in batch for row in waiting.rows]
        for (waiting, row), result in zip(rows, results, strict=True):
            if waiting.echo and result is not Result.STORED:
                continue
            MESSAGES.labels("urgent", result.value).inc()
            STORE_SECONDS.labels("urgent").observe(stored_s - waiting.source.received_s)
            if not isinstance(row, UrgentRow):
                continue
            if row.rejected is not None and result is Result.STORED:
                MESSAGES.labels("urgent", Result.REJECTED.value).inc()
            if row.receipt is not None and result is not Result.REJECTED:
                topic = command_topic(row.account, row.device_id)
                row.source.inbox.publish(
                    topic, command_payload(Receipt(ref=row.receipt)), expires_in_s=RECEIPT_EXPIRY_S
                )
            self._log.info(
                events.URGENT_STORED,
                result=result.value,
                device_id=row.device_id,
                message_id=row.message_id,
                type=row.type,
                marks=row.marks,
            )

    async def _until_it_works(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try until the database is there: nothing of this lane is given up."""
        while True:
            try:
                done = await attempt()
            except DatabaseUnavailableError:
                await self._backoff.wait()
            else:
                self._backoff.reset()
                return done


def _may_be_urgent(source: Received) -> bool:
    return source.topic.endswith("/action") or any(hint in source.payload for hint in URGENT_HINTS)
