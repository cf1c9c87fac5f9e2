"""The API on a fresh database with the example community."""

from collections.abc import AsyncIterator

import pytest

from support.api import OTHER_AREA, Api, api_on


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Api]:
    async with api_on(database_url, changes=OTHER_AREA) as api:
        yield api
