"""What dispatch's integration tests share."""

from collections.abc import AsyncIterator

import pytest

from support.dispatching import Bench, bench_on


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    async with bench_on(database_url) as opened:
        yield opened
