"""The stream's source: one poller a process reads the timeline in its order and fans it out to every open stream.

The truth is the table: a stream that was cut, for slowness or by a restart, resumes from `Last-Event-ID` by reading it
there. A stream is never left open while nothing is known: when the database is away for `BLIND_AFTER_S` all end.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson
import psycopg
import structlog
from psycopg_pool import PoolTimeout

from lampkeep.db.connections import DatabaseUnavailableError, connect
from lampkeep.db.queries import load
from lampkeep_api.alerts.schemas import alert_from
from lampkeep_api.auth.bearer import Caller
from lampkeep_api.database import Database, Row

POLL_S = 0.25
"""The safety net behind NOTIFY; a console may be one second behind at most."""

SETTLE_S = 0.03
"""After a NOTIFY: older transactions hide a new row until they end, so look again this much later."""

PAGE = 500
"""Rows read at once, by the poller and by a stream that catches up."""

QUEUE = 500
"""Frames that wait for one stream; a client that far behind is cut and resumes by its id."""

BLIND_AFTER_S = 5.0
"""Without a successful poll for this long no stream stays open."""

GAP_S = 0.02
"""Shortest pause between two polls: a flood of NOTIFYs is answered in batches."""

TOKENS_EVERY_S = 1.0
"""How often the tokens of open streams are looked at: a revoked one loses its streams within two of these."""

LISTEN_AGAIN_S = 2.0
"""Pause before LISTEN is tried again after its connection was lost; polling goes on meanwhile."""

FEED_BLIND = "stream.feed_blind"
STREAM_CUT = "stream.cut"

_AWAY = (psycopg.Error, PoolTimeout, DatabaseUnavailableError, OSError, TimeoutError)

QUERIES = load(__package__)

_log = structlog.get_logger()


class Position(NamedTuple):
    """A place in the stream. Ordered: transactions by their id, rows of one by `seq`."""

    xact: int
    seq: int

    @property
    def text(self) -> str:
        """The event id, `<transaction>-<row>`."""
        return f"{self.xact}-{self.seq}"

    @classmethod
    def parse(cls, text: str) -> "Position":
        """The position that `text` names; ValueError where it names none."""
        xact, dash, seq = text.partition("-")
        numbers = (xact, seq)
        if not dash or not all(one.isascii() and one.isdigit() and len(one) <= 18 for one in numbers):
            raise ValueError(f"{text[:40]!r} is no event id of this stream")
        return cls(int(xact), int(seq))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One event, ready for the wire, and what decides who may see it."""

    position: Position
    home_id: str | None
    path: tuple[str, ...]
    payload: bytes

    def visible_to(self, caller: Caller) -> bool:
        """The area scope, as the lists have it."""
        if self.home_id is None:
            return caller.is_operator
        return caller.area_id is None or caller.area_id in self.path


def frame_from(row: Row) -> Frame:
    """The frame of one row of `stream_rows`."""
    position = Position(int(row["xact"]), row["seq"])
    event = alert_from(row).model_dump(mode="json") | {"what": row["what"]}
    payload = b"id: %s\nevent: alert\ndata: %s\n\n" % (position.text.encode(), orjson.dumps(event))
    return Frame(position=position, home_id=row["home_id"], path=tuple(row["path"]), payload=payload)


@dataclass(slots=True, eq=False)
class Subscription:
    """One open stream: what waits for it, and whether it still may run. `start` is where its live part begins."""

    caller: Caller
    start: Position
    waiting: asyncio.Queue[Frame] = field(default_factory=lambda: asyncio.Queue(QUEUE))
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, frame: Frame) -> None:
        """Queue a frame that the caller may see; a full queue ends the stream."""
        if self.ended.is_set() or not frame.visible_to(self.caller):
            return
        try:
            self.waiting.put_nowait(frame)
        except asyncio.QueueFull:
            self.cut("too_slow")

    def cut(self, reason: str) -> None:
        """End the stream; its client comes back with the last id it saw."""
        if not self.ended.is_set():
            _log.info(STREAM_CUT, reason=reason, token_id=self.caller.token_id)
            self.ended.set()


class Feed:
    """Polls the timeline and offers what is new to every subscription."""

    def __init__(self, database: Database, *, url: str, monotonic: Callable[[], float]) -> None:
        """Read through `database`; `url` is for a connection of its own that LISTENs; `monotonic` in seconds."""
        self._database = database
        self._url = url
        self._monotonic = monotonic
        self._position: Position | None = None
        self._subscriptions: set[Subscription] = set()
        self._woken = asyncio.Event()
        self._polling = asyncio.Lock()
        self._seen_at = monotonic()
        self._tokens_at = monotonic()
        self._closed = False

    @property
    def position(self) -> Position | None:
        """Up to where the timeline has been read; None until the database was first reached, or while it is away."""
        return None if self._is_blind else self._position

    @property
    def open_streams(self) -> int:
        """How many streams are open."""
        return len(self._subscriptions)

    @contextmanager
    def subscribe(self, caller: Caller, start: Position) -> Iterator[Subscription]:
        """Take part in everything after `start`, which must be the present `position`."""
        subscription = Subscription(caller, start)
        if self._closed:
            subscription.cut("shutdown")
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    async def replay(self, after: Position, until: Position) -> AsyncIterator[list[Frame]]:
        """Pages of everything after `after`, up to and with `until`, for any caller."""
        while after < until:
            frames = [frame for frame in await self._read(after) if frame.position <= until]
            if not frames:
                return
            yield frames
            after = frames[-1].position

    async def believed(self, position: Position, start: Position) -> Position:
        """`position`, or `start` where it lies in a future that this database does not have (it was restored)."""
        if position <= start:
            return position
        row = await self._database.row(QUERIES["stream_horizon"])
        return position if row and position.xact < int(row["xact"]) else start

    def close(self) -> None:
        """End every stream, now and from now on: the process is about to stop."""
        self._closed = True
        self._cut_all("shutdown")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Poll and listen in the background."""
        tasks = [asyncio.create_task(self._poll_for_ever()), asyncio.create_task(self._listen_for_ever())]
        try:
            yield
        finally:
            self.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def poll(self) -> None:
        """Read what is new and hand it out. Raises psycopg's errors."""
        async with self._polling:
            if self._position is None:
                self._position = await self._tail()
            while await self._poll_page(self._position) == PAGE:
                pass

    async def _poll_page(self, after: Position) -> int:
        frames = await self._read(after)
        for frame in frames:
            for subscription in tuple(self._subscriptions):
                subscription.offer(frame)
        if frames:
            self._position = frames[-1].position
        self._seen_at = self._monotonic()
        return len(frames)

    async def _poll_for_ever(self) -> None:
        while True:
            woken = self._woken.is_set()
            self._woken.clear()
            try:
                await self.poll()
                await self._drop_revoked()
            except _AWAY as error:
                self._go_blind(type(error).__name__)
            await asyncio.sleep(GAP_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_S if woken else POLL_S):
                    await self._woken.wait()

    async def _listen_for_ever(self) -> None:
        while True:
            with contextlib.suppress(*_AWAY):
                async with await connect(self._url, application="lampkeep-api-listen", autocommit=True) as connection:
                    await connection.execute("listen lampkeep_alerts")
                    async for _ in connection.notifies():
                        self._woken.set()
            await asyncio.sleep(LISTEN_AGAIN_S)

    async def _tail(self) -> Position:
        row = await self._database.row(QUERIES["stream_tail"])
        return Position(int(row["xact"]), row["seq"]) if row else Position(0, 0)

    async def _read(self, after: Position) -> list[Frame]:
        parameters = {"xact": str(after.xact), "seq": after.seq, "limit": PAGE}
        return [frame_from(row) for row in await self._database.rows(QUERIES["stream_rows"], parameters)]

    async def _drop_revoked(self) -> None:
        if self._monotonic() - self._tokens_at < TOKENS_EVERY_S:
            return
        self._tokens_at = self._monotonic()
        token_ids = list({subscription.caller.token_id for subscription in self._subscriptions})
        if not token_ids:
            return
        rows = await self._database.rows(QUERIES["tokens_still_good"], {"token_ids": token_ids})
        good = {row["token_id"] for row in rows}
        for subscription in tuple(self._subscriptions):
            if subscription.caller.token_id not in good:
                subscription.cut("token_revoked")

    @property
    def _is_blind(self) -> bool:
        return self._monotonic() - self._seen_at > BLIND_AFTER_S

    def _go_blind(self, reason: str) -> None:
        if self._is_blind:
            if self._subscriptions:
                _log.warning(FEED_BLIND, reason=reason, streams=len(self._subscriptions))
            self._cut_all("database_away")

    def _cut_all(self, reason: str) -> None:
        for subscription in tuple(self._subscriptions):
            subscription.cut(reason)
