"""Lines: dedicated connections that come back by themselves, and the transactions run on them.

Each worker has a line of its own, so that nothing waits for a connection behind something slow.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow

from lampkeep.db.connections import DatabaseUnavailableError, connect

Connection = AsyncConnection[DictRow]
T = TypeVar("T")

_OPEN = {TransactionStatus.INTRANS, TransactionStatus.INERROR}

WORK_S = 20.0
"""A piece of work that takes longer hangs: statements end after 10 s by themselves, so this is a dead network."""

ATTEMPTS = 4
"""A conflict or a lost connection is tried again so often before the worker's own loop takes over."""

PAUSE_S = 0.05
"""Before the second attempt; doubles."""


@asynccontextmanager
async def in_one_go(connection: Connection) -> AsyncIterator[None]:
    """A transaction in pipeline mode: statements travel together until an answer is read, and the commit with the last.

    psycopg's own `transaction()` waits for an answer to its BEGIN and again before its COMMIT, which costs three round
    trips more. Answers that were not read inside can be read afterwards: they came with the commit.
    """
    try:
        async with connection.pipeline():
            await connection.execute("begin")
            yield
            await connection.execute("commit")
    except BaseException:
        if not connection.closed and connection.info.transaction_status in _OPEN:
            await connection.execute("rollback")
        raise


class Line:
    """One dedicated connection in autocommit: single statements commit, `transaction()` groups."""

    def __init__(self, url: str, *, application: str) -> None:
        """Nothing is opened yet; `application` shows in pg_stat_activity."""
        self._url = url
        self._application = application
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()
        self.up = False

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Do `work`, once more after a serialization conflict, a deadlock or the loss of the connection.

        `work` must hold its own transaction and touch nothing in memory: it may be run again. Raises
        DatabaseUnavailableError when the database stays away; other errors of psycopg as they are.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._once(work)
            except (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError, DatabaseUnavailableError) as error:
                if attempt == ATTEMPTS:
                    raise DatabaseUnavailableError(f"{self._application}: {type(error).__name__}") from error
                await asyncio.sleep(PAUSE_S * 2**attempt)
        raise AssertionError("unreachable")

    async def _once(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async with self._turn:
            try:
                async with asyncio.timeout(WORK_S):
                    connection = await self._connected()
                    result = await work(connection)
            except BaseException:
                await self._drop()
                raise
            return result

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self.up = False
            self._connection = await connect(self._url, application=self._application, autocommit=True)
            self._connection.prepare_threshold = 2
            self.up = True
        return self._connection

    async def _drop(self) -> None:
        """What a failure left is not built on, however whole it looks: psycopg takes for prepared what it sent behind
        the failing statement of a pipeline, the server skipped it, and no later use would work."""
        connection, self._connection, self.up = self._connection, None, False
        if connection is not None:
            await connection.close()

    async def close(self) -> None:
        """Hang up."""
        self.up = False
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
