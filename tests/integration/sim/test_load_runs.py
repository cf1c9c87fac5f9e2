"""The load generators against a broker and a stub that stands for the product: what they measure is what happened."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import orjson
import pytest

from lampkeep_sim.community import Community, community_from
from lampkeep_sim.load import HookStub, flood_run, load_community, press_run
from lampkeep_sim.mqtt import Endpoint, Publish, Version
from lampkeep_sim.session import Link
from support.mosquitto import Broker
from support.station import Station, listening

DELAY_S = 0.1
"""What the stub takes from a press to its webhook."""


@pytest.fixture
async def hook() -> AsyncIterator[HookStub]:
    async with HookStub.open() as stub:
        yield stub


@asynccontextmanager
async def product(
    broker: Broker, hook: HookStub, *, tells: Callable[[str], bool] = lambda _: True
) -> AsyncIterator[Station]:
    """Receipts each press, and tells of those homes that `tells` lets through."""
    tasks: set[asyncio.Task[None]] = set()
    async with (
        listening(Endpoint.from_url(broker.url), Version.V311) as station,
        httpx.AsyncClient(trust_env=False) as client,
    ):

        async def tell(home_id: str) -> None:
            await asyncio.sleep(DELAY_S)
            alert = {"id": f"alert-{home_id}", "home_id": home_id}
            await client.post(
                hook.url, json={"alert": alert, "reason": "step", "responder": "w", "role": "grid_worker"}
            )

        receipt = station.hear

        def hear(publish: Publish) -> None:
            receipt(publish)
            home_id = "load-home-" + publish.topic.split("/")[3].rsplit("-", 1)[1]
            if publish.topic.endswith("/urgent") and tells(home_id):
                task = asyncio.create_task(tell(home_id))
                tasks.add(task)
                task.add_done_callback(tasks.discard)

        assert station.connection is not None
        station.connection._on_publish = hear
        yield station
        await asyncio.gather(*tasks)


def parish(hook: HookStub, homes: int, *, sensors: bool = True) -> Community:
    return community_from(load_community(homes, hook.url, sensors=sensors))


def link(broker: Broker) -> Link:
    return Link(endpoint=Endpoint.from_url(broker.url), version=Version.V311)


async def test_a_press_is_timed_from_the_intended_instant_to_the_first_byte(nats: Broker, hook: HookStub) -> None:
    async with product(nats, hook):
        report = await press_run(parish(hook, 10), link(nats), hook, presses=10, rate=50, background=100)
    assert (report.press_to_post.n, report.press_to_post.missing) == (10, 0)
    assert DELAY_S * 1000 <= report.press_to_post.p50_ms < 1000
    assert report.press_to_receipt.p50_ms < report.press_to_post.p50_ms
    assert sum(not one.urgent for one in report.sent) == 20
    assert {one.message_id.rsplit("-", 1)[0] for one in report.sent} == {report.prefix}


async def test_a_press_of_which_nobody_is_told_is_missing_and_infinitely_late(nats: Broker, hook: HookStub) -> None:
    async with product(nats, hook, tells=lambda home_id: not home_id.endswith("3")):
        report = await press_run(parish(hook, 5, sensors=False), link(nats), hook, presses=5, rate=50, settle_s=0.5)
    assert (report.press_to_post.missing, report.press_to_post.max_ms) == (1, math.inf)
    assert report.press_to_receipt.missing == 0


async def test_a_flood_keeps_its_rate_and_counts_every_acknowledgement(nats: Broker, hook: HookStub) -> None:
    async with listening(Endpoint.from_url(nats.url), Version.V311) as station:
        report = await flood_run(parish(hook, 5), link(nats), rate=400, duration_s=1.0)
        await station.until(lambda: len(observed(station)) == 400)
    assert (report.offered, report.puback.n, report.puback.missing) == (400, 400, 0)
    assert report.acked_rate > 200
    assert len({orjson.loads(one.payload)["id"] for one in observed(station)}) == 400
    assert report.stored is None


def observed(station: Station) -> list[Publish]:
    return [one for one in station.heard if one.topic.endswith("/observation")]


async def test_more_presses_than_pendants_are_refused(nats: Broker, hook: HookStub) -> None:
    with pytest.raises(ValueError, match="3 presses need as many pendants"):
        await press_run(parish(hook, 2), link(nats), hook, presses=3, rate=50)
