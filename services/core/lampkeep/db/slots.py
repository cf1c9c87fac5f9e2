"""Slots: numbers that tell the copies of a service apart without anybody having to hand them out.

A copy takes the lowest free number as an advisory lock of a session that it keeps open, so a number is free again as
soon as its copy is gone, and one copy alone is always number 1: what the broker keeps under its name is found again
after a restart.
"""

import asyncio
import random
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.db.connections import DatabaseUnavailableError, connect

SLOTS = 64
"""Numbers there are: far more copies than one community needs, and few enough to be tried one by one."""

LOOK_EVERY_S = 2.0
"""How often the connection is asked whether it still lives; a closed one is noticed at once."""

ANSWER_S = 5.0
"""A connection that does not answer within this is lost."""

FIRST_PAUSE_S = 0.25
"""Before the second attempt to reach the database; doubles."""

LONGEST_PAUSE_S = 5.0
"""Between attempts while the database is away, or all numbers are taken."""

CLAIMED = "slot.claimed"
MOVED = "slot.moved"
LOST = "slot.lost_connection"
FULL = "slot.none_free"

_SESSION = (
    "set idle_session_timeout = 0",
    # The server lets go of the number of a copy whose machine vanished within about 10 s.
    "set tcp_keepalives_idle = 5",
    "set tcp_keepalives_interval = 2",
    "set tcp_keepalives_count = 3",
)

_GHOST = """
select pg_terminate_backend(pid) from pg_stat_activity
where pid = %(pid)s and backend_start = %(since)s and application_name = %(application)s
"""

log = structlog.get_logger()

Connection = AsyncConnection[DictRow]


@dataclass(slots=True)
class Slot:
    """The number that this copy holds, from 1; `name` is that number, or what the copy was named.

    `moved` is called after the number changed, which happens only where the connection was lost and another copy was
    quicker to take the old one.
    """

    number: int | None
    name: str
    moved: list[Callable[[str], None]] = field(default_factory=list)


@asynccontextmanager
async def claim_slot(url: str, service: str, *, name: str | None = None) -> AsyncIterator[Slot]:
    """Hold a number of `service` for the length of the block; waits while the database is away or no number is free.

    With a `name` that somebody chose, no number is taken and the database is not asked.
    """
    if name is not None:
        yield Slot(None, name)
        return
    holder = _Holder(url, service)
    try:
        slot = await holder.claim()
        guard = asyncio.create_task(holder.guard(), name=f"{service}-slot")
        try:
            yield slot
        finally:
            guard.cancel()
            await asyncio.gather(guard, return_exceptions=True)
    finally:
        await holder.hang_up()


class _Holder:
    """The connection behind a slot."""

    def __init__(self, url: str, service: str) -> None:
        self._url = url
        self._service = service
        self._application = f"lampkeep-{service}-slot"
        self._key = zlib.crc32(f"lampkeep/{service}".encode()) - 2**31
        self._connection: Connection | None = None
        self._session: tuple[int, datetime] | None = None
        self._slot: Slot | None = None

    async def claim(self) -> Slot:
        """The slot, once the database gives one; logs once that it must wait for it."""
        pause_s, said = FIRST_PAUSE_S, False
        while True:
            try:
                async with asyncio.timeout(2 * ANSWER_S):
                    number = await self._take()
                if number is not None:
                    return self._holds(number)
                event, error = FULL, "all numbers are taken"
            except (DatabaseUnavailableError, psycopg.Error, OSError, TimeoutError) as problem:
                event, error = LOST, type(problem).__name__
            await self.hang_up()
            if not said:
                log.warning(event, service=self._service, error=error)
            said = True
            await asyncio.sleep(pause_s * (0.5 + random.random() / 2))  # noqa: S311 - jitter
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def guard(self) -> None:
        """Take the number again whenever the connection was lost, for ever."""
        while True:
            with suppress(psycopg.Error, OSError, TimeoutError):
                await self._until_lost()
            log.warning(LOST, service=self._service, error="connection lost")
            await self.hang_up()
            await self.claim()

    async def hang_up(self) -> None:
        """Give the number back."""
        if self._connection is not None:
            with suppress(psycopg.Error, OSError):
                await self._connection.close()
            self._connection = None

    async def _take(self) -> int | None:
        """The number held before, else the lowest that is free; None where none is."""
        self._connection = connection = await connect(self._url, application=self._application, autocommit=True)
        for setting in _SESSION:
            await connection.execute(setting)
        if self._session is not None:
            # Our own lost session may still live on the server and hold the number.
            pid, since = self._session
            ghost = {"pid": pid, "since": since, "application": self._application}
            await connection.execute(_GHOST, ghost)
        row = await _row(connection, "select backend_start as since from pg_stat_activity where pid = pg_backend_pid()")
        self._session = (connection.info.backend_pid, row["since"])
        held = self._slot.number if self._slot else None
        for number in ([held] if held else []) + [one for one in range(1, SLOTS + 1) if one != held]:
            wanted = {"key": self._key, "number": number}
            row = await _row(connection, "select pg_try_advisory_lock(%(key)s::int, %(number)s::int) as taken", wanted)
            if row["taken"]:
                return number
        return None

    def _holds(self, number: int) -> Slot:
        slot, name = self._slot, str(number)
        if slot is None:
            self._slot = slot = Slot(number, name)
            log.info(CLAIMED, service=self._service, number=number)
        elif slot.number != number:
            log.warning(MOVED, service=self._service, number=number, before=slot.number)
            slot.number, slot.name = number, name
            for moved in slot.moved:
                moved(name)
        return slot

    async def _until_lost(self) -> None:
        connection = self._connection
        assert connection is not None
        while True:
            # Nothing is listened to: waiting for notifications is how a closed connection shows at once.
            async for _ in connection.notifies(timeout=LOOK_EVERY_S):
                pass
            async with asyncio.timeout(ANSWER_S):
                await connection.execute("select 1")


async def _row(connection: Connection, query: str, parameters: Mapping[str, object] | None = None) -> DictRow:
    row = await (await connection.execute(query, parameters)).fetchone()
    assert row is not None
    return row
