"""One dedicated connection of a lane: opened when it is needed, dropped when it fails, opened again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.db.connections import DatabaseUnavailableError, connect
from lampkeep_ingest import events
from lampkeep_ingest.cancellation import is_cancelled

UNAVAILABLE = (psycopg.Error, OSError, TimeoutError)
"""After these the same rows may be stored at another try: whatever is not `POISON`, a schema that is not migrated yet
and a standby that is read-only included."""

POISON = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,
    TypeError,
    ValueError,
    RecursionError,
)
"""These lie in a row and will be there at every try."""

DEADLINE_S = 15.0
"""A transaction takes a few milliseconds; PostgreSQL's own timeouts (10 s a statement) come first."""


OnOpen = Callable[[AsyncConnection[DictRow]], Awaitable[None]]


class Link:
    """A connection that is there again when it was lost. Not to be used by two tasks at once: see `use`."""

    def __init__(self, url: str, *, application: str, on_open: OnOpen | None = None) -> None:
        """Nothing is opened yet. `on_open` prepares each new connection; what it raises closes it again."""
        self._url = url
        self._application = application
        self._on_open = on_open
        self._connection: AsyncConnection[DictRow] | None = None
        self._lock = asyncio.Lock()
        self._log = structlog.get_logger().bind(connection=application)
        self.trouble: str | None = "not connected yet"
        """Why it cannot be used, in one line; None while it can."""

    @property
    def is_open(self) -> bool:
        """Whether the last use went well; a session lock taken then is still held."""
        return self._connection is not None and not self._connection.closed and self.trouble is None

    @asynccontextmanager
    async def use(self, *, deadline_s: float = DEADLINE_S) -> AsyncIterator[AsyncConnection[DictRow]]:
        """The connection, for this task alone, for at most `deadline_s`.

        An error of the database (other than a poisonous row) or the deadline drops it, so that the next use opens
        another; it is raised as DatabaseUnavailableError.
        """
        async with self._lock:
            try:
                async with asyncio.timeout(deadline_s):
                    connection = await self._open()
                    yield connection
            except POISON:
                raise
            except (DatabaseUnavailableError, *UNAVAILABLE) as error:
                await self._drop(error)
                if is_cancelled():  # psycopg may answer a cancellation with the server's word that it cancelled
                    raise asyncio.CancelledError from error
                raise DatabaseUnavailableError(_line(error)) from error
            except BaseException:
                await self.close()  # cancelled in the middle of a conversation: its state is not known
                raise

    async def close(self) -> None:
        """Close what is open."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*UNAVAILABLE):
                await connection.close()

    async def _open(self) -> AsyncConnection[DictRow]:
        if self._connection is None or self._connection.closed:
            self._connection = await connect(self._url, application=self._application, autocommit=True)
            if self.trouble is not None:
                self._log.info(events.DATABASE_CONNECTED)
            self.trouble = None
            if self._on_open is not None:
                await self._on_open(self._connection)
        return self._connection

    async def _drop(self, error: BaseException) -> None:
        if self.trouble is None:
            self._log.warning(events.DATABASE_LOST, error=_line(error))
        self.trouble = _line(error)
        await self.close()


def _line(error: BaseException) -> str:
    """The first line of an error: the rest may hold values of rows."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
