"""A line of dispatch: one connection that no failure leaves in a state in which later work fails."""

import psycopg
import pytest

from lampkeep_dispatch.database import Connection, Line, in_one_go


async def _fails(connection: Connection) -> None:
    async with in_one_go(connection):
        await connection.execute("select 1 / 0")
        await connection.execute("select 'skipped by the server, and taken for prepared'")


async def _backend(connection: Connection) -> int:
    row = await (await connection.execute("select pg_backend_pid() as pid")).fetchone()
    assert row is not None
    return int(row["pid"])


async def test_nothing_is_built_on_a_connection_whose_pipeline_failed(database_url: str) -> None:
    line = Line(database_url, application="test")
    before = await line.run(_backend)
    assert await line.run(_backend) == before
    with pytest.raises(psycopg.errors.DivisionByZero):
        await line.run(_fails)
    after = await line.run(_backend)
    assert after != before
    await line.close()
