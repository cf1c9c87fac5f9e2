"""What every channel promises, held against the fake and against the webhook on a real local server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import uuid4

import pytest

from lampkeep import ports
from lampkeep.clock import SystemClock
from lampkeep.ports import Accepted, ChannelSpec, Delivered, Final, Outgoing, Result, Retry
from lampkeep.registry.rows import Channel
from lampkeep.testing import FakeChannel
from lampkeep_dispatch.channels import webhook
from support.desk import ACCEPTED, Answer, open_desk


@dataclass
class Bench:
    """A channel and the spec by which its peer behaves so."""

    channel: ports.Channel
    specs: dict[str, Channel]

    async def send(self, behaviour: str, *, wants_acceptance: bool = False, timeout_s: float = 0.5) -> Result:
        outgoing = Outgoing(notification_id=uuid4(), body=b"{}", wants_acceptance=wants_acceptance)
        return await self.channel.send(outgoing, self.specs[behaviour], timeout_s=timeout_s)


class FakeByBehaviour:
    """The fake, told by its spec how to behave."""

    async def send(self, notification: Outgoing, spec: ChannelSpec, *, timeout_s: float) -> Result:
        results: dict[str, list[Result]] = {
            "accepts": [Accepted(reference="120-4711", reason="fake")],
            "refuses": [Final(reason="fake")],
            "fails": [Retry(reason="fake")],
        }
        name = spec.url
        if name == "accepts" and not notification.wants_acceptance:
            name = "confirms"
        fake = FakeChannel(results.get(name, []), hangs=name == "hangs")
        return await fake.send(notification, spec, timeout_s=timeout_s)


@pytest.fixture(params=["fake", "webhook"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    names = ("confirms", "accepts", "refuses", "fails", "hangs")
    if request.param == "fake":
        yield Bench(FakeByBehaviour(), {name: Channel(kind="fake", url=name) for name in names})
        return
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(open_desk())
        desk.answer("/accepts", ACCEPTED)
        desk.answer("/refuses", Answer(status=404))
        desk.answer("/fails", Answer(status=500))
        desk.answer("/hangs", Answer(hangs=True))
        channel = await stack.enter_async_context(webhook.opened(SystemClock()))
        yield Bench(channel, {name: Channel(kind="webhook", url=f"{desk.url}/{name}", secret="s") for name in names})


async def test_a_confirmation_is_a_delivery(bench: Bench) -> None:
    assert isinstance(await bench.send("confirms"), Delivered)


async def test_an_acceptance_carries_its_reference(bench: Bench) -> None:
    result = await bench.send("accepts", wants_acceptance=True)
    assert isinstance(result, Accepted)
    assert result.reference == "120-4711"


async def test_an_acceptance_that_nobody_asked_for_is_a_delivery(bench: Bench) -> None:
    assert isinstance(await bench.send("accepts"), Delivered)


async def test_a_confirmation_without_acceptance_is_only_a_delivery(bench: Bench) -> None:
    assert isinstance(await bench.send("confirms", wants_acceptance=True), Delivered)


async def test_a_refusal_is_final(bench: Bench) -> None:
    assert isinstance(await bench.send("refuses"), Final)


async def test_a_failure_may_be_tried_again(bench: Bench) -> None:
    assert isinstance(await bench.send("fails"), Retry)


async def test_a_peer_that_hangs_is_given_up_at_the_limit(bench: Bench) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert isinstance(await bench.send("hangs", timeout_s=0.2), Retry)
    assert 0.15 <= loop.time() - began < 0.4
