"""What the endpoints work with, put together once by `app.run` (or by a test) and found on the application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from lampkeep.clock import Clock
from lampkeep.db.connections import pool
from lampkeep.settings import Settings
from lampkeep_api.alerts.feed import Feed
from lampkeep_api.auth.bearer import Bearer
from lampkeep_api.database import POOL_SIZE, STATEMENT_TIMEOUT_MS, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of one API process."""

    settings: Settings
    clock: Clock
    database: Database
    bearer: Bearer
    feed: Feed


@asynccontextmanager
async def assemble(settings: Settings, clock: Clock) -> AsyncIterator[Parts]:
    """Open the pool and start the feed; both survive the database's absence. Raises SettingsError without a URL."""
    url = settings.require_database_url()
    async with pool(
        url, application="lampkeep-api", size=POOL_SIZE, statement_timeout_ms=STATEMENT_TIMEOUT_MS
    ) as connections:
        database = Database(connections)
        feed = Feed(database, url=url, monotonic=clock.monotonic)
        async with feed.running():
            yield Parts(
                settings=settings,
                clock=clock,
                database=database,
                bearer=Bearer(database),
                feed=feed,
            )


def parts_of(request: Request) -> Parts:
    """The parts of the application that answers `request`."""
    parts = request.app.state.parts
    assert isinstance(parts, Parts)
    return parts


Using = Annotated[Parts, Depends(parts_of)]
"""An endpoint's parameter: `parts: Using`."""
