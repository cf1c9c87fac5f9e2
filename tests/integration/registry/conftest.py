"""A connection to a fresh database."""

from collections.abc import AsyncIterator

import pytest
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from support.registry import opened


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[AsyncConnection[DictRow]]:
    async with opened(database_url) as connection:
        yield connection
