"""From a stored press to a person, on a real database and a real local desk."""

import hashlib

from support.desk import Answer
from support.dispatching import Bench, community


async def test_a_press_reaches_the_grid_worker_with_everything_they_need(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press()
    (call, *_) = await bench.desk.wait_for(bool)
    assert call.path == "/wang"
    told = call.body
    assert (told["reason"], told["round"], told["step"], told["role"]) == ("step", 1, 1, "grid_worker")
    assert told["alert"]["kind"] == "sos"
    assert told["residents"][0]["notes"] == "青霉素过敏"
    assert told["home"]["location"] == [29.08, 119.65]
    assert told["acknowledge_url"].startswith("http://lamp.test/a/")
    step = await bench.eventually("select * from steps where delivered_at is not null")
    assert step["met"] is True
    assert step["started_at"] <= step["sent_at"] <= step["delivered_at"]


async def test_the_link_is_known_by_its_hash_only(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press()
    (call, *_) = await bench.desk.wait_for(bool)
    token = call.body["acknowledge_url"].rpartition("/")[2]
    link = await bench.row("select * from acknowledge_links where sha256 = %s", hashlib.sha256(token.encode()).digest())
    assert link is not None
    assert (link["alert_id"], link["responder_id"]) == (call.body["alert"]["id"], "wang")
    person = await bench.row("select name, role from responders where responder_id = 'wang'")
    assert person == {"name": link["name"], "role": link["role"]}


async def test_a_failed_delivery_is_tried_again_under_the_same_id(bench: Bench) -> None:
    bench.desk.answer("/wang", Answer(status=500), Answer(status=429), Answer())
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press()
    calls = await bench.desk.wait_for(lambda calls: len(calls) >= 3)
    assert len({call.notification_id for call in calls}) == 1
    await bench.eventually("select 1 from notifications where state = 'delivered' and reason = 'step'")
    attempts = await bench.rows("select result from attempts where channel = 'webhook' order by attempt_id")
    assert [attempt["result"] for attempt in attempts] == ["retry", "retry", "delivered"]


async def test_the_resident_is_told_that_somebody_was_notified(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press()
    await bench.eventually("select 1 from notifications where reason = 'progress' and state = 'delivered'")
    (command,) = bench.commands.sent
    assert (command.account, command.device_id) == ("pendant-001", "pendant-001")
    assert b'"state":"notified"' in command.payload
