"""What acceptance tests start from: a running product around a short-stepped community."""

from collections.abc import AsyncIterator

import pytest

from support.communities import SHORT
from support.desk import Desk, open_desk
from support.mosquitto import Broker
from support.system import System, run_system


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_desk() as opened:
        yield opened


@pytest.fixture
async def system(database_url: str, broker: Broker, desk: Desk) -> AsyncIterator[System]:
    async with run_system(database_url, broker, desk, SHORT) as running:
        yield running
