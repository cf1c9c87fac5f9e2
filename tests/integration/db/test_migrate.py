"""Migrations run once, from several machines at once, and refuse what they do not know."""

import asyncio

import pytest

from lampkeep.db.connections import connect
from lampkeep.db.migrate import MigrationError, available, migrate, pending


async def test_a_second_run_finds_nothing_to_do(empty_database_url: str) -> None:
    assert await migrate(empty_database_url)
    assert await migrate(empty_database_url) == []


async def test_several_machines_at_once_run_each_migration_once(empty_database_url: str) -> None:
    ran = await asyncio.gather(*(migrate(empty_database_url) for _ in range(3)))
    names = [name for names in ran for name in names]
    assert len(names) == len(set(names)) == len(available("postgresql"))


async def test_a_changed_or_newer_history_is_refused(database_url: str) -> None:
    async with await connect(database_url, application="test", autocommit=True) as connection:
        assert await pending(connection) == []
        await connection.execute("update schema_migrations set checksum = 'x' where number = 1")
        with pytest.raises(MigrationError, match="was changed after it ran"):
            await migrate(database_url)
        await connection.execute("delete from schema_migrations where number = 1")
        await connection.execute("insert into schema_migrations (number, name, checksum) values (9999, 'n', 'x')")
        with pytest.raises(MigrationError, match="use a newer release"):
            await migrate(database_url)


@pytest.mark.timescaledb
async def test_history_is_a_hypertable_where_timescaledb_is(database_url: str) -> None:
    async with await connect(database_url, application="test", autocommit=True) as connection:
        row = await (
            await connection.execute("select count(*) as n from timescaledb_information.hypertables")
        ).fetchone()
    assert row is not None
    assert row["n"] == 1


async def test_old_history_is_dropped_by_the_day(database_url: str) -> None:
    async with await connect(database_url, application="test", autocommit=True) as connection:
        await connection.execute("select prepare_observations((now() at time zone 'UTC')::date - 3, 4)")
        await connection.execute(
            "insert into observations (received_at, at, account, device_id, home_id, message_id, type, data)"
            " select now() - n * interval '1 day', now(), 'a', 'd', 'h', n::text, 'motion', '{}'"
            " from generate_series(0, 3) as n"
        )
        await connection.execute("select drop_observations_before((now() at time zone 'UTC')::date - 1)")
        row = await (await connection.execute("select count(*) as n from observations")).fetchone()
    assert row is not None
    assert row["n"] == 2
