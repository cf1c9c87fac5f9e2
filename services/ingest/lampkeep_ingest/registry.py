"""The registry as both lanes see it: one directory, refreshed when it may be behind."""

import asyncio

from lampkeep.clock import Clock
from lampkeep.registry.cache import Directory
from lampkeep_ingest.database import Link

LOAD_DEADLINE_S = 60.0
"""For the first reading of 300,000 devices; later ones read only what has changed."""


class SharedDirectory(Directory):
    """A directory that two lanes refresh, one at a time."""

    def __init__(self, clock: Clock) -> None:
        """Empty, and older than everything."""
        super().__init__()
        self._clock = clock
        self._lock = asyncio.Lock()
        self.refreshed_s: float | None = None
        """Monotonic instant at which the last successful refresh began; None before the first."""

    async def ensure(self, link: Link, *, after_s: float) -> bool:
        """Refresh over `link` unless that was done after `after_s` (monotonic); True where anything had changed.

        A device that is unknown to a directory refreshed after its message came is not registered.
        DatabaseUnavailableError: it is as old as before.
        """
        async with self._lock:
            if self.refreshed_s is not None and self.refreshed_s > after_s:
                return False
            began_s = self._clock.monotonic()
            async with link.use(deadline_s=LOAD_DEADLINE_S) as connection:
                changed = await self.refresh(connection)
            self.refreshed_s = began_s
            return changed
