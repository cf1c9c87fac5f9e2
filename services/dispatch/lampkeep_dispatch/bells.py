"""Bells: what wakes the workers. LISTEN is for speed, each worker's own slow look is the safety net."""

import asyncio
import random
from collections.abc import Iterable

import psycopg
import structlog
from psycopg import sql

from lampkeep.db.connections import DatabaseUnavailableError, connect
from lampkeep_dispatch import events

URGENT = "lampkeep_urgent"
ACTS = "lampkeep_acts"

RECONNECT_S = 0.5
"""Before listening again after the connection was lost; half to one and a half of it. Polling covers the gap."""

log = structlog.get_logger()


class Bells:
    """Events by channel: a notification, or one's own process, rings all that are hung there."""

    def __init__(self) -> None:
        """No bells yet."""
        self._hung: dict[str, list[asyncio.Event]] = {}
        self.listening = False

    def hang(self, channel: str) -> asyncio.Event:
        """An event that is set when `channel` rings."""
        bell = asyncio.Event()
        self._hung.setdefault(channel, []).append(bell)
        return bell

    def ring(self, channel: str) -> None:
        """Wake everybody at `channel`."""
        for bell in self._hung.get(channel, ()):
            bell.set()

    async def listen(self, url: str, channels: Iterable[str]) -> None:
        """Ring for what PostgreSQL notifies, for ever; rings all once after every connect: something may be waiting."""
        wanted = tuple(channels)
        while True:
            try:
                await self._listen_once(url, wanted)
            except (psycopg.Error, DatabaseUnavailableError, OSError) as error:
                log.warning(events.LISTENER_LOST, error=type(error).__name__)
            finally:
                self.listening = False
            await asyncio.sleep(RECONNECT_S * (0.5 + random.random()))  # noqa: S311 - jitter

    async def _listen_once(self, url: str, channels: tuple[str, ...]) -> None:
        async with await connect(url, application="lampkeep-dispatch-listen", autocommit=True) as connection:
            for channel in channels:
                await connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
            self.listening = True
            for channel in channels:
                self.ring(channel)
            async for notification in connection.notifies():
                self.ring(notification.channel)
