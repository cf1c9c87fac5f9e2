"""The observation lane: one copy of ingest holds it, takes what its session delivers, and stores it in batches.

The session's name at the broker is the same for every copy, so the broker queues while the lane moves from one to
another. Who holds the lane is a session advisory lock on the writer's own connection: whoever can write holds it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

import structlog
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.clock import Clock
from lampkeep.db.connections import DatabaseUnavailableError
from lampkeep.db.queries import load
from lampkeep.failpoints import reach
from lampkeep_ingest import events
from lampkeep_ingest.backoff import Backoff
from lampkeep_ingest.database import Link
from lampkeep_ingest.decode import decode
from lampkeep_ingest.identify import (
    bridged_alarms,
    bridged_rows,
    device_of,
    foreign_row,
    is_foreign,
    mistyped_row,
    not_understood,
    observation_row,
    unknown_row,
)
from lampkeep_ingest.inbox import Inbox, Received
from lampkeep_ingest.metrics import MESSAGES, STORE_SECONDS
from lampkeep_ingest.observation_writer import Counts, ObservationWriter
from lampkeep_ingest.registry import SharedDirectory
from lampkeep_ingest.rows import HEAD_BYTES, ObservationRow, RejectedRow, rejected_row
from lampkeep_ingest.said import Bridge, Bridged, Ignored, Observed, Rejected, Urgent
from lampkeep_ingest.urgent_lane import FILTERS as FILTERS_OF_URGENT
from lampkeep_ingest.urgent_lane import UrgentLane

CLIENT_ID = "lampkeep-ingest-observation"

FILTERS = ("lampkeep/#",)
"""Everything: what comes over a wrong topic is recorded, and an observation over the urgent topic is kept."""

RECEIVE_MAXIMUM = 2000
"""Messages in hand at most: four batches, so that the broker sends on while one is committed."""

BATCH = 500
"""Messages of one transaction at most: about 15 ms of PostgreSQL's time, beyond which nothing is gained."""

TURN = 50
"""Messages after which the other lane gets its turn on the loop: about 1 ms."""

BATCH_WITHIN_S = 0.1
"""A batch is closed so long after its first message arrived."""

LOOK_EVERY_S = 0.005
"""How often a batch that is being filled is looked at."""

HELD_BACK_FROM = 20
"""A broker whose window is full sends nothing until it gets acknowledgements; 20 is the smallest in use (Mosquitto's
default). So a batch of so many that has stopped growing is closed early."""

MOST_WAITING = 10_000
"""As in the urgent lane: beyond this what the broker delivers again goes first, then whatever comes."""

LANE_LOCK = 7_021_121
"""The advisory lock; any constant does, all releases must share it."""

TRY_EVERY_S = 0.5
"""How often a copy in waiting asks for the lane."""

YOUNG_S = 60.0
"""How long after the urgent lane's session began messages may still come that were sent before it."""

ECHO_AFTER_S = 1.0
"""How long such a message waits for the urgent lane's own copy of it."""

QUIET_S = 1.0
"""After so long without a message the lane proves that it is still held."""

URGENT_SLASHES = FILTERS_OF_URGENT[0].count("/")

QUERIES = load(__package__)

T = TypeVar("T")


class LaneTakenError(Exception):
    """Another copy holds the lane."""


class RunningInbox(Inbox, Protocol):
    """An inbox that is kept connected while the lane is held."""

    async def run(self) -> None:
        """Stay connected until cancelled."""
        ...


Said = Observed | Bridged | Rejected


@dataclass(slots=True, kw_only=True)
class _Batch:
    """What is made of one batch of messages."""

    rows: list[ObservationRow] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)


def lane_link(url: str) -> Link:
    """A connection that holds the lane from its opening on; opening raises LaneTakenError where another copy does."""
    return Link(url, application="lampkeep-ingest-observation", on_open=_take_lane)


async def _take_lane(connection: AsyncConnection[DictRow]) -> None:
    await connection.execute(QUERIES["guard_session"])
    row = await (await connection.execute(QUERIES["take_lane"], {"key": LANE_LOCK})).fetchone()
    if row is None or not row["held"]:
        raise LaneTakenError


class ObservationLane:
    """Holds the lane when it can, and is ready to take it otherwise."""

    def __init__(
        self,
        link: Link,
        directory: SharedDirectory,
        urgent: UrgentLane,
        clock: Clock,
        *,
        inbox: Callable[[Callable[[Received], None]], RunningInbox],
        urgent_began_s: Callable[[], float],
    ) -> None:
        """`link` is made by `lane_link`; `inbox` makes the lane's session, given where messages go.

        `urgent_began_s` says since when (monotonic) the urgent lane's session of this copy exists at the broker.
        """
        self._link = link
        self._writer = ObservationWriter(link)
        self._directory = directory
        self._urgent = urgent
        self._urgent_began_s = urgent_began_s
        self._clock = clock
        self.inbox = inbox(self.take)
        self._waiting: deque[tuple[Received, Said]] = deque()
        self._in_work: list[Received] = []
        self._arrived = asyncio.Event()
        self._backoff = Backoff(first_s=0.1, longest_s=2.0)
        self.is_held = False
        self.is_elsewhere = False
        self._log = structlog.get_logger().bind(lane="observation")

    @property
    def backlog(self) -> int:
        """Messages received and not stored."""
        return len(self._waiting) + len(self._in_work)

    @property
    def oldest_at(self) -> datetime | None:
        """When the oldest of the backlog was received."""
        if self._in_work:
            return self._in_work[0].received_at
        return self._waiting[0][0].received_at if self._waiting else None

    def take(self, source: Received) -> None:
        """A message of this lane's session: urgent ones go on at once, the others wait for their batch."""
        said = decode(source.topic, source.payload)
        if source.size > HEAD_BYTES:
            source.payload = source.payload[:HEAD_BYTES]
        if isinstance(said, Urgent):
            self._urgent_message(source, said)
            return
        if isinstance(said, Ignored):
            source.inbox.acknowledge([source])  # not ours to keep
            return
        if len(self._waiting) >= MOST_WAITING:
            self._waiting = deque(one for one in self._waiting if not one[0].inbox.comes_again(one[0]))
        if len(self._waiting) >= MOST_WAITING:
            self._log.error(events.MESSAGES_DROPPED, waiting=len(self._waiting))
            return
        self._waiting.append((source, said))
        self._arrived.set()

    def _urgent_message(self, source: Received, said: Urgent) -> None:
        """On the wrong topic it goes on to the urgent lane; on its own the urgent lane's session has it, too.

        A session that is new may have begun after the message was sent: then this copy of it is the only one. It waits
        a moment, so that it comes second where it is not.
        """
        if not _is_urgent_topic(source.topic):
            self._urgent.offer(source, said)
        elif self._clock.monotonic() - self._urgent_began_s() < YOUNG_S:
            asyncio.get_running_loop().call_later(ECHO_AFTER_S, partial(self._urgent.offer, source, said, echo=True))
        else:
            source.inbox.acknowledge([source])

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._hold()
                self._backoff.reset()
            except LaneTakenError:
                self.is_elsewhere = True
                await asyncio.sleep(TRY_EVERY_S)
                continue
            except DatabaseUnavailableError:
                await self._backoff.wait()
                continue
            await self._work()

    async def _work(self) -> None:
        """While the lane is held: be connected and store."""
        self.is_held, self.is_elsewhere = True, False
        self._log.info(events.LANE_TAKEN)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.inbox.run(), name="observation-inbox")
                tasks.create_task(self._store_all(), name="observation-store")
        except* LaneTakenError:
            self._log.warning(events.LANE_LEFT)
        finally:
            self.is_held = False
            self._waiting.clear()  # not acknowledged: the broker delivers it to whoever holds the lane
            self._in_work = []

    async def _hold(self) -> None:
        """Prove that the lane is held, or take it."""
        async with self._link.use() as connection:
            await connection.execute("select 1")

    async def _store_all(self) -> None:
        """Batch after batch, each acknowledged after its commit; ends with LaneTakenError."""
        while True:
            taken = await self._next_batch()
            if not taken:
                await self._until_it_works(self._hold)
                continue
            reach("ingest.observations.received")
            counts = await self._until_it_works(partial(self._store, taken))
            self.inbox.acknowledge(self._in_work)
            reach("ingest.observations.after_ack")
            self._count(counts)
            self._in_work = []

    async def _next_batch(self) -> list[tuple[Received, Said]]:
        """What arrives within a batch's time from its first message on; empty when a second passes without any."""
        if not self._waiting:
            self._arrived.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(QUIET_S):
                    await self._arrived.wait()
        if not self._waiting:
            return []
        close_s = self._waiting[0][0].received_s + BATCH_WITHIN_S
        held_back = False
        while len(self._waiting) < BATCH and self._clock.monotonic() < close_s and not held_back:
            before = len(self._waiting)
            await asyncio.sleep(LOOK_EVERY_S)
            held_back = before >= HELD_BACK_FROM and len(self._waiting) == before
        taken = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        self._in_work = [source for source, _ in taken]
        return taken

    async def _store(self, taken: Sequence[tuple[Received, Said]]) -> Counts:
        batch = await self._identified(taken)
        if not batch.rows and not batch.rejected:
            return Counts()
        return await self._writer.store(batch.rows, batch.rejected)

    async def _identified(self, taken: Sequence[tuple[Received, Said]]) -> _Batch:
        if any(isinstance(said, Observed | Bridged) and device_of(said, self._directory) is None for _, said in taken):
            await self._directory.ensure(self._link, after_s=taken[-1][0].received_s)
        batch = _Batch()
        for number, (source, said) in enumerate(taken):
            if number % TURN == TURN - 1:
                await asyncio.sleep(0)
            refused = said if isinstance(said, Rejected) else self._identify(source, said, batch)
            if refused is not None:
                batch.rejected.append(
                    rejected_row(
                        source,
                        lane="observation",
                        account=refused.account,
                        device_id=refused.device_id,
                        reason=refused.reason,
                        detail=refused.detail,
                    )
                )
        return batch

    def _identify(self, source: Received, said: Observed | Bridged, batch: _Batch) -> Rejected | None:
        try:
            self._add(source, said, batch)
        except Exception as error:  # noqa: BLE001 - one message must never stop the stream
            return not_understood(said, error)
        return None

    def _add(self, source: Received, said: Observed | Bridged, batch: _Batch) -> None:
        device = device_of(said, self._directory)
        if device is None:
            if isinstance(said, Bridged) and (said.said is not Bridge.STATE or bridged_alarms(said, None)):
                return  # the urgent lane raises it, or nothing is lost by it
            foreign = is_foreign(said, self._directory)
            batch.rejected.append(foreign_row(said, source, "observation") if foreign else unknown_row(said, source))
        elif isinstance(said, Observed):
            batch.rows.append(observation_row(said, source, device, self._directory))
        else:
            batch.rows.extend(bridged_rows(said, source, device, self._directory))
            wrong = mistyped_row(said, source)
            if wrong is not None:
                batch.rejected.append(wrong)

    def _count(self, counts: Counts) -> None:
        for result in ("stored", "duplicate", "rejected"):
            MESSAGES.labels("observation", result).inc(getattr(counts, result))
        now_s = self._clock.monotonic()
        observe = STORE_SECONDS.labels("observation").observe
        for source in self._in_work:
            observe(now_s - source.received_s)

    async def _until_it_works(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try until the database is there; LaneTakenError where another copy was quicker then."""
        while True:
            try:
                done = await attempt()
            except DatabaseUnavailableError:
                await self._backoff.wait()
            else:
                self._backoff.reset()
                return done


def _is_urgent_topic(topic: str) -> bool:
    """Whether the urgent lane's session receives it as well."""
    return topic.startswith("lampkeep/v1/") and topic.endswith("/urgent") and topic.count("/") == URGENT_SLASHES
