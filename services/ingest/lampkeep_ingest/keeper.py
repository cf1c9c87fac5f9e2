"""What ingest does beside its lanes, over one connection: heartbeat, registry, partitions, forgetting.

A failure here never stops a lane.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.clock import Clock
from lampkeep.contracts.messages import EARLIEST
from lampkeep.db.connections import DatabaseUnavailableError
from lampkeep.db.migrate import flavour, pending
from lampkeep.db.queries import load
from lampkeep_ingest import events
from lampkeep_ingest.backoff import Backoff
from lampkeep_ingest.database import Link
from lampkeep_ingest.registry import SharedDirectory
from lampkeep_ingest.unwatched import Gap

QUERIES = load(__package__)

BEAT_EVERY_S = 1.0
"""How often ingest says that it lives and how far its lanes are drained."""

REFRESH_EVERY_S = 5.0
"""How old the registry may be where no NOTIFY told of a change."""

PREPARE_EVERY_S = 3600.0
"""How often partitions are made, a week ahead."""

FORGET_EVERY_S = 60.0
"""How often old rows go."""

IDENTITIES_KEPT = timedelta(hours=25)
"""An id stands for one message for 24 h (contract section 2); an hour more forgives clocks and pauses."""

REJECTED_KEPT = timedelta(days=30)
"""Long enough for a maker to be asked about its device; an attacker's rubbish goes."""

CHUNK = 5000
"""Rows deleted in one statement: about 20 ms."""

CHUNKS = 100
"""Statements in a row at most: 500,000 rows a minute, more than 5,000 messages a second leave behind."""

Connection = AsyncConnection[DictRow]


class Keeper:
    """The loop of one copy."""

    def __init__(
        self,
        link: Link,
        directory: SharedDirectory,
        clock: Clock,
        *,
        instance: str,
        detail: Callable[[], dict[str, Any]],
        cleans: Callable[[], bool],
        gap: Callable[[], Gap | None],
        drained_before: Callable[[datetime | None], None],
    ) -> None:
        """`detail` is the heartbeat's; `cleans`: this copy forgets old rows (one does, the lane's holder).

        `gap` is what nobody watched, to be kept before the heartbeat says that all is drained; `drained_before` is told
        once up to when any copy had drained the lane.
        """
        self._gap = gap
        self._drained_before = drained_before
        self._link = link
        self._directory = directory
        self._clock = clock
        self.instance = instance
        self._detail = detail
        self._cleans = cleans
        self._prepared_s = self._forgot_s = float("-inf")
        self._forgotten_to = EARLIEST
        self._backoff = Backoff(first_s=0.2, longest_s=5.0)
        self._log = structlog.get_logger()
        self.flavour: str | None = None
        """`timescaledb` or `postgresql`; None until the database answered and was migrated."""

    async def run(self) -> None:
        """Until cancelled."""
        told_s = float("-inf")
        while True:
            try:
                await self._directory.ensure(self._link, after_s=max(told_s, self._clock.monotonic() - REFRESH_EVERY_S))
                async with self._link.use(deadline_s=60.0) as connection:
                    await self._beat(connection)
                    await self._clean(connection)
                    if await _told(connection):
                        told_s = self._clock.monotonic()
            except DatabaseUnavailableError as error:
                self._log.warning(events.HEARTBEAT_FAILED, error=str(error))
                await self._backoff.wait()
            else:
                self._backoff.reset()

    async def _beat(self, connection: Connection) -> None:
        if self.flavour is None:
            missing = await pending(connection)
            if missing:
                raise DatabaseUnavailableError(f"not migrated ({missing[0]}): run lampkeep migrate")
            row = await (await connection.execute(QUERIES["drained_before"])).fetchone()
            self._drained_before(row["until"] if row else None)
            self.flavour = await flavour(connection)
        gap = self._gap()
        if gap is not None:
            await connection.execute(
                QUERIES["keep_gap"], {"began_at": gap.began_at, "ended_at": gap.ended_at, "reason": gap.reason}
            )
            self._log.warning(
                events.UNWATCHED,
                began_at=gap.began_at.isoformat(),
                ended_at=gap.ended_at.isoformat(),
                reason=gap.reason,
            )
        await connection.execute(
            QUERIES["beat"],
            {"instance": self.instance, "now": self._clock.now(), "detail": orjson.dumps(self._detail()).decode()},
        )

    async def _clean(self, connection: Connection) -> None:
        now_s = self._clock.monotonic()
        if not self._cleans():
            return
        if now_s - self._prepared_s >= PREPARE_EVERY_S:
            await connection.execute(QUERIES["prepare_observations"], {"now": self._clock.now()})
            self._prepared_s = now_s
        if now_s - self._forgot_s >= FORGET_EVERY_S:
            self._forgot_s = now_s
            await self._forget(connection)

    async def _forget(self, connection: Connection) -> None:
        now = self._clock.now()
        before = now - IDENTITIES_KEPT
        values = {"after": self._forgotten_to, "before": before, "chunk": CHUNK}
        if await self._in_chunks(connection, "forget_observation_identities", values):
            self._forgotten_to = before
        await self._in_chunks(connection, "forget_rejection_identities", {"before": before, "chunk": CHUNK})
        await self._in_chunks(connection, "forget_rejected", {"before": now - REJECTED_KEPT, "chunk": CHUNK})

    async def _in_chunks(self, connection: Connection, query: str, values: dict[str, Any]) -> bool:
        """Whether all that `query` deletes is gone; some is left where there was very much."""
        deleted = 0
        for _ in range(CHUNKS):
            cursor = await connection.execute(QUERIES[query], values)
            deleted += cursor.rowcount
            if cursor.rowcount < CHUNK:
                self._log.debug(events.ROWS_FORGOTTEN, query=query, count=deleted)
                return True
        return False


async def listen(connection: Connection) -> None:
    """Prepare a new connection of the keeper's."""
    await connection.execute("listen lampkeep_registry")


async def _told(connection: Connection) -> bool:
    """Wait until the next heartbeat; True at once where the registry has changed."""
    async for _ in connection.notifies(timeout=BEAT_EVERY_S, stop_after=1):
        return True
    return False
