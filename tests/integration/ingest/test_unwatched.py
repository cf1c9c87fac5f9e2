"""Our own absence: what the broker kept for us was watched, what it did not keep was not."""

import asyncio
from urllib.parse import urlsplit

import aiomqtt
import pytest

from lampkeep_ingest.observation_lane import CLIENT_ID
from support.ingest_running import Bench, eventually, running

AWAY_S = 2.5
"""Longer than what counts as a blink."""


async def watched(bench: Bench) -> None:
    """Run ingest until it has told that the lane is drained."""
    async with running(bench):
        before = await bench.rows("select now() as at")

        async def drained() -> bool:
            rows = await bench.rows("select detail #>> '{watched_until,observation}' as until from service_heartbeats")
            return any(row["until"] is not None and row["until"] >= f"{before[0]['at']:%Y-%m-%d}" for row in rows)

        await eventually(drained)
        await asyncio.sleep(1.2)  # one more heartbeat


async def reasons(bench: Bench) -> list[str]:
    return [row["reason"] for row in await bench.rows("select reason from unwatched order by began_at")]


@pytest.mark.mosquitto
async def test_what_the_broker_kept_while_ingest_was_down_was_watched(bench: Bench) -> None:
    await watched(bench)
    assert await reasons(bench) == []
    await bench.say("gw-1/pir-1", "motion")
    await asyncio.sleep(AWAY_S)
    await watched(bench)
    assert await bench.count("observations") == 1
    assert await reasons(bench) == []


async def test_a_session_that_the_broker_did_not_keep_leaves_a_gap(bench: Bench) -> None:
    await watched(bench)
    where = urlsplit(bench.mqtt_url)
    async with aiomqtt.Client(
        where.hostname or "", where.port or 1883, username=where.username, password=where.password, identifier=CLIENT_ID
    ):
        pass  # a clean session under the same name ends the stored one
    await asyncio.sleep(AWAY_S)
    await watched(bench)
    assert await reasons(bench) == ["session_lost"]
    (gap,) = await bench.rows("select extract(epoch from ended_at - began_at) as seconds from unwatched")
    assert 2 <= gap["seconds"] <= 15
