"""The fixtures themselves: each test gets services of its own that work, stop, and keep what they should."""

import asyncio
import re

import aiomqtt
import psycopg
import pytest

from support.mosquitto import MQTT_5, Broker, answers
from support.postgres import Databases, DatabaseServer, on_database


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
    return {str(row[0]) for row in rows}


def test_a_database_is_migrated(database_url: str) -> None:
    assert {"schema_migrations", "alerts"} <= tables(database_url)


def test_two_databases_share_nothing(databases: Databases, database_url: str) -> None:
    other = databases.migrated()
    with psycopg.connect(database_url) as connection:
        connection.execute("create table mine ()")
    assert "mine" in tables(database_url)
    assert "mine" not in tables(other)
    databases.drop(other)


def test_a_dropped_database_is_gone_though_somebody_is_connected(databases: Databases) -> None:
    url = databases.empty()
    connection = psycopg.connect(url)
    databases.drop(url)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)
    connection.close()


def test_an_empty_database_has_no_tables(empty_database_url: str) -> None:
    assert tables(empty_database_url) == set()


@pytest.mark.timescaledb
def test_timescaledb_makes_hypertables(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("create extension if not exists timescaledb")
        connection.execute("create table seen (at timestamptz not null, device text)")
        made = connection.execute("select create_hypertable('seen', 'at') is not null").fetchone()
    assert made == (True,)


async def test_a_killed_database_server_comes_back_with_what_was_committed(
    private_database_server: DatabaseServer,
) -> None:
    url = private_database_server.url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table kept as select 42 as n")
    await private_database_server.kill()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url, connect_timeout=2)
    await private_database_server.start()
    assert private_database_server.url == url
    with psycopg.connect(url) as connection:
        assert connection.execute("select n from kept").fetchone() == (42,)


async def test_a_broker_delivers(broker: Broker) -> None:
    host, port = re.fullmatch(r"mqtt://([^:]+):(\d+)", broker.url).groups()  # type: ignore[union-attr]
    async with aiomqtt.Client(host, int(port)) as client:
        await client.subscribe("lampkeep/v1/#", qos=1)
        await client.publish("lampkeep/v1/a/b/urgent", b"x", qos=1)
        message = await asyncio.wait_for(anext(client.messages), 5)
    assert message.payload == b"x"


@pytest.mark.mosquitto
async def test_mosquitto_speaks_mqtt_5(broker: Broker) -> None:
    assert broker.kind == "mosquitto"
    assert await answers(broker.url, protocol=MQTT_5)


async def test_a_broker_that_was_stopped_or_killed_is_away_and_comes_back_at_its_url(private_broker: Broker) -> None:
    url = private_broker.url
    for end in (private_broker.stop, private_broker.kill):
        await end()
        assert private_broker.url == url
        with pytest.raises((OSError, AssertionError)):
            assert await answers(url)
        await private_broker.start()
        assert private_broker.url == url
        assert await answers(url)


def test_the_url_of_another_database_keeps_the_account() -> None:
    assert on_database("postgresql://a:b@h:1/x?sslmode=disable", "y") == "postgresql://a:b@h:1/y?sslmode=disable"
