import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiomqtt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.db.connections import connect
from lampkeep.domain.home_state import KEEP, DeviceState, Reading, fold, merge_into
from lampkeep_ingest.app import Ingest
from lampkeep_ingest.observation_writer import merge_states
from support.ingest_running import COMMUNITY, Bench, client, running

DOOR = "gw-1/door-1"
STORED = "select * from observations order by at, message_id"


def ago(**age: float) -> str:
    return (datetime.now(UTC) - timedelta(**age)).isoformat()


async def states(bench: Bench, type_: str, device_id: str = "door-1") -> DictRow:
    (row,) = await bench.until(
        "select * from device_state where device_id = %(device_id)s and type = %(type)s",
        device_id=device_id,
        type=type_,
    )
    return row


async def test_an_observation_is_stored_and_folded(bench: Bench, ingest: Ingest) -> None:
    message_id = await bench.say(DOOR, "door", data={"open": True, "angle": 9}, battery=77, at=ago(seconds=5), rssi=-70)
    (row,) = await bench.until(STORED)
    assert (row["message_id"], row["home_id"], row["account"], row["battery"]) == (message_id, "home-1", "gw-1", 77)
    assert (row["data"], row["extra"], row["marks"]) == ({"open": True, "angle": 9}, {"rssi": -70}, [])
    door, battery = await states(bench, "door"), await states(bench, "battery")
    assert door["on_at"] == [row["at"]]
    assert door["off_at"] == []
    assert (battery["percent"], battery["percent_at"]) == (77, row["at"])


async def test_a_resend_has_the_effect_of_once_whatever_its_instant(bench: Bench, ingest: Ingest) -> None:
    for age in (9, 6, 3):
        await bench.say(DOOR, "door", message_id="1", data={"open": True}, at=ago(seconds=age))
    await bench.settled()
    assert len((await states(bench, "door"))["on_at"]) == 1
    assert len(await bench.rows("select 1 from observations where message_id = '1'")) == 1


async def test_a_resend_in_a_later_batch_is_a_duplicate(bench: Bench, ingest: Ingest) -> None:
    await bench.say(DOOR, "door", message_id="1", data={"open": True})
    await bench.settled()
    await bench.say(DOOR, "door", message_id="1", data={"open": True})
    await bench.settled()
    assert len(await bench.rows("select 1 from observations where message_id = '1'")) == 1


async def test_late_and_disordered_messages_do_not_undo_newer_ones(bench: Bench, ingest: Ingest) -> None:
    await bench.say(DOOR, "door", data={"open": False}, at=ago(minutes=1))
    await bench.settled()
    await bench.say(DOOR, "door", data={"open": True}, at=ago(hours=24))
    await bench.settled()
    row = await states(bench, "door")
    assert row["off_at"][0] > row["on_at"][0]
    assert row["seen_at"] == row["off_at"][0]


async def test_an_observation_of_a_device_applied_a_moment_ago_is_stored(bench: Bench, ingest: Ingest) -> None:
    await bench.say("new-1/new-1", "heartbeat")
    await bench.until("select 1 from rejected_messages where reason = 'unknown_device'")
    await bench.apply(COMMUNITY + "      - {id: new-1, kind: motion}\n")
    await bench.say("new-1/new-1", "heartbeat")
    await bench.until("select 1 from observations where device_id = 'new-1'")


async def test_an_opened_door_moves_its_homes_next_look_forward_and_nothing_moves_it_back(
    bench: Bench, ingest: Ingest
) -> None:
    await bench.rows("update home_watch set next_check_at = now() + interval '1 day' returning 1")
    await bench.say(DOOR, "door", data={"open": True})
    await bench.settled()
    (watch,) = await bench.rows("select next_check_at - now() as ahead from home_watch")
    assert timedelta(minutes=29) < watch["ahead"] < timedelta(minutes=30)
    await bench.say(DOOR, "door", data={"open": True}, at=ago(seconds=-30))
    await bench.settled()
    (again,) = await bench.rows("select next_check_at - now() as ahead from home_watch")
    assert again["ahead"] < timedelta(minutes=30)


async def test_a_row_that_the_database_refuses_does_not_stop_its_batch(bench: Bench, ingest: Ingest) -> None:
    await bench.database.execute("alter table observations add check (battery <> 13)")
    ids = {await bench.say("gw-1/pir-1", "motion", battery=n) for n in range(10, 20)}
    await bench.until("select 1 from observations", 9)
    (rejected,) = await bench.until("select * from rejected_messages")
    assert (rejected["reason"], rejected["lane"], rejected["device_id"]) == ("not_storable", "observation", "pir-1")
    assert len(ids - {row["message_id"] for row in await bench.rows(STORED)}) == 1


async def test_status_and_last_will_say_whether_a_device_is_online(bench: Bench, ingest: Ingest) -> None:
    will = aiomqtt.Will("lampkeep/v1/gw-1/gw-1/status", b'{"v":1,"online":false}', qos=1, retain=True)
    gateway = client(bench.mqtt_url)
    gateway._client.will_set(will.topic, will.payload, will.qos, will.retain)
    await gateway.__aenter__()
    await gateway.publish(will.topic, b'{"v":1,"online":true}', qos=1, retain=True)
    await bench.until("select 1 from device_state where device_id = 'gw-1' and type = 'online' and on_at <> '{}'")
    sock = gateway._client.socket()
    assert isinstance(sock, socket.socket)
    sock.shutdown(socket.SHUT_RDWR)  # without a DISCONNECT: the broker publishes the will
    await bench.until("select 1 from device_state where device_id = 'gw-1' and type = 'online' and off_at <> '{}'")
    await bench.raw(will.topic, b"", retain=True)


async def test_a_retained_observation_is_recorded_and_changes_nothing(bench: Bench) -> None:
    topic = f"lampkeep/v1/{DOOR}/observation"
    await bench.raw(topic, b'{"v":1,"id":"kept","type":"door","data":{"open":true}}', retain=True)
    try:
        async with running(bench):
            (row,) = await bench.until("select * from observations where message_id = 'kept'")
            assert "retained" in row["marks"]
            assert await bench.count("device_state") == 0
            await bench.say(DOOR, "door", message_id="kept", data={"open": True})
            await states(bench, "door")
    finally:
        await bench.raw(topic, b"", retain=True)


async def test_a_bridges_states_become_readings(bench: Bench, ingest: Ingest) -> None:
    await bench.bridge("Front door", {"contact": False, "battery": 60, "battery_low": True, "tamper": False})
    await bench.bridge("pir-1", {"occupancy": True})
    await bench.bridge("bed-1", {"presence": True})
    await bench.bridge("Front door/availability", {"state": "offline"})
    await bench.bridge("bridge/state", b"offline")
    await bench.bridge("Lamp", {"state": "ON"})
    await bench.settled()
    told = {(row["device_id"], row["type"]): row for row in await bench.rows("select * from device_state")}
    assert told["door-1", "door"]["on_at"]
    assert told["door-1", "battery"]["on_at"]
    assert told["door-1", "battery"]["percent"] == 60
    assert told["door-1", "tamper"]["off_at"]
    assert told["door-1", "online"]["off_at"]
    assert told["gw-1", "online"]["off_at"]
    assert told["pir-1", "motion"]["on_at"]
    assert told["bed-1", "presence"]["on_at"]
    assert await bench.rows("select reason, device_id from rejected_messages") == [
        {"reason": "unknown_device", "device_id": "Lamp"}
    ]


async def test_a_large_burst_is_stored_whole(bench: Bench, ingest: Ingest) -> None:
    for n in range(1200):
        await bench.raw(
            f"lampkeep/v1/{DOOR}/observation",
            b'{"v":1,"id":"%d","type":"door","data":{"open":%s}}' % (n, b"true" if n % 2 else b"false"),
            qos=1,  # a broker may drop what is sent at QoS 0
        )
    await bench.until("select message_id from observations", 1200)
    row = await states(bench, "door")
    assert len(row["on_at"]) == len(row["off_at"]) == KEEP


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[AsyncConnection[DictRow]]:
    async with await connect(database_url, application="test", autocommit=True) as made:
        yield made


BASE = datetime(2026, 11, 22, tzinfo=UTC)
READINGS = st.builds(
    Reading,
    device_id=st.sampled_from(["a", "b"]),
    home_id=st.just("home-1"),
    type=st.sampled_from(["door", "motion", "battery", "checkin", "heartbeat"]),
    at=st.integers(0, 40).map(lambda n: BASE + timedelta(seconds=n)),
    battery=st.none() | st.integers(0, 100),
    on=st.none() | st.booleans(),
)


@given(st.lists(st.lists(READINGS, min_size=1, max_size=20), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_database_merges_as_the_domain_does(
    connection: AsyncConnection[DictRow], batches: list[list[Reading]]
) -> None:
    await connection.execute("delete from device_state")
    expected: dict[tuple[str, str], DeviceState] = {}
    for batch in batches:
        part: dict[tuple[str, str], DeviceState] = {}
        for reading in batch:
            merge_into(part, fold(reading))
            merge_into(expected, fold(reading))
        await merge_states(connection, part, dict.fromkeys(("a", "b"), "home-1"))
    found = {(row["device_id"], row["type"]): _state(row) for row in await _rows(connection)}
    assert found == expected


async def _rows(connection: AsyncConnection[DictRow]) -> list[DictRow]:
    return await (await connection.execute("select * from device_state")).fetchall()


def _state(row: dict[str, Any]) -> DeviceState:
    return DeviceState(
        device_id=row["device_id"],
        type=row["type"],
        seen_at=row["seen_at"],
        on_at=tuple(row["on_at"]),
        off_at=tuple(row["off_at"]),
        percent=row["percent"],
        percent_at=row["percent_at"],
    )
