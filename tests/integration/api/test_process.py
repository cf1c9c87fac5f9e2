"""`lampkeep api` as a process: it serves, it stops at once though streams are open, and it says what is wrong."""

import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from lampkeep.clock import SystemClock
from lampkeep.registry.tokens import TokenRole, create
from support.api import following
from support.processes import free_port, run_process
from support.registry import applied, opened

LAMPKEEP = Path(sys.executable).with_name("lampkeep")


@pytest.fixture
async def token(database_url: str) -> AsyncIterator[str]:
    async with opened(database_url) as connection:
        await applied(connection)
        _, secret = await create(connection, name="desk", role=TokenRole.OPERATOR, area="*", now=SystemClock().now())
        yield secret


async def test_open_streams_do_not_hold_up_a_stop(database_url: str, token: str) -> None:
    at = f"127.0.0.1:{free_port()}"
    env = {"LAMPKEEP_DATABASE_URL": database_url, "LAMPKEEP_HTTP": at, "LAMPKEEP_LOG": "json"}
    async with run_process(LAMPKEEP, "api", name="api", env=env, ready_url=f"http://{at}/readyz") as child:
        async with following(f"http://{at}", token) as one, following(f"http://{at}", token) as two:
            began = time.monotonic()
            await child.stop()
            assert await one.next() is None
            assert await two.next() is None
        assert child.exit_code == 0
        assert time.monotonic() - began < 4
        assert "Traceback" not in child.output
        assert token not in child.output


async def test_an_address_that_is_taken_is_one_clear_line(database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        at = f"127.0.0.1:{door.getsockname()[1]}"
        env = {"LAMPKEEP_DATABASE_URL": database_url, "LAMPKEEP_HTTP": at}
        async with run_process(LAMPKEEP, "api", name="api", env=env) as child:
            assert await child.wait(within_s=30) == 2
            assert f"nobody can listen on {at}" in child.output
            assert "Traceback" not in child.output


async def test_it_starts_without_its_database_and_says_so() -> None:
    at = f"127.0.0.1:{free_port()}"
    env = {"LAMPKEEP_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "LAMPKEEP_HTTP": at}
    async with run_process(LAMPKEEP, "api", name="api", env=env, ready_url=f"http://{at}/healthz") as child:
        async with httpx.AsyncClient(timeout=15) as client:
            assert (await client.get(f"http://{at}/readyz")).status_code == 503
        await child.stop()
        assert child.exit_code == 0
