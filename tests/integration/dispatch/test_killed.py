"""SIGKILL at the worst instants: every press has one alert and a delivery, and a retry carries the same id."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from support.dispatching import Bench, community

PROGRAM = (
    "import asyncio; from lampkeep.settings import load; from lampkeep.logging import configure;"
    "from lampkeep_dispatch.app import run; s = load(); configure(s); asyncio.run(run(s))"
)

LEASE_S = 6
"""A claim of the dead is taken over after this."""


@asynccontextmanager
async def dispatcher(bench: Bench, *, fault: str = "", http: str = "127.0.0.1:0") -> AsyncIterator[Process]:
    """A copy of dispatch in a process of its own; killed at the end where it still runs."""
    environment = os.environ | {
        "LAMPKEEP_DATABASE_URL": bench.url,
        "LAMPKEEP_HTTP": http,
        "LAMPKEEP_MQTT_URL": "mqtt://127.0.0.1:9",
        "LAMPKEEP_LOG_LEVEL": "error",
        "LAMPKEEP_FAULT": fault,
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, env=environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("fault", ["dispatch.before_alert", "dispatch.before_send", "dispatch.after_send"])
async def test_after_a_kill_every_press_has_one_alert_and_a_delivery(bench: Bench, fault: str) -> None:
    await bench.apply(community(bench.desk, homes=20, steps="[{to: [grid_worker], after: 0s}]"))
    for number in range(1, 21):
        await bench.press(f"pendant-{number:03d}", notify=False)
    async with dispatcher(bench, fault=f"{fault}:7") as process:
        async with asyncio.timeout(30):
            assert await process.wait() == -signal.SIGKILL
    async with dispatcher(bench):
        await bench.desk.wait_for(
            lambda _: len({call.body["alert"]["id"] for call in bench.desk.to("/wang")}) == 20, timeout_s=LEASE_S + 20
        )
        await bench.eventually(
            "select 1 where not exists (select 1 from notifications where reason = 'step' and state = 'pending')",
            timeout_s=LEASE_S + 10,
        )
    assert await bench.row("select count(*) as n, count(distinct home_id) as homes from alerts") == {
        "n": 20,
        "homes": 20,
    }
    assert await bench.row("select count(*) as n from steps") == {"n": 20}
    by_alert: dict[str, set[str]] = {}
    for call in bench.desk.to("/wang"):
        by_alert.setdefault(call.body["alert"]["id"], set()).add(call.notification_id)
    assert {len(ids) for ids in by_alert.values()} == {1}, "a retry carries the same id"


async def test_sigterm_ends_within_10_s_and_loses_nothing(bench: Bench) -> None:
    await bench.apply(community(bench.desk, homes=20, steps="[{to: [grid_worker], after: 0s}]"))
    async with dispatcher(bench) as process:
        await bench.eventually("select 1 from service_heartbeats where service = 'dispatch'", timeout_s=20)
        for number in range(1, 21):
            await bench.press(f"pendant-{number:03d}")
        await bench.desk.wait_for(bool)
        process.terminate()
        async with asyncio.timeout(10):
            assert await process.wait() == 0
    async with dispatcher(bench):
        await bench.desk.wait_for(
            lambda _: len({call.body["alert"]["id"] for call in bench.desk.to("/wang")}) == 20, timeout_s=LEASE_S + 20
        )


async def test_it_waits_for_a_database_that_is_away_and_stops_when_told(bench: Bench) -> None:
    bench.url = "postgresql://nobody@127.0.0.1:9/nothing"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        http = f"127.0.0.1:{free.getsockname()[1]}"
    async with dispatcher(bench, http=http) as process, httpx.AsyncClient(base_url=f"http://{http}") as client:
        async with asyncio.timeout(30):
            while not await _alive(client):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["parts"]["database"]["ok"]) == (503, False)
        process.terminate()
        async with asyncio.timeout(10):
            assert await process.wait() == 0


async def _alive(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/healthz")).status_code == 200
    except httpx.TransportError:
        return False
