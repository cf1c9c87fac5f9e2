"""What stands when something is gone: the database, the broker, a copy of ingest, the process itself."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lampkeep.db.migrate import migrate
from lampkeep_ingest.app import Ingest
from lampkeep_ingest.mqtt_inbox import MqttInbox
from support.ingest_running import Bench, a_bench, eventually, running
from support.mosquitto import Broker
from support.postgres import DatabaseServer
from support.processes import ChildProcess, free_port
from support.system import LAMPKEEP

DOOR, PENDANT = "gw-1/door-1", "pendant-1/pendant-1"


async def ready(ingest: Ingest) -> bool:
    return all(part.ok for part in ingest.parts().values())


async def not_ready(ingest: Ingest) -> bool:
    return not await ready(ingest)


async def test_while_the_database_is_away_nothing_is_acknowledged_and_nothing_lost(
    private_database_server: DatabaseServer, broker: Broker
) -> None:
    await migrate(private_database_server.url)
    async with a_bench(private_database_server.url, broker.url) as bench, running(bench) as ingest:
        await bench.settled()
        await private_database_server.stop()
        await eventually(lambda: not_ready(ingest))
        press = await bench.say(PENDANT, "sos")
        for n in range(300):
            await bench.say(DOOR, "door", message_id=f"away-{n}", data={"open": bool(n % 2)})
        inbox = ingest.observation.inbox
        assert isinstance(inbox, MqttInbox)
        await eventually(lambda: _holds(ingest, 301))
        await asyncio.sleep(3)  # NATS delivers again what it has waited for 2 s
        assert inbox.connected_s is not None
        assert ingest.observation.backlog == 300
        assert not ingest.parts()["database"].ok
        assert bench.commands == []
        await private_database_server.start()
        async with a_bench(private_database_server.url, broker.url) as again:
            await again.until("select 1 from observations where message_id like 'away-%%'", 300)
            assert await bench.receipts(PENDANT, 1) == [press]
            assert await again.count("urgent_messages") == 1
        await eventually(lambda: ready(ingest))


async def _holds(ingest: Ingest, n: int) -> bool:
    return ingest.urgent.backlog + ingest.observation.backlog == n


async def test_after_the_broker_was_away_ingest_is_there_again(database_url: str, private_broker: Broker) -> None:
    async with a_bench(database_url, private_broker.url) as bench, running(bench) as ingest:
        await private_broker.stop()
        await eventually(lambda: not_ready(ingest))
        assert ingest.parts()["broker"].state == "no connection"
        await private_broker.start()
        await eventually(lambda: ready(ingest), within_s=20)
        async with a_bench(database_url, private_broker.url) as again:
            await again.say(PENDANT, "sos")
            await again.settled()
            await again.until("select 1 from urgent_messages")


async def test_another_copy_takes_the_lane_over_and_loses_nothing(bench: Bench) -> None:
    async with running(bench, "2") as second:
        async with running(bench, "1") as first:
            holders = [copy.observation.is_held for copy in (first, second)]
            assert sorted(holders) == [False, True]
            for n in range(20):
                await bench.say(DOOR, "door", message_id=f"before-{n}", data={"open": True})
            await bench.settled()
        for n in range(20):
            await bench.say(DOOR, "door", message_id=f"after-{n}", data={"open": True})
        await bench.until("select 1 from observations where device_id = 'door-1'", 40)
        await eventually(lambda: _held(second))


async def _held(ingest: Ingest) -> bool:
    return ingest.observation.is_held


async def test_what_came_while_no_copy_ran_waits_at_the_broker(bench: Bench) -> None:
    async with running(bench):
        await bench.settled()
    press = await bench.say(PENDANT, "sos")
    await bench.say(DOOR, "door", message_id="1", data={"open": True})
    async with running(bench):
        await bench.until("select 1 from observations where message_id = '1'")
        assert await bench.receipts(PENDANT, 1) == [press]


async def test_a_copy_whose_session_the_server_ended_gives_the_lane_away(bench: Bench) -> None:
    async with running(bench, "1") as first, running(bench, "2") as second:
        assert first.observation.is_held
        assert not second.observation.is_held
        end = (
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = %(name)s and datname = current_database()"
        )
        for _ in range(5):
            await bench.rows(end, name="lampkeep-ingest-observation")
            await bench.rows(end, name="lampkeep-ingest-urgent")
            await bench.rows(end, name="lampkeep-ingest-keeper")
        await eventually(lambda: _one_holds(first, second))
        await bench.say(PENDANT, "sos")
        await bench.settled()
        await bench.until("select 1 from urgent_messages")


async def _one_holds(*copies: Ingest) -> bool:
    held = [copy for copy in copies if copy.observation.is_held]
    return len(held) == 1 and all([await ready(copy) for copy in copies])


async def test_ingest_says_each_second_how_far_its_lanes_are_drained(bench: Bench, ingest: Ingest) -> None:
    async def drained() -> object:
        (row,) = await bench.rows(
            "select detail, now() - beat_at as age from service_heartbeats where service = 'ingest'"
        )
        until = row["detail"]["watched_until"]
        return row if until["urgent"] and until["observation"] else None

    row = await eventually(drained)
    assert row["age"].total_seconds() < 3
    assert row["detail"]["holds_observation"] is True


@pytest.fixture
async def killed(bench: Bench) -> AsyncIterator[list[ChildProcess]]:
    children: list[ChildProcess] = []
    yield children
    for child in children:
        await child.end()


async def start(bench: Bench, children: list[ChildProcess], **env: str) -> ChildProcess:
    environment = {
        "LAMPKEEP_DATABASE_URL": bench.database_url,
        "LAMPKEEP_MQTT_URL": bench.mqtt_url,
        "LAMPKEEP_HTTP": f"127.0.0.1:{free_port()}",
    } | env
    child = await ChildProcess.start([Path(LAMPKEEP), "ingest"], name="ingest", env=environment, folder=None)
    children.append(child)
    return child


async def connected(child: ChildProcess, session: str) -> None:
    await child.wait_for_line(rf"^(?=.*broker\.connected)(?=.*lampkeep-ingest-{session})")


@pytest.mark.parametrize(
    "point", ["ingest.received", "ingest.in_transaction", "ingest.after_commit", "ingest.after_ack"]
)
async def test_a_press_survives_a_kill_at_every_point_and_no_receipt_is_sent_too_early(
    bench: Bench, killed: list[ChildProcess], point: str
) -> None:
    first = await start(bench, killed, LAMPKEEP_FAULT=f"{point}:3")
    await connected(first, "1-urgent")
    presses = set()
    for _ in range(6):
        presses.add(await bench.say(PENDANT, "sos"))
        await asyncio.sleep(0.05)
    assert await first.wait(within_s=20) == -9
    stored = {row["message_id"] for row in await bench.rows("select message_id from urgent_messages")}
    assert {body["ref"] for _, body in bench.commands} <= stored
    await start(bench, killed)
    if point == "ingest.after_ack":  # acknowledged, without its receipt: the device says it again
        for press in presses:
            await bench.say(PENDANT, "sos", message_id=press)
    rows = await bench.until("select message_id from urgent_messages", 6, within_s=30)
    assert {row["message_id"] for row in rows} == presses
    assert await bench.count("signals") == 6

    async def answered() -> bool:
        return {body["ref"] for _, body in bench.commands} >= presses

    await eventually(answered, within_s=20)


@pytest.mark.parametrize(
    "point",
    [f"ingest.observations.{where}" for where in ("received", "in_transaction", "after_commit", "after_ack")],
)
async def test_observations_survive_a_kill_at_every_point(bench: Bench, killed: list[ChildProcess], point: str) -> None:
    first = await start(bench, killed, LAMPKEEP_FAULT=f"{point}:2")
    await connected(first, "observation")
    for n in range(60):
        await bench.say(DOOR, "door", message_id=f"{n}", data={"open": True})
        await asyncio.sleep(0.01)
    assert await first.wait(within_s=20) == -9
    await start(bench, killed)
    rows = await bench.until("select message_id from observations", 60, within_s=30)
    assert {row["message_id"] for row in rows} == {f"{n}" for n in range(60)}


async def test_it_stops_in_time_when_it_is_told_to(bench: Bench, killed: list[ChildProcess]) -> None:
    child = await start(bench, killed)
    await child.wait_for_line("lane.taken")
    began = time.monotonic()
    assert await child.stop() == 0
    assert time.monotonic() - began < 10


async def test_a_wrong_setting_is_one_line_and_exit_code_2(bench: Bench, killed: list[ChildProcess]) -> None:
    child = await start(bench, killed, LAMPKEEP_MQTT_URL="http://127.0.0.1")
    assert await child.wait(within_s=20) == 2
    assert len([line for line in child.lines if line]) == 1
    assert "LAMPKEEP_MQTT_URL" in child.output


async def test_a_first_copy_is_ready_only_once_the_broker_keeps_observations_for_it(bench: Bench) -> None:
    async with running(bench, ready=False) as ingest:
        assert not ingest.parts()["observation_lane"].ok
        await eventually(lambda: ready(ingest), every_s=0)
        assert ingest.observation.is_held
        assert isinstance(ingest.observation.inbox, MqttInbox)
        assert ingest.observation.inbox.connected_s is not None
