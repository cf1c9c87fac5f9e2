"""Sending, claiming and recording, where channels hang, refuse and come back."""

import asyncio
import json

import pytest

from lampkeep.domain.life_cycle import Act
from support.desk import Answer, open_desk
from support.dispatching import WANG, WEI, Bench, community


def two_channels(first: str, second: str) -> str:
    return json.dumps([{"kind": "webhook", "url": first}, {"kind": "webhook", "url": second}])


async def test_the_next_channel_is_tried_at_the_first_failure(bench: Bench) -> None:
    bench.desk.answer("/first", Answer(status=500))
    await bench.apply(community(bench.desk, wang=two_channels(f"{bench.desk.url}/first", f"{bench.desk.url}/second")))
    await bench.start()
    await bench.press()
    await bench.desk.wait_for(lambda calls: any(call.path == "/second" for call in calls))
    (first,), (second,) = bench.desk.to("/first"), bench.desk.to("/second")
    assert second.notification_id == first.notification_id
    assert second.at - first.at < 1
    await bench.eventually("select 1 from notifications where state = 'delivered' and reason = 'step'")


async def test_the_next_channel_is_tried_at_half_of_the_budget_beside_one_that_hangs(bench: Bench) -> None:
    bench.desk.answer("/first", Answer(hangs=True))
    steps = "[{to: [grid_worker], after: 0s, deliver_within: 2s}]"
    wang = two_channels(f"{bench.desk.url}/first", f"{bench.desk.url}/second")
    await bench.apply(community(bench.desk, steps=steps, wang=wang))
    await bench.start()
    await bench.press()
    await bench.desk.wait_for(lambda calls: any(call.path == "/second" for call in calls))
    (first,), (second,) = bench.desk.to("/first"), bench.desk.to("/second")
    assert 0.9 <= second.at - first.at <= 1.6
    assert second.notification_id == first.notification_id
    step = await bench.eventually("select met from steps where delivered_at is not null")
    assert step["met"] is True
    attempts = await bench.rows(
        "select channel_index, result from attempts where notification_id = %s order by 1", first.notification_id
    )
    assert [(row["channel_index"], row["result"]) for row in attempts] == [(0, "retry"), (1, "delivered")]


async def test_a_channel_that_refused_for_good_is_not_tried_again(bench: Bench) -> None:
    bench.desk.answer("/first", Answer(status=404))
    bench.desk.answer("/second", Answer(status=500), Answer())
    await bench.apply(community(bench.desk, wang=two_channels(f"{bench.desk.url}/first", f"{bench.desk.url}/second")))
    await bench.start()
    await bench.press()
    await bench.eventually("select 1 from notifications where state = 'delivered' and reason = 'step'")
    assert len(bench.desk.to("/first")) == 1
    assert len(bench.desk.to("/second")) == 2


async def test_a_closed_port_is_reached_once_it_opens_under_the_same_id(bench: Bench) -> None:
    async with open_desk() as gone:
        url = gone.url
    port = int(url.rpartition(":")[2])
    await bench.apply(community(bench.desk, wang=json.dumps([{"kind": "webhook", "url": url}])))
    await bench.start()
    await bench.press()
    await bench.eventually("select 1 from attempts where result = 'retry'")
    answered = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        writer.close()
        answered.set()

    async with await asyncio.start_server(answer, "127.0.0.1", port):
        async with asyncio.timeout(8):
            await answered.wait()
        await bench.eventually("select 1 from notifications where state = 'delivered' and reason = 'step'")


async def test_a_stand_down_does_not_overtake_what_is_under_way_to_the_same_person(bench: Bench) -> None:
    steps = "[{to: [grid_worker, family], after: 0s}]"
    bench.desk.answer("/wei", Answer(after_s=1.0), Answer())
    await bench.apply(community(bench.desk, steps=steps))
    await bench.start()
    await bench.press()
    await bench.desk.wait_for(lambda calls: {call.path for call in calls} >= {"/wang", "/wei"})
    await bench.act(Act.ACKNOWLEDGE, WANG)
    await bench.desk.wait_for(lambda calls: any(call.body["reason"] == "stand_down" for call in calls))
    asked, stood_down = bench.desk.to("/wei")
    assert (asked.body["reason"], stood_down.body["reason"]) == ("step", "stand_down")
    assert stood_down.at - asked.at >= 1.0


async def test_who_was_never_asked_is_not_stood_down(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press()
    await bench.desk.wait_for(bool)
    await bench.act(Act.ON_THE_WAY, WEI)
    await bench.desk.wait_for(lambda calls: any(call.body["reason"] == "stand_down" for call in calls))
    assert {call.path for call in bench.desk.calls if call.body["reason"] == "stand_down"} == {"/wang"}


async def test_a_hanging_technical_desk_does_not_delay_an_sos(bench: Bench) -> None:
    async with open_desk() as slow:
        slow.default = Answer(hangs=True)
        await bench.apply(community(bench.desk, homes=120).replace(f"{bench.desk.url}/ops", f"{slow.url}/ops"))
        await bench.start()
        for number in range(100, 120):
            await bench.press(f"stranger-{number}")
        await slow.wait_for(lambda calls: len(calls) >= 20)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await bench.press("pendant-001")
        await bench.desk.wait_for(bool)
        assert loop.time() - began < 1.0


async def test_a_claim_whose_holder_died_is_taken_over_under_the_same_id(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press()
    (call, *_) = await bench.desk.wait_for(bool)
    await bench.eventually("select 1 from notifications where state = 'delivered' and reason = 'step'")
    await bench.connection.execute(
        "update notifications set state = 'pending', claimed_by = 'dead', claimed_until = now() + interval '1 s',"
        " next_attempt_at = now() + interval '1 s' where notification_id = %s",
        [call.notification_id],
    )
    calls = await bench.desk.wait_for(lambda calls: len(calls) >= 2, timeout_s=4)
    assert calls[1].notification_id == call.notification_id


async def test_a_record_under_a_lost_claim_changes_nothing(bench: Bench) -> None:
    bench.desk.answer("/wang", Answer(after_s=0.7))
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press()
    (call, *_) = await bench.desk.wait_for(bool)
    await bench.connection.execute(
        "update notifications set claim = claim + 1, claimed_by = 'other', next_attempt_at = now() + interval '1 hour'"
        " where notification_id = %s",
        [call.notification_id],
    )
    await bench.eventually("select 1 from attempts")
    row = await bench.row("select state, claimed_by, delivered_at from notifications where reason = 'step'")
    assert row == {"state": "pending", "claimed_by": "other", "delivered_at": None}


@pytest.mark.parametrize("count", [400])
async def test_more_than_fits_at_once_goes_out_all_the_same(bench: Bench, count: int) -> None:
    steps = "[{to: [grid_worker], after: 0s}]"
    await bench.apply(community(bench.desk, homes=count, steps=steps))
    for number in range(1, count + 1):
        await bench.press(f"pendant-{number:03d}", notify=False)
    await bench.start()
    await bench.desk.wait_for(lambda _: len(bench.desk.to("/wang")) >= count, timeout_s=60)
    asked = bench.desk.to("/wang")
    assert len({call.notification_id for call in asked}) == count
    assert len({call.body["alert"]["id"] for call in asked}) == count


async def test_a_device_hears_the_states_in_their_order(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.start("a")
    await bench.start("b")
    await bench.press()
    await bench.eventually("select 1 from notifications where text_key = 'notified' and state = 'delivered'")
    await bench.act(Act.ON_THE_WAY, WANG)
    await bench.act(Act.RESOLVE, WANG)
    await bench.eventually("select 1 from notifications where text_key = 'resolved' and state = 'delivered'")
    heard = [json.loads(command.payload)["state"] for command in bench.commands.sent]
    assert heard == ["notified", "acknowledged", "on_the_way", "resolved"]


async def test_a_notification_that_cannot_be_read_keeps_no_other(bench: Bench) -> None:
    await bench.apply(community(bench.desk, homes=2))
    bench.desk.answer("/wang", Answer(status=500))
    service = await bench.start()
    await bench.press()
    await bench.eventually("select 1 from notifications where attempt_count > 0")
    await bench.connection.execute("update alerts set kind = 'of another release'")
    await bench.eventually("select 1 from notifications where state = 'failed'")
    await bench.press("pendant-002")
    await bench.desk.wait_for(lambda calls: any(call.body["alert"]["home_id"] == "home-002" for call in calls))
    assert service.parts()["database"].ok


async def test_a_stopped_step_that_reached_nobody_is_not_met_and_counted_once(bench: Bench) -> None:
    bench.desk.answer("/wang", Answer(status=500))
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press()
    await bench.eventually("select 1 from notifications where attempt_count > 0 and claimed_by is null")
    await bench.act(Act.ACKNOWLEDGE, WEI)
    step = await bench.eventually("select ended, met from steps where met is not null", timeout_s=15)
    assert (step["ended"], step["met"]) == ("stopped", False)
