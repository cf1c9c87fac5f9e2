"""Who is told when, on a clock that the test moves: the ladder, acknowledgements, leases, the emergency line."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from lampkeep.clock import ManualClock
from lampkeep.domain.life_cycle import Act
from support.desk import ACCEPTED, Answer, Call
from support.dispatching import OPERATOR, WANG, WEI, Bench, bench_on, community


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    async with bench_on(database_url, clock=ManualClock(datetime(2026, 11, 22, 2, 0, tzinfo=UTC))) as opened:
        opened.desk.answer("/line", ACCEPTED)
        yield opened


def later(bench: Bench, seconds: float) -> None:
    assert isinstance(bench.clock, ManualClock)
    bench.clock.advance(timedelta(seconds=seconds))


async def told(bench: Bench, path: str, reason: str, count: int = 1) -> list[Call]:
    """The calls of `reason` to `path`, once there are `count` and what became of the last is recorded."""

    def matching(calls: list[Call]) -> list[Call]:
        return [call for call in calls if call.path == path and call.body["reason"] == reason]

    await bench.desk.wait_for(lambda calls: len(matching(calls)) >= count)
    found = matching(bench.desk.calls)
    recorded = "select 1 from notifications where notification_id = %s and claimed_by is null"
    await bench.eventually(recorded, found[count - 1].notification_id)
    return found


async def test_answered_by_nobody_it_goes_grid_worker_family_120(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press()
    await told(bench, "/wang", "step")
    later(bench, 60)
    await told(bench, "/wei", "step")
    later(bench, 60)
    await told(bench, "/line", "step")
    await bench.eventually("select 1 from timeline where what = 'line_accepted'")
    row = await bench.row("select progress ->> 'line_reference' as reference from alerts")
    assert row == {"reference": "120-4711"}
    steps = await bench.rows("select role, due_at, started_at, met from steps order by step")
    assert [(step["role"], step["met"]) for step in steps] == [
        ("grid_worker", True),
        ("family", True),
        ("emergency_line", True),
    ]
    assert [(step["started_at"] - steps[0]["started_at"]).total_seconds() for step in steps] == [0, 60, 120]


async def test_a_repeat_is_a_new_notification(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press()
    (step,) = await told(bench, "/wang", "step")
    later(bench, 30)
    (repeat,) = await told(bench, "/wang", "repeat")
    assert repeat.notification_id != step.notification_id
    assert repeat.body["acknowledge_url"] == step.body["acknowledge_url"]


async def test_an_acknowledgement_stops_the_ladder_and_stands_the_others_down(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press()
    await told(bench, "/wang", "step")
    later(bench, 60)
    await told(bench, "/wei", "step")
    await bench.act(Act.ACKNOWLEDGE, WANG)
    await told(bench, "/wei", "stand_down")
    later(bench, 90)
    await bench.eventually("select 1 from acts where handled_at is not null")
    await bench.eventually("select 1 from service_heartbeats where beat_at = %s", bench.clock.now())
    assert not bench.desk.to("/line")
    assert not [call for call in bench.desk.to("/wang") if call.body["reason"] == "stand_down"]
    assert (await bench.rows("select 1 from notifications where state = 'pending' and device_id is null")) == []


async def test_family_stands_nobody_down_until_somebody_is_on_the_way(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press()
    await told(bench, "/wang", "step")
    later(bench, 60)
    await told(bench, "/wei", "step")
    await bench.act(Act.ACKNOWLEDGE, WEI)
    await bench.eventually("select 1 from acts where handled_at is not null")
    assert await bench.rows("select 1 from notifications where reason = 'stand_down'") == []
    await bench.act(Act.ON_THE_WAY, WEI)
    await told(bench, "/wang", "stand_down")


async def test_a_lapsed_lease_goes_on_with_the_next_step(bench: Bench) -> None:
    await bench.apply(community(bench.desk, lease="2m"))
    await bench.start()
    await bench.press()
    await told(bench, "/wang", "step")
    await bench.act(Act.ACKNOWLEDGE, WANG)
    await bench.eventually("select 1 from acts where handled_at is not null")
    later(bench, 121)
    await told(bench, "/wei", "step")
    assert "lapsed" in await bench.timeline()


async def test_the_resident_learns_every_state_that_is_entered(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press()
    await told(bench, "/wang", "step")
    await bench.eventually("select 1 from notifications where text_key = 'notified' and state = 'delivered'")
    await bench.act(Act.ON_THE_WAY, WANG)
    await bench.act(Act.RESOLVE, OPERATOR, note="well")
    await bench.eventually("select 1 from notifications where text_key = 'resolved' and state = 'delivered'")
    states = [command.payload.split(b'"state":"')[1].split(b'"')[0] for command in bench.commands.sent]
    assert sorted(states) == [b"acknowledged", b"notified", b"on_the_way", b"resolved"]


async def test_without_consent_an_operator_is_asked_until_somebody_says_yes(bench: Bench) -> None:
    await bench.apply(community(bench.desk, consent=False, steps="[{to: [emergency_line], after: 0s}]"))
    await bench.start()
    await bench.press()
    await told(bench, "/ops", "confirm")
    later(bench, 30)
    await told(bench, "/ops", "confirm", 2)
    assert not bench.desk.to("/line")
    await bench.act(Act.CONFIRM_EMERGENCY, OPERATOR)
    await told(bench, "/line", "step")


async def test_a_confirmed_call_goes_out_although_somebody_owns_the_alert(bench: Bench) -> None:
    await bench.apply(community(bench.desk, consent=False))
    bench.desk.answer("/line", Answer(status=500), ACCEPTED)
    await bench.start()
    await bench.press()
    await told(bench, "/wang", "step")
    await bench.act(Act.ACKNOWLEDGE, WANG)
    await bench.act(Act.CONFIRM_EMERGENCY, OPERATOR)
    await told(bench, "/line", "step")
    later(bench, 15)
    await told(bench, "/line", "step", 2)
    await bench.eventually("select 1 from timeline where what = 'line_accepted'")


async def test_a_line_that_does_not_accept_is_tried_again_and_the_duty_room_told_to_telephone_once(
    bench: Bench,
) -> None:
    bench.desk.answer("/line", Answer(), Answer(body=b'{"accepted":false}'), Answer(body=b"ok"), ACCEPTED)
    await bench.apply(community(bench.desk, steps="[{to: [emergency_line], after: 0s}]"))
    await bench.start()
    await bench.press()
    for count in range(1, 5):
        await told(bench, "/line", "step", count)
        later(bench, 11)
    await bench.eventually("select 1 from timeline where what = 'line_accepted'")
    assert len({call.notification_id for call in bench.desk.to("/line")}) == 1
    telephone = [call for call in bench.desk.to("/ops") if "电话" in call.body["text"]["zh"]]
    assert len(telephone) == 1
    assert telephone[0].body["reason"] == "update"
    step = await bench.row("select delivered_at, started_at, met from steps where step = 1 and round = 1")
    assert step is not None
    assert step["delivered_at"] == step["started_at"]
    assert step["met"] is True


async def test_a_step_that_fails_for_good_hands_over_at_once(bench: Bench) -> None:
    bench.desk.answer("/wang", Answer(status=404))
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press()
    await told(bench, "/wei", "step")
    row = await bench.row("select ended, met from steps where step = 1")
    assert row == {"ended": "failed", "met": False}
    later(bench, 60)
    await told(bench, "/line", "step")


async def test_an_escalation_by_hand_asks_people_although_somebody_owns_the_alert(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    bench.desk.answer("/wei", Answer(status=500), Answer())
    await bench.start()
    await bench.press()
    await told(bench, "/wang", "step")
    await bench.act(Act.ACKNOWLEDGE, WANG)
    await bench.act(Act.ESCALATE, OPERATOR)
    await told(bench, "/wei", "step")
    later(bench, 15)
    calls = await told(bench, "/wei", "step", 2)
    assert len({call.notification_id for call in calls}) == 1


async def test_what_was_not_delivered_when_somebody_took_it_is_not_delivered_any_more(bench: Bench) -> None:
    bench.desk.answer("/wang", Answer(status=500))
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press()
    await told(bench, "/wang", "step")
    await bench.eventually("select 1 from notifications where reason = 'step' and claimed_by is null")
    await bench.act(Act.ACKNOWLEDGE, OPERATOR)
    await bench.eventually("select 1 from notifications where reason = 'step' and state = 'dropped'")
    before = len(bench.desk.to("/wang"))
    later(bench, 60)
    await bench.eventually("select 1 from service_heartbeats where beat_at = %s", bench.clock.now())
    assert len(bench.desk.to("/wang")) == before
    assert (await bench.row("select ended, met from steps")) == {"ended": "stopped", "met": False}


async def test_an_update_is_given_up_after_half_an_hour(bench: Bench) -> None:
    bench.desk.answer("/ops", Answer(status=500))
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press()
    await told(bench, "/wang", "step")
    await bench.press(type_="sos_cancel")
    await told(bench, "/ops", "update")
    later(bench, 1801)
    row = await bench.eventually("select state from notifications where reason = 'update' and state <> 'pending'")
    assert row["state"] == "failed"


async def test_a_budget_that_passes_without_a_delivery_is_missed(bench: Bench) -> None:
    bench.desk.answer("/wang", Answer(status=503))
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press()
    await told(bench, "/wang", "step")
    later(bench, 6)
    row = await bench.eventually("select met, delivered_at from steps where met is not null")
    assert row == {"met": False, "delivered_at": None}


async def test_a_duty_room_that_was_empty_is_asked_to_telephone_as_soon_as_it_is_not(bench: Bench) -> None:
    bench.desk.answer("/line", Answer(), Answer(), Answer(), Answer())
    whole = community(bench.desk, steps="[{to: [emergency_line], after: 0s}]")
    nobody = "\n".join(line for line in whole.splitlines() if "id: ops" not in line)
    await bench.apply(nobody)
    await bench.start()
    await bench.press()
    for count in (1, 2):
        await told(bench, "/line", "step", count)
        later(bench, 11)
    assert not bench.desk.to("/ops")
    tries = "select 1 from timeline where what = 'told' and detail ->> 'text' = 'telephone_line'"
    assert len(await bench.rows(tries)) == 1
    await bench.apply(whole)
    later(bench, 11)
    await told(bench, "/ops", "update")


async def test_a_reference_with_signs_that_cannot_be_kept_is_an_acceptance(bench: Bench) -> None:
    bench.desk.answer("/line", Answer(body=b'{"accepted":true,"reference":"12\\u00000-\\u001b7"}'))
    await bench.apply(community(bench.desk, steps="[{to: [emergency_line], after: 0s}]"))
    await bench.start()
    await bench.press()
    await bench.eventually("select 1 from timeline where what = 'line_accepted'")
    assert await bench.row("select progress ->> 'line_reference' as it from alerts") == {"it": "120-7"}


async def test_who_is_asked_again_is_not_told_afterwards_to_stay_at_home(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press()
    await told(bench, "/wang", "step")
    later(bench, 60)
    await told(bench, "/wei", "step")
    bench.desk.answer("/wei", Answer(status=500))
    await bench.act(Act.ACKNOWLEDGE, WANG)
    await told(bench, "/wei", "stand_down")
    later(bench, 301)
    await bench.eventually("select 1 from timeline where what = 'lapsed'")
    later(bench, 60)  # the pause after its last failure
    await bench.eventually("select 1 from notifications where reason = 'stand_down' and state = 'dropped'")
    bench.desk.answer("/wei", Answer())
    await bench.act(Act.ACKNOWLEDGE, WANG)
    anew = "select 1 from notifications where reason = 'stand_down' and responder_id = 'wei' and state = 'delivered'"
    await bench.eventually(anew)
