from collections.abc import AsyncIterator

import pytest

from lampkeep_ingest.app import Ingest
from support.ingest_running import Bench, a_bench, running
from support.mosquitto import Broker


@pytest.fixture
async def bench(database_url: str, broker: Broker) -> AsyncIterator[Bench]:
    async with a_bench(database_url, broker.url) as made:
        yield made


@pytest.fixture
async def ingest(bench: Bench) -> AsyncIterator[Ingest]:
    async with running(bench) as made:
        yield made
