"""One round through a person's channels."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from lampkeep.clock import ManualClock
from lampkeep.ports import Accepted, Channel, ChannelSpec, Delivered, Final, Outgoing, Result, Retry
from lampkeep.registry.rows import Channel as Spec
from lampkeep.testing import FakeChannel
from lampkeep_dispatch.outbox.sweep import Sweep, Swept

CLOCK = ManualClock(datetime(2026, 11, 22, 2, 0, tzinfo=UTC))


async def sweep(
    channels: Mapping[str, Channel],
    *,
    half_s: float = 0.05,
    wants_acceptance: bool = False,
    may_start: bool = True,
) -> Swept:
    specs: list[tuple[int, ChannelSpec]] = [(index, Spec(kind=kind, url="x")) for index, kind in enumerate(channels)]
    outgoing = Outgoing(notification_id=uuid4(), body=b"{}", wants_acceptance=wants_acceptance)
    return await Sweep(
        outgoing, specs, adapters=channels.get, clock=CLOCK, half_s=half_s, may_start=lambda: may_start
    ).run()


def said(swept: Swept) -> list[tuple[str, str]]:
    return [(attempt.kind, type(attempt.result).__name__) for attempt in swept.attempts]


async def test_the_first_channel_that_delivers_ends_the_round() -> None:
    second = FakeChannel()
    swept = await sweep({"a": FakeChannel(), "b": second})
    assert said(swept) == [("a", "Delivered")]
    assert second.sent == []
    assert swept.delivered_at == CLOCK.now()


async def test_a_failure_goes_on_to_the_next_channel_at_once() -> None:
    swept = await sweep({"a": FakeChannel([Retry(reason="x")]), "b": FakeChannel()}, half_s=60)
    assert said(swept) == [("a", "Retry"), ("b", "Delivered")]


async def test_a_channel_that_hangs_is_joined_by_the_next_and_given_up_when_that_delivers() -> None:
    swept = await sweep({"a": FakeChannel(hangs=True), "b": FakeChannel()})
    assert said(swept) == [("b", "Delivered"), ("a", "Retry")]


async def test_a_slow_channel_that_delivers_after_all_is_heard() -> None:
    class Slow:
        async def send(self, notification: Outgoing, spec: ChannelSpec, *, timeout_s: float) -> Result:
            await asyncio.sleep(0.15)
            return Delivered(reason="slow")

    swept = await sweep({"a": Slow(), "b": FakeChannel([Retry(reason="x")])})
    assert ("a", "Delivered") in said(swept)


async def test_where_acceptance_is_wanted_a_delivery_does_not_end_the_round() -> None:
    channels = {"a": FakeChannel(), "b": FakeChannel([Accepted(reference="r", reason="x")]), "c": FakeChannel()}
    swept = await sweep(channels, wants_acceptance=True)
    assert said(swept) == [("a", "Delivered"), ("b", "Accepted")]
    assert swept.reference == "r"
    assert channels["c"].sent == []


async def test_a_kind_without_an_adapter_is_final_and_a_broken_adapter_is_not() -> None:
    class Broken:
        async def send(self, notification: Outgoing, spec: ChannelSpec, *, timeout_s: float) -> Result:
            raise ZeroDivisionError

    specs: list[tuple[int, ChannelSpec]] = [(0, Spec(kind="none", url="")), (1, Spec(kind="broken", url=""))]
    adapters: dict[str, Channel] = {"broken": Broken()}
    outgoing = Outgoing(notification_id=uuid4(), body=b"{}")
    swept = await Sweep(outgoing, specs, adapters=adapters.get, clock=CLOCK, half_s=1, may_start=lambda: True).run()
    assert [type(attempt.result) for attempt in swept.attempts] == [Final, Retry]
    assert not swept.all_final(2)


async def test_all_final_needs_every_channel() -> None:
    swept = await sweep({"a": FakeChannel([Final(reason="x")]), "b": FakeChannel([Final(reason="x")])})
    assert swept.all_final(2)
    assert not Swept(attempts=()).all_final(0)


async def test_the_longest_patience_asked_for_is_heeded() -> None:
    asked = [Retry(reason="x", after=timedelta(seconds=s)) for s in (3, 7)]
    swept = await sweep({"a": FakeChannel(asked[:1]), "b": FakeChannel(asked[1:])})
    assert swept.patience == timedelta(seconds=7)


async def test_nothing_is_started_under_a_claim_that_ran_out() -> None:
    channel = FakeChannel()
    swept = await sweep({"a": channel}, may_start=False)
    assert (swept.attempts, channel.sent) == ((), [])
