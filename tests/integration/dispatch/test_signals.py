"""What urgent messages become: one alert each, or a word to those who have it, and never silence."""

from typing import Any

import pytest

from lampkeep.domain.life_cycle import Act
from support.dispatching import WANG, Bench, community


async def handled(bench: Bench) -> None:
    """Until no signal waits."""
    await bench.eventually("select 1 where not exists (select 1 from signals)")


async def only_alert(bench: Bench) -> dict[str, Any]:
    (alert,) = await bench.rows("select * from alerts")
    return alert


async def test_a_second_cause_joins_the_alert_and_is_told_as_again(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press()
    await bench.press("smoke-001", type_="smoke")
    await handled(bench)
    alert = await only_alert(bench)
    assert (alert["kind"], alert["occurrence_count"]) == ("sos", 2)
    calls = await bench.desk.wait_for(lambda calls: any(call.path == "/ops" for call in calls))
    again = next(call.body for call in calls if call.path == "/ops")
    assert again["reason"] == "again"
    assert "烟雾" in again["text"]["zh"], "the occurrence is told under its own kind"
    kinds = await bench.rows("select kind from occurrences order by occurrence_id")
    assert [row["kind"] for row in kinds] == ["sos", "smoke"]


async def test_the_evidence_names_the_last_activity_and_its_place(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.connection.execute(
        "insert into device_state (device_id, type, home_id, seen_at, on_at)"
        " values ('pir-001', 'motion', 'home-001', '2026-11-22T01:58:00Z', array['2026-11-22T01:58:00Z'::timestamptz])"
    )
    await bench.start()
    await bench.press()
    (call, *_) = await bench.desk.wait_for(bool)
    assert call.body["evidence"]["last_activity_at"] == "2026-11-22T01:58:00Z"
    assert call.body["evidence"]["last_place"] == "bathroom"


async def test_an_unregistered_device_raises_one_sos_for_the_duty_room(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press("stranger", account="acc")
    await bench.press("stranger", account="acc")
    await bench.press("stranger", account="other")
    await handled(bench)
    alerts = await bench.rows("select * from alerts order by cause_key")
    assert [(alert["kind"], alert["home_id"], alert["occurrence_count"]) for alert in alerts] == [
        ("sos", None, 2),
        ("sos", None, 1),
    ]
    calls = await bench.desk.wait_for(lambda calls: len(calls) >= 3)
    assert {call.path for call in calls} == {"/ops"}
    assert calls[0].body["home"] is None


async def test_an_unreadable_message_of_a_registered_device_is_an_sos_of_its_home(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press(type_="unreadable")
    await handled(bench)
    alert = await only_alert(bench)
    assert (alert["kind"], alert["home_id"]) == ("sos", "home-001")
    assert alert["evidence"]["reason"] == "unreadable"


async def test_a_late_press_is_marked_and_raised_all_the_same(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press(marks=("late",))
    await handled(bench)
    assert (await only_alert(bench))["late"] is True


async def test_a_cancel_is_told_and_closes_nothing(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press(message_id="p-1")
    await bench.press(type_="sos_cancel", data={"ref": "p-1"})
    calls = await bench.desk.wait_for(lambda calls: any(call.path == "/ops" for call in calls))
    assert next(call.body["reason"] for call in calls if call.path == "/ops") == "update"
    assert (await only_alert(bench))["state"] == "open"


async def test_a_cancel_closes_its_own_sos_where_the_plan_allows_it(bench: Bench) -> None:
    await bench.apply(community(bench.desk, plan=", sos_cancel: allow"))
    await bench.start()
    await bench.press(message_id="p-1")
    await bench.desk.wait_for(bool)
    await bench.press(type_="sos_cancel", data={"ref": "p-1"})
    await bench.desk.wait_for(lambda calls: any(call.body["reason"] == "stand_down" for call in calls))
    alert = await only_alert(bench)
    assert (alert["state"], alert["outcome"]) == ("resolved", "false_alarm")
    assert alert["next_due_at"] is None


async def test_a_cancel_does_not_close_what_somebody_has_taken(bench: Bench) -> None:
    await bench.apply(community(bench.desk, plan=", sos_cancel: allow"))
    await bench.start()
    await bench.press(message_id="p-1")
    await bench.desk.wait_for(bool)
    await bench.act(Act.ON_THE_WAY, WANG)
    await bench.press(type_="sos_cancel", data={"ref": "p-1"})
    await bench.desk.wait_for(lambda calls: any(call.path == "/ops" for call in calls))
    assert (await only_alert(bench))["state"] == "on_the_way"


async def test_a_cancel_that_names_another_press_closes_nothing(bench: Bench) -> None:
    await bench.apply(community(bench.desk, plan=", sos_cancel: allow"))
    await bench.start()
    await bench.press(message_id="p-1")
    await bench.press(type_="sos_cancel", data={"ref": "p-0"})
    await bench.desk.wait_for(lambda calls: any(call.path == "/ops" for call in calls))
    assert (await only_alert(bench))["state"] == "open"


async def test_the_end_of_smoke_is_told_and_closes_nothing(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press("smoke-001", type_="smoke")
    await bench.press("smoke-001", type_="smoke", data={"active": False})
    await bench.desk.wait_for(lambda calls: any(call.path == "/ops" for call in calls))
    await handled(bench)
    alert = await only_alert(bench)
    assert (alert["state"], alert["occurrence_count"]) == ("open", 1)
    assert "smoke_over" in await bench.timeline()
    assert len(await bench.rows("select 1 from occurrences")) == 1


async def test_a_cancel_without_an_alert_changes_nothing_and_is_done_with(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press(type_="sos_cancel")
    await handled(bench)
    assert await bench.rows("select 1 from alerts") == []


async def test_a_cancel_after_the_alert_was_closed_stands_in_its_timeline(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press()
    await bench.desk.wait_for(bool)
    await bench.act(Act.RESOLVE, WANG)
    await bench.press(type_="sos_cancel")
    await handled(bench)
    assert "sos_cancel" in await bench.timeline()
    assert (await only_alert(bench))["state"] == "resolved"


@pytest.mark.parametrize(("type_", "data"), [("sos_cancel", {}), ("gas", {"active": False})])
async def test_whatever_a_stranger_says_urgently_raises_an_alert(
    bench: Bench, type_: str, data: dict[str, bool]
) -> None:
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press("stranger", type_=type_, data=data)
    await handled(bench)
    alert = await only_alert(bench)
    assert (alert["kind"], alert["home_id"], alert["state"]) == ("sos", None, "open")


async def test_a_signal_that_breaks_everything_becomes_an_sos_after_three_tries(bench: Bench) -> None:
    await bench.apply(community(bench.desk, homes=2))
    await bench.connection.execute(
        'insert into plans (plan_id, body) values (\'broken\', \'{"rules": {"inactivity": {"day": 7}}}\')'
    )
    await bench.connection.execute("update homes set plan_id = 'broken' where home_id = 'home-001'")
    await bench.start()
    await bench.press("pendant-001")
    await bench.press("pendant-002")
    await handled(bench)
    alerts = await bench.rows("select home_id, kind, evidence ->> 'device' as device from alerts order by opened_at")
    assert alerts == [
        {"home_id": "home-002", "kind": "sos", "device": "pendant-002"},
        {"home_id": None, "kind": "sos", "device": "pendant-001"},
    ], "the healthy one is not held up, the broken one is raised all the same"
    await bench.desk.wait_for(lambda calls: any(call.path == "/ops" for call in calls))


async def test_a_press_is_found_without_a_notification(bench: Bench) -> None:
    await bench.apply(community(bench.desk))
    await bench.start()
    await bench.press(notify=False)
    await bench.desk.wait_for(bool, timeout_s=3)
