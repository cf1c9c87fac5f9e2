"""How the API uses the database: short transactions from a pool, tried again where PostgreSQL says that helps."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, LiteralString, TypeVar

import psycopg
import structlog
from psycopg import AsyncConnection, errors
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool

POOL_SIZE = 8
"""Enough for dozens of operators: a request holds a connection for a few milliseconds."""

STATEMENT_TIMEOUT_MS = 5_000
"""Half of a request's own deadline (`bounds.REQUEST_TIMEOUT_S`)."""

ATTEMPTS = 3
"""Serialization failures, deadlocks and lost connections are tried again this often in all."""

NOTIFY_FAILED = "database.notify_failed"

Row = DictRow
Connection = AsyncConnection[DictRow]
Parameters = Mapping[str, Any]
T = TypeVar("T")

_log = structlog.get_logger()


class Database:
    """Reads and transactions. Raises psycopg's errors; those that mean "away" become 503 at the edge."""

    def __init__(self, pool: AsyncConnectionPool[Connection]) -> None:
        """Work on `pool`, whose connections give rows as dicts."""
        self._pool = pool

    async def rows(self, query: LiteralString, parameters: Parameters | None = None) -> list[Row]:
        """All rows of one reading statement.

        It is never prepared: a list's optional filters need a plan for the values at hand, not one for all.
        """

        async def read(connection: Connection) -> list[Row]:
            return await (await connection.execute(query, parameters, prepare=False)).fetchall()

        return await self.transact(read)

    async def row(self, query: LiteralString, parameters: Parameters | None = None) -> Row | None:
        """The first row of one reading statement."""
        found = await self.rows(query, parameters)
        return found[0] if found else None

    async def transact(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` in one transaction; it may run again from the start, so it must not act on anything outside.

        A connection that is lost at the commit is not tried again: nobody knows whether it held.
        """
        for attempt in range(1, ATTEMPTS + 1):
            connection: Connection | None = None
            committing = False
            try:
                async with self._pool.connection() as connection:
                    result = await work(connection)
                    committing = True
            except (errors.SerializationFailure, errors.DeadlockDetected):
                if attempt == ATTEMPTS:
                    raise
            except psycopg.OperationalError:
                lost = connection is not None and connection.closed
                if attempt == ATTEMPTS or committing or not lost:
                    raise
            else:
                return result
        raise AssertionError("unreachable")

    async def use(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` once on a connection that is in no transaction; it begins and ends its own."""
        async with self._pool.connection() as connection:
            return await work(connection)

    async def notify(self, *channels: str) -> None:
        """Wake listeners, after the commit and best effort: everybody who listens also polls."""
        try:
            async with self._pool.connection() as connection:
                for channel in channels:
                    await connection.execute("select pg_notify(%s, '')", [channel])
        except psycopg.Error as error:
            _log.warning(NOTIFY_FAILED, channels=channels, error=type(error).__name__)
