import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from lampkeep.db.connections import connect
from lampkeep_ingest.app import Ingest
from support.ingest_running import COMMUNITY, Bench, running

PENDANT = "pendant-1/pendant-1"
MESSAGES = "select * from urgent_messages order by urgent_id"


def ago(**age: float) -> str:
    return (datetime.now(UTC) - timedelta(**age)).isoformat()


async def test_a_press_is_stored_signalled_and_answered(bench: Bench, ingest: Ingest) -> None:
    press = await bench.say(PENDANT, "sos", at=ago(seconds=1), battery=41, firmware="2.1")
    (row,) = await bench.until(MESSAGES)
    assert (row["device_id"], row["message_id"], row["home_id"]) == ("pendant-1", press, "home-1")
    assert (row["type"], row["battery"], row["extra"], row["marks"]) == ("sos", 41, {"firmware": "2.1"}, [])
    assert await bench.rows("select urgent_id from signals") == [{"urgent_id": row["urgent_id"]}]
    assert await bench.receipts(PENDANT, 1) == [press]


async def test_a_press_wakes_dispatch(bench: Bench, ingest: Ingest) -> None:
    async with await connect(bench.database_url, application="test", autocommit=True) as listener:
        await listener.execute("listen lampkeep_urgent")
        await bench.say(PENDANT, "sos")
        told = [notify async for notify in listener.notifies(timeout=10, stop_after=1)]
    assert [(one.channel, one.payload) for one in told] == [("lampkeep_urgent", "")]


async def test_a_resend_has_the_effect_of_once_and_each_is_answered(bench: Bench, ingest: Ingest) -> None:
    for age in (3, 2, 1):
        await bench.say(PENDANT, "sos", message_id="press", at=ago(seconds=age))
    assert await bench.receipts(PENDANT, 3) == ["press"] * 3
    assert await bench.count("urgent_messages") == await bench.count("signals") == 1


async def test_the_same_id_of_another_device_is_another_message(bench: Bench, ingest: Ingest) -> None:
    await bench.say(PENDANT, "sos", message_id="1")
    await bench.say("gw-1/sos-1", "sos", message_id="1")
    await bench.until(MESSAGES, 2)


async def test_an_id_used_again_after_a_day_is_a_new_press_unless_it_is_the_same_instant(
    bench: Bench, ingest: Ingest
) -> None:
    first = ago(minutes=1)
    await bench.say(PENDANT, "sos", message_id="1", at=first)
    await bench.until(MESSAGES)
    await bench.rows("update urgent_identities set stored_at = stored_at - interval '25 hours' returning 1")
    await bench.say(PENDANT, "sos", message_id="1", at=first)
    await bench.say(PENDANT, "sos", message_id="1", at=ago(seconds=1))
    rows = await bench.until(MESSAGES, 2)
    assert "id_reused" in rows[1]["marks"]
    assert len(await bench.receipts(PENDANT, 3)) == 3


async def test_a_pendant_without_a_clock_whose_counter_restarted_is_not_ignored(bench: Bench, ingest: Ingest) -> None:
    await bench.say(PENDANT, "sos", message_id="1")
    await bench.until(MESSAGES)
    await bench.rows("update urgent_identities set stored_at = stored_at - interval '25 hours' returning 1")
    await bench.say(PENDANT, "sos", message_id="1")
    rows = await bench.until(MESSAGES, 2)
    assert rows[1]["marks"] == ["clock_absent", "id_reused"]


async def test_a_test_press_is_stored_and_answered_and_not_signalled(bench: Bench, ingest: Ingest) -> None:
    press = await bench.say(PENDANT, "sos", data={"test": True})
    await bench.until(MESSAGES)
    assert await bench.receipts(PENDANT, 1) == [press]
    assert await bench.count("signals") == 0


async def test_an_unregistered_device_is_stored_without_a_home_and_answered(bench: Bench, ingest: Ingest) -> None:
    press = await bench.say("stranger/stranger", "sos")
    (row,) = await bench.until(MESSAGES)
    assert row["home_id"] is None
    assert "unregistered" in row["marks"]
    assert await bench.receipts("stranger/stranger", 1) == [press]
    assert await bench.count("signals") == 1


async def test_a_device_applied_a_moment_ago_is_known(bench: Bench, ingest: Ingest) -> None:
    await bench.apply(COMMUNITY + "      - {id: new-1, kind: pendant}\n")
    await bench.say("new-1/new-1", "sos")
    (row,) = await bench.until(MESSAGES)
    assert row["home_id"] == "home-1"


async def test_a_late_press_is_marked_and_raises_however_old(bench: Bench, ingest: Ingest) -> None:
    for age in ({"seconds": 10}, {"minutes": 6}, {"hours": 71}, {"hours": 80}):
        await bench.say(PENDANT, "sos", at=ago(**age))
    rows = await bench.until(MESSAGES, 4)
    assert [row["marks"] for row in rows] == [[], ["late"], ["late"], ["clock_not_believed", "late"]]
    assert rows[3]["at"] == rows[3]["received_at"]
    assert await bench.count("signals") == 4


async def test_an_urgent_type_on_the_observation_topic_goes_at_once(bench: Bench, ingest: Ingest) -> None:
    press = await bench.say("gw-1/door-1", "smoke", lane="observation")
    (row,) = await bench.until(MESSAGES)
    assert (row["type"], row["home_id"]) == ("smoke", "home-1")
    assert "observation_topic" in row["marks"]
    assert await bench.receipts("gw-1/door-1", 1) == [press]
    await bench.settled()
    assert await bench.count("urgent_messages") == 1


async def test_a_door_on_the_urgent_topic_is_an_observation(bench: Bench, ingest: Ingest) -> None:
    await bench.say("gw-1/door-1", "door", lane="urgent", data={"open": True})
    await bench.until("select 1 from observations where type = 'door'")
    assert await bench.count("urgent_messages") == 0


async def test_an_unreadable_and_an_unknown_urgent_message_raise_and_are_recorded(bench: Bench, ingest: Ingest) -> None:
    await bench.raw(f"lampkeep/v1/{PENDANT}/urgent", b"\xff\xfe help")
    await bench.say(PENDANT, "toothache", lane="urgent", message_id="t1")
    rows = await bench.until(MESSAGES, 2)
    assert [(row["type"], row["home_id"], row["message_id"]) for row in rows] == [
        ("unreadable", "home-1", None),
        ("unknown", "home-1", "t1"),
    ]
    assert await bench.count("signals") == 2
    rejected = await bench.until("select * from rejected_messages order by rejected_id", 2)
    assert [row["reason"] for row in rejected] == ["malformed", "unknown_type"]
    assert rejected[0]["head"] == b"\xff\xfe help"
    assert await bench.receipts(PENDANT, 1) == ["t1"]


async def test_copies_of_ingest_store_each_message_once(bench: Bench, ingest: Ingest) -> None:
    async with running(bench, "2"):
        press = await bench.say(PENDANT, "sos")
        await bench.raw(f"lampkeep/v1/{PENDANT}/urgent", b"help")
        await bench.say("gw-1/pendant-1", "sos")
        await bench.bridge("Pendant", {"action": "single"})
        await bench.bridge("Pendant", {"action": "single"})
        assert await bench.receipts(PENDANT, 2) == [press] * 2
        await bench.until("select 1 from urgent_messages where device_id = 'sos-1'", 2)
        await asyncio.sleep(0.3)  # whatever a copy would store twice is stored by now
        assert await bench.count("urgent_messages") == await bench.count("signals") == 4
        rejected = await bench.rows("select reason from rejected_messages order by reason")
        assert [row["reason"] for row in rejected] == ["foreign_account", "malformed"]


async def test_another_accounts_device_is_only_rejected(bench: Bench, ingest: Ingest) -> None:
    await bench.say("gw-1/door-9", "sos", message_id="x")
    (row,) = await bench.until("select * from rejected_messages")
    assert (row["reason"], row["account"], row["device_id"], row["lane"]) == (
        "foreign_account", "gw-1", "door-9", "urgent",
    )  # fmt: skip
    assert await bench.count("urgent_messages") == 0


async def test_a_retained_press_that_is_stored_raises_nothing_and_an_unseen_one_is_late(bench: Bench) -> None:
    await bench.say(PENDANT, "sos", message_id="other")
    topic = f"lampkeep/v1/{PENDANT}/urgent"
    await bench.raw(topic, b'{"v":1,"id":"kept","type":"sos"}', retain=True)
    try:
        async with running(bench):
            (row,) = await bench.until("select * from urgent_messages where message_id = 'kept'")
            assert {"late", "retained"} <= set(row["marks"])
            assert await bench.count("signals") == 1
        await bench.rows("update urgent_identities set stored_at = stored_at - interval '9 days' returning 1")
        async with running(bench, "another-session"):
            await bench.receipts(PENDANT, 2)
            assert await bench.count("urgent_messages") == 1
    finally:
        await bench.raw(topic, b"", retain=True)


async def test_a_bridges_alarms_are_told_when_they_change(bench: Bench, ingest: Ingest) -> None:
    async def smoke(*levels: bool) -> list[Any]:
        for level in levels:
            await bench.bridge("hall/Smoke", {"smoke": level, "battery": 90})
        await bench.settled()
        rows = await bench.rows("select data, home_id from urgent_messages where type = 'smoke' order by urgent_id")
        assert {row["home_id"] for row in rows} <= {"home-1"}
        return [row["data"]["active"] for row in rows]

    assert await smoke(False, False) == []
    assert await smoke(True, True, False, False) == [True, False]
    await bench.until("select 1 from observations where device_id = 'smoke-1' and battery = 90", 6)


async def test_an_all_clear_is_told_by_a_copy_that_did_not_hear_the_alarm(bench: Bench) -> None:
    async with running(bench):
        await bench.bridge("hall/Smoke", {"smoke": True})
        await bench.until(MESSAGES)
    async with running(bench):
        await bench.bridge("hall/Smoke", {"smoke": False})
        rows = await bench.until(MESSAGES, 2)
    assert [row["data"]["active"] for row in rows] == [True, False]


async def test_a_bridges_emergency_raises_from_any_device(bench: Bench, ingest: Ingest) -> None:
    await bench.bridge("Front door", {"action": "emergency"})
    await bench.bridge("Unheard of", {"action": "sos"})
    await bench.bridge("Button", {"action": "single"})
    await bench.bridge("Button", {"action": ""})
    rows = await bench.until(MESSAGES, 2)
    assert [(row["device_id"], row["home_id"]) for row in rows] == [("door-1", "home-1"), ("Unheard of", None)]
    await bench.until("select 1 from observations where type = 'checkin'")
    assert await bench.count("rejected_messages") == 0


async def test_a_press_that_the_database_refuses_is_stored_bare(bench: Bench, ingest: Ingest) -> None:
    await bench.database.execute("alter table urgent_messages add check (battery <> 13)")
    bad = await bench.say(PENDANT, "sos", battery=13)
    good = await bench.say(PENDANT, "sos", battery=14)
    rows = await bench.until(MESSAGES, 2)
    assert {row["message_id"]: row["type"] for row in rows} == {bad: "unreadable", good: "sos"}
    assert set(await bench.receipts(PENDANT, 2)) == {bad, good}
    (rejected,) = await bench.rows("select reason from rejected_messages")
    assert rejected["reason"] == "not_storable"


async def test_a_nul_in_an_extra_field_is_kept_out_of_the_database_and_the_test_press_raises_nothing(
    bench: Bench, ingest: Ingest
) -> None:
    await bench.say(PENDANT, "sos", data={"test": True}, note="a\0b")
    (row,) = await bench.until(MESSAGES)
    assert (row["type"], row["extra"]) == ("sos", {"note": "a\ufffdb"})
    assert await bench.count("signals") == await bench.count("rejected_messages") == 0


async def test_a_press_that_was_sent_before_the_copy_had_a_session_is_stored_from_the_other_lane(bench: Bench) -> None:
    async with running(bench, instance="old"):
        await bench.until("select 1 from service_heartbeats where detail->>'holds_observation' = 'true'")
    press = await bench.say(PENDANT, "sos")  # only the stored sessions of the lane and of the copy that is gone have it
    async with running(bench, instance="new"):
        (row,) = await bench.until(MESSAGES)
        assert row["message_id"] == press
        assert await bench.receipts(PENDANT, 1) == [press]
