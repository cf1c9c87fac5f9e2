"""An SOS over real MQTT, told over real HTTP: who hears of it at which second, and what stops it.

The community's steps stand at 0, 2 and 4 s with 2 s to deliver and a lease of 3 s (`support.communities.SHORT`).
"""

import asyncio
from datetime import datetime
from typing import Any

from support.desk import ACCEPTED, Answer
from support.system import System, eventually, signature_holds

BUDGET_S = 2.0
"""`deliver_within` of every step."""


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


async def settled(system: System, alert_id: str, *, steps: int) -> dict[str, Any]:
    """The alert once `steps` of its steps have a recorded delivery: it is recorded after the responder has answered."""
    for _ in range(100):
        whole = await system.alert(alert_id)
        if len([one for one in whole["steps"] if one["delivered_at"]]) >= steps:
            return whole
        await asyncio.sleep(0.05)
    raise AssertionError(f"fewer than {steps} steps delivered: {whole['steps']}")


async def test_an_sos_answered_by_nobody_goes_to_worker_family_and_line_each_within_its_budget(system: System) -> None:
    system.desk.answer("/line", ACCEPTED)
    async with system.device("pendant-001") as pendant:
        message_id = await pendant.urgent()
        await pendant.receipt(message_id, within_s=2)
        await eventually(lambda: system.told("line"), within_s=4 + BUDGET_S)
        alert = await system.the_alert(state="active")
        whole = await settled(system, alert["id"], steps=3)
        steps = [one for one in whole["steps"] if one["round"] == 1]
        assert [one["role"] for one in steps] == ["grid_worker", "family", "emergency_line"]
        opened = seconds(whole["opened_at"])
        assert [round(seconds(one["due_at"]) - opened, 3) for one in steps] == [0.0, 2.0, 4.0]
        for one in steps:
            assert seconds(one["started_at"]) >= seconds(one["due_at"])
            assert seconds(one["delivered_at"]) - seconds(one["started_at"]) <= BUDGET_S
            assert one["met"] is True
        assert "notified" in pendant.progress()
    first = system.told("worker", "step")[0]
    assert signature_holds(first)
    body = first.body
    assert body["notification_id"] == first.notification_id
    assert (body["round"], body["step"], body["role"], body["responder"]) == (1, 1, "grid_worker", "worker")
    assert body["alert"]["kind"] == "sos"
    assert body["residents"][0]["name"] == "张秀英"
    assert body["home"]["location"] == [29.08, 119.65]
    assert set(body["text"]) == {"zh", "en"}


async def test_people_are_asked_again_under_a_new_id_until_somebody_answers(system: System) -> None:
    async with system.device("pendant-001") as pendant:
        await pendant.urgent()
        await eventually(lambda: len(system.told("worker", "repeat")) >= 2, within_s=8)
    ids = [call.notification_id for call in system.told("worker", "step", "repeat")]
    assert len(ids) == len(set(ids))


async def test_the_workers_acknowledgement_stops_it_and_stands_the_others_down(system: System) -> None:
    async with system.device("pendant-001") as pendant:
        await pendant.urgent()
        await eventually(lambda: system.told("son", "step"), within_s=4)
        link = system.told("worker", "step")[0].body["acknowledge_url"]
        page = await system.http.get(link)
        assert page.status_code == 200
        assert (await system.the_alert())["state"] == "open", "opening the link must change nothing"
        assert (await system.http.post(link)).status_code < 400
        await eventually(lambda: system.told("son", "stand_down"), within_s=2)
        alert = await system.the_alert()
        assert alert["state"] == "acknowledged"
        assert alert["owner"] == {"id": "worker", "name": "王丽", "kind": "responder"}
        await system.act(alert["id"], "on-the-way", **{"for": "worker"})
        await asyncio.sleep(3)
        assert not system.told("line")
        await system.act(alert["id"], "on-scene", **{"for": "worker"})
        await system.act(alert["id"], "resolve", outcome="helped", note="扶起，无伤")
        await eventually(
            lambda: pendant.progress() == ["notified", "acknowledged", "on_the_way", "on_scene", "resolved"], within_s=3
        )
    assert not system.told("worker", "stand_down"), "the owner is not stood down while others are"


async def test_family_stands_nobody_down_until_somebody_is_on_the_way(system: System) -> None:
    async with system.device("pendant-001") as pendant:
        await pendant.urgent()
        await eventually(lambda: system.told("son", "step"), within_s=4)
        await system.http.post(system.told("son", "step")[0].body["acknowledge_url"])
        alert = await system.the_alert(state="acknowledged")
        await asyncio.sleep(1)
        assert not system.told("worker", "stand_down")
        await system.act(alert["id"], "on-the-way", **{"for": "son"})
        await eventually(lambda: system.told("worker", "stand_down"), within_s=2)


async def test_a_lapsed_lease_opens_the_alert_and_the_next_step_starts_at_once(system: System) -> None:
    async with system.device("pendant-001") as pendant:
        await pendant.urgent()
        await eventually(lambda: system.told("worker", "step"), within_s=2)
        alert = await system.the_alert()
        await system.act(alert["id"], "acknowledge")
        await asyncio.sleep(2)
        assert not system.told("son")
        await eventually(lambda: system.told("son", "step"), within_s=1 + BUDGET_S)
        assert (await system.the_alert())["state"] == "open"
    timeline = (await system.http.get(f"/api/v1/alerts/{alert['id']}/timeline")).json()["items"]
    assert [seconds(one["at"]) for one in timeline] == sorted(seconds(one["at"]) for one in timeline)


async def test_the_same_id_twice_is_one_alert_and_two_receipts(system: System) -> None:
    async with system.device("pendant-001") as pendant:
        message_id = await pendant.urgent()
        await pendant.receipt(message_id)
        await pendant.urgent(message_id=message_id)
        await eventually(lambda: len([c for c in pendant.commands if c["type"] == "receipt"]) == 2)
        alert = await system.the_alert()
        assert alert["occurrence_count"] == 1
        await pendant.urgent()
        await eventually(lambda: system.told("duty", "again"), within_s=3)
        alert = await system.the_alert()
        assert alert["occurrence_count"] == 2


async def test_a_test_press_is_receipted_and_raises_nothing(system: System) -> None:
    async with system.device("pendant-001") as pendant:
        await pendant.receipt(await pendant.urgent(data={"test": True}))
        await pendant.receipt(await pendant.urgent(type_="sos_cancel", data={"ref": "unknown"}))
        await asyncio.sleep(1)
    assert await system.alerts() == []
    assert not system.desk.calls


async def test_an_unknown_devices_sos_is_one_alert_for_the_duty_room(system: System) -> None:
    async with system.device("stranger") as stranger:
        for _ in range(3):
            await stranger.receipt(await stranger.urgent())
        await eventually(lambda: system.told("duty", "step"), within_s=3)
        alert = await system.the_alert()
    assert (alert["kind"], alert["home_id"], alert["priority"]) == ("sos", None, "life")
    assert not system.told("worker")


async def test_an_unreadable_press_of_a_known_pendant_is_an_sos_of_its_home(system: System) -> None:
    async with system.device("pendant-001") as pendant:
        await pendant.raw("urgent", b"\xff\x00 not json")
        await eventually(lambda: system.told("worker", "step"), within_s=3)
    assert (await system.the_alert())["home_id"] == "home-001"
    assert len(await system.rows("select * from rejected_messages")) == 1


async def test_without_consent_an_operator_is_asked_and_the_line_is_called_once_confirmed(system: System) -> None:
    system.desk.answer("/line", ACCEPTED)
    async with system.device("pendant-002") as pendant:
        await pendant.urgent()
        await eventually(lambda: system.told("duty", "confirm"), within_s=4 + BUDGET_S)
        await asyncio.sleep(1)
        assert not system.told("line")
        alert = await system.the_alert()
        await system.act(alert["id"], "confirm-emergency")
        await eventually(lambda: system.told("line", "step"), within_s=BUDGET_S)


async def test_a_step_whose_every_attempt_fails_for_good_hands_over_at_once(system: System) -> None:
    system.desk.answer("/worker", Answer(status=404))
    async with system.device("pendant-001") as pendant:
        await pendant.urgent()
        await eventually(lambda: system.told("son", "step"), within_s=1.5)


async def test_fall_smoke_and_gas_join_the_homes_alert_of_life(system: System) -> None:
    async with system.device("pendant-001") as pendant:
        await pendant.urgent("fall")
        await eventually(lambda: system.told("worker", "step"), within_s=3)
        await pendant.urgent("sos")
        await eventually(lambda: system.told("duty", "again"), within_s=3)
        alert = await system.the_alert()
        assert (alert["kind"], alert["occurrence_count"]) == ("fall", 2)
        whole = await system.alert(alert["id"])
        assert [one["kind"] for one in whole["occurrences"]] == ["fall", "sos"]
        await pendant.urgent("fall", data={"active": False})
        await eventually(lambda: system.told("duty", "update"), within_s=6)
        assert (await system.the_alert())["state"] == "open"
