"""The webhook channel against servers that are down, slow, rude and wrong."""

import asyncio
import hashlib
import hmac
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from lampkeep.clock import ManualClock, SystemClock
from lampkeep.ports import Accepted, Delivered, Final, Outgoing, Result, Retry
from lampkeep.registry.rows import Channel
from lampkeep_dispatch.channels import webhook
from lampkeep_dispatch.channels.limits import IN_ALL, PER_HOST
from support.desk import Answer, Desk, open_desk


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_desk() as opened:
        yield opened


@pytest.fixture
async def channel() -> AsyncIterator[webhook.WebhookChannel]:
    async with webhook.opened(SystemClock()) as opened:
        yield opened


def outgoing(**changes: Any) -> Outgoing:
    return replace(Outgoing(notification_id=uuid4(), body=b'{"v":1}'), **changes)


async def send(channel: webhook.WebhookChannel, url: str, *, timeout_s: float = 3.0, **changes: Any) -> Result:
    return await channel.send(
        outgoing(**changes), Channel(kind="webhook", url=url, secret="s3cret"), timeout_s=timeout_s
    )


async def test_the_request_is_signed_as_the_contract_says(desk: Desk, channel: webhook.WebhookChannel) -> None:
    notification = outgoing(body='{"name":"张"}'.encode())
    await channel.send(notification, Channel(kind="webhook", url=desk.url + "/hook", secret="s3cret"), timeout_s=3)
    (call,) = desk.calls
    assert call.headers["content-type"] == "application/json"
    assert call.notification_id == str(notification.notification_id)
    at, _, digest = call.headers["lampkeep-signature"].partition(",")
    expected = hmac.new(b"s3cret", at.removeprefix("t=").encode() + b"." + call.raw, hashlib.sha256).hexdigest()
    assert digest == "v1=" + expected
    assert call.raw == notification.body


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_a_delivery(desk: Desk, channel: webhook.WebhookChannel, status: int) -> None:
    desk.default = Answer(status=status, body=b"")
    assert isinstance(await send(channel, desk.url), Delivered)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422, 451])
async def test_4xx_is_final(desk: Desk, channel: webhook.WebhookChannel, status: int) -> None:
    desk.default = Answer(status=status)
    assert isinstance(await send(channel, desk.url), Final)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 304, 408, 425, 429, 500, 502, 503, 599])
async def test_everything_else_is_tried_again(desk: Desk, channel: webhook.WebhookChannel, status: int) -> None:
    desk.default = Answer(status=status, headers=(("location", desk.url + "/elsewhere"),))
    assert isinstance(await send(channel, desk.url + "/hook"), Retry)
    assert not desk.to("/elsewhere"), "a redirect was followed with a personal body"


async def test_retry_after_is_heeded_within_bounds(desk: Desk, channel: webhook.WebhookChannel) -> None:
    desk.default = Answer(status=429, headers=(("retry-after", "7"),))
    assert await send(channel, desk.url) == Retry(reason="HTTP 429", after=timedelta(seconds=7))
    desk.default = Answer(status=503, headers=(("retry-after", "86400"),))
    assert await send(channel, desk.url) == Retry(reason="HTTP 503", after=timedelta(seconds=30))


def test_retry_after_may_be_a_date_or_nonsense() -> None:
    now = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
    assert webhook.retry_after("Sun, 22 Nov 2026 10:00:05 GMT", now) == timedelta(seconds=5)
    assert webhook.retry_after("Sun, 22 Nov 2020 10:00:05 GMT", now) == timedelta(0)
    for nonsense in ("soon", "-5", "1e400", "", "٣"):
        assert webhook.retry_after(nonsense, now) in {None, timedelta(seconds=3)}


async def test_a_closed_port_is_tried_again(channel: webhook.WebhookChannel) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert isinstance(await send(channel, f"http://127.0.0.1:{port}/"), Retry)


async def test_a_connection_that_breaks_off_is_tried_again(desk: Desk, channel: webhook.WebhookChannel) -> None:
    desk.default = Answer(closes=True)
    assert isinstance(await send(channel, desk.url), Retry)


@pytest.mark.parametrize(
    "url", ["", "ftp://127.0.0.1/", "http://", "not a url", "http://[::1", "/hook", "http://a:99999/"]
)
async def test_an_impossible_url_is_final_and_never_an_error(channel: webhook.WebhookChannel, url: str) -> None:
    assert isinstance(await send(channel, url), Final | Retry)


async def test_a_name_that_does_not_resolve_is_tried_again(channel: webhook.WebhookChannel) -> None:
    assert isinstance(await send(channel, "http://desk.invalid/"), Retry)


async def test_a_host_that_hangs_costs_3_s_and_no_more(desk: Desk, channel: webhook.WebhookChannel) -> None:
    desk.default = Answer(hangs=True)
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert isinstance(await send(channel, desk.url, timeout_s=60), Retry)
    assert 2.9 <= loop.time() - began <= 3.2


async def test_a_head_that_drips_is_given_up_at_the_deadline(desk: Desk, channel: webhook.WebhookChannel) -> None:
    desk.default = Answer(drips_head=True)
    assert isinstance(await send(channel, desk.url, timeout_s=0.7), Retry)


async def test_a_2xx_whose_body_drips_is_delivered_without_waiting(desk: Desk, channel: webhook.WebhookChannel) -> None:
    desk.default = Answer(drips_body=True, body=b"x" * 100)
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert isinstance(await send(channel, desk.url), Delivered)
    assert loop.time() - began < 1


async def test_an_acceptance_that_drips_too_long_is_delivered_but_not_accepted(
    desk: Desk, channel: webhook.WebhookChannel
) -> None:
    desk.default = Answer(drips_body=True, body=b'{"accepted":true,"reference":"1"}')
    assert isinstance(await send(channel, desk.url, timeout_s=0.8, wants_acceptance=True), Delivered)


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"ok",
        b"[]",
        b"null",
        b'{"accepted":false,"reference":"1"}',
        b'{"accepted":"true","reference":"1"}',
        b'{"accepted":1,"reference":"1"}',
        b'{"accepted":true}',
        b'{"accepted":true,"reference":""}',
        b'{"accepted":true,"reference":null}',
        b'{"accepted":true,"reference":"1"',
        b"\xff\xfe",
        b"[" * 5000,
    ],
)
async def test_a_wrong_200_is_delivered_but_not_accepted(
    desk: Desk, channel: webhook.WebhookChannel, reply: bytes
) -> None:
    desk.default = Answer(body=reply)
    assert isinstance(await send(channel, desk.url, wants_acceptance=True), Delivered)


async def test_the_reference_of_an_acceptance_is_kept(desk: Desk, channel: webhook.WebhookChannel) -> None:
    desk.default = Answer(body=b'{"accepted":true,"reference":"120-4711","more":1}')
    assert await send(channel, desk.url, wants_acceptance=True) == Accepted(reference="120-4711", reason="HTTP 200")


async def test_an_endless_answer_is_read_only_so_far(desk: Desk, channel: webhook.WebhookChannel) -> None:
    desk.default = Answer(body=b'{"accepted":true,' + b" " * 2_000_000 + b'"reference":"1"}')
    assert isinstance(await send(channel, desk.url, wants_acceptance=True), Delivered)


async def test_a_hanging_host_holds_up_no_other(channel: webhook.WebhookChannel) -> None:
    async with open_desk() as hanging, open_desk() as healthy:
        hanging.default = Answer(hangs=True)
        stuck = [asyncio.create_task(send(channel, hanging.url)) for _ in range(3 * PER_HOST)]
        await hanging.wait_for(lambda calls: len(calls) >= PER_HOST)
        loop = asyncio.get_running_loop()
        began = loop.time()
        results = await asyncio.gather(*(send(channel, healthy.url) for _ in range(50)))
        assert loop.time() - began < 1
        assert all(isinstance(result, Delivered) for result in results)
        assert len(hanging.calls) == PER_HOST, "more than its share was open to a hanging host"
        assert all(isinstance(result, Retry) for result in await asyncio.gather(*stuck))


async def test_so_many_hosts_that_hang_that_they_fill_every_place_give_way_once_they_are_known(
    channel: webhook.WebhookChannel,
) -> None:
    async with AsyncExitStack() as desks:
        hanging = [await desks.enter_async_context(open_desk()) for _ in range(IN_ALL // PER_HOST)]
        healthy = await desks.enter_async_context(open_desk())
        for one in hanging:
            one.default = Answer(hangs=True)

        async def keep_trying(url: str) -> None:
            while True:
                await send(channel, url)

        stuck = [asyncio.create_task(keep_trying(one.url)) for one in hanging for _ in range(PER_HOST + 10)]
        try:
            for one in hanging:
                await one.wait_for(lambda calls: len(calls) > PER_HOST)
            # Now each has let a whole share time out, and its next requests are open.
            loop = asyncio.get_running_loop()
            began = loop.time()
            assert isinstance(await send(channel, healthy.url), Delivered)
            assert loop.time() - began < 1
        finally:
            for task in stuck:
                task.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)


async def test_urgent_notifications_do_not_wait_behind_others_to_the_same_host(
    desk: Desk, channel: webhook.WebhookChannel
) -> None:
    desk.answer("/slow", Answer(hangs=True))
    stuck = [asyncio.create_task(send(channel, desk.url + "/slow")) for _ in range(PER_HOST)]
    await desk.wait_for(lambda calls: len(calls) >= PER_HOST)
    assert isinstance(await send(channel, desk.url + "/hook", timeout_s=0.5, urgent=True), Delivered)
    for task in stuck:
        task.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)


async def test_the_time_of_the_signature_is_the_injected_clock(desk: Desk) -> None:
    clock = ManualClock(datetime(2026, 11, 22, 10, 0, tzinfo=UTC))
    async with webhook.opened(clock) as channel:
        await send(channel, desk.url)
    assert desk.calls[0].headers["lampkeep-signature"].startswith("t=1795341600,")
