"""Bring a database to this release: numbered `.sql` files, each once, each in one transaction.

Files are `NNNN_what.sql`; where TimescaleDB and plain PostgreSQL differ there are two of one number,
`NNNN_what.timescaledb.sql` and `NNNN_what.postgresql.sql`, and the one that fits is run. A session advisory lock lets
any number of machines start at once; a lock timeout keeps a migration from hanging behind a long query.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from importlib.resources import files

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.db.connections import connect

_LOCK_KEY = 7_021_120
"""Advisory lock of the runner; any constant does, all releases must share it."""

LOCK_ATTEMPTS = 60
"""A second migrator waits up to this many seconds for the first."""


class MigrationError(Exception):
    """The database cannot be brought to this release; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file: `number` orders, `name` is the file's, `checksum` is SHA-256 of its text in hex."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def available(flavour: str) -> list[Migration]:
    """The release's migrations for `flavour` ('timescaledb' or 'postgresql'), in order."""
    found: list[Migration] = []
    for file in files("lampkeep.db").joinpath("migrations").iterdir():
        stem, dot, variant = file.name.removesuffix(".sql").partition(".")
        if not file.name.endswith(".sql") or (dot and variant != flavour):
            continue
        number = int(stem.partition("_")[0])
        found.append(Migration(number=number, name=file.name, sql=file.read_text(encoding="utf-8")))
    found.sort(key=lambda migration: migration.number)
    return found


async def flavour(connection: AsyncConnection[DictRow]) -> str:
    """'timescaledb' where the extension is installed or can be, else 'postgresql'.

    A database that was first migrated as one stays that one: its history tables have that shape.
    """
    recorded = await (
        await connection.execute(
            "select name from schema_migrations where name like '%.timescaledb.sql' or name like '%.postgresql.sql'"
            " order by number limit 1"
        )
    ).fetchone()
    if recorded is not None:
        return str(recorded["name"]).split(".")[1]
    offered = await (
        await connection.execute("select 1 from pg_available_extensions where name = 'timescaledb'")
    ).fetchone()
    return "timescaledb" if offered else "postgresql"


async def migrate(url: str) -> list[str]:
    """Run what is missing; returns the names that were run, empty when the database was current.

    Raises MigrationError when another migrator holds the lock for a minute, when a file that has run was changed
    since, or when the database is newer than this release; DatabaseUnavailableError when it does not answer.
    """
    async with await connect(
        url, application="lampkeep-migrate", autocommit=True, statement_timeout_ms=600_000
    ) as connection:
        await _lock(connection)
        try:
            return await _run_missing(connection)
        finally:
            await connection.execute("select pg_advisory_unlock(%s)", [_LOCK_KEY])


async def pending(connection: AsyncConnection[DictRow]) -> list[str]:
    """Names of migrations that this release brings and the database has not; for readiness and `doctor`."""
    present = await (await connection.execute("select to_regclass('schema_migrations') as t")).fetchone()
    if present is None or present["t"] is None:
        return [migration.name for migration in available("postgresql")]
    done = await _done(connection)
    return [m.name for m in available(await flavour(connection)) if m.number not in done]


async def _lock(connection: AsyncConnection[DictRow]) -> None:
    for _ in range(LOCK_ATTEMPTS):
        row = await (await connection.execute("select pg_try_advisory_lock(%s) as held", [_LOCK_KEY])).fetchone()
        if row is not None and row["held"]:
            return
        await asyncio.sleep(1)
    raise MigrationError("another migration holds the lock; wait until it has ended, then run again")


async def _done(connection: AsyncConnection[DictRow]) -> dict[int, str]:
    rows = await (await connection.execute("select number, checksum from schema_migrations")).fetchall()
    return {row["number"]: row["checksum"] for row in rows}


async def _run_missing(connection: AsyncConnection[DictRow]) -> list[str]:
    await connection.execute(
        "create table if not exists schema_migrations (number int primary key, name text not null,"
        " checksum text not null, applied_at timestamptz not null default now())"
    )
    done = await _done(connection)
    migrations = available(await flavour(connection))
    _check_history(done, migrations)
    ran: list[str] = []
    for migration in migrations:
        if migration.number not in done:
            await _run(connection, migration)
            ran.append(migration.name)
    return ran


def _check_history(done: dict[int, str], migrations: list[Migration]) -> None:
    known = {migration.number: migration for migration in migrations}
    for number, checksum in sorted(done.items()):
        if number not in known:
            raise MigrationError(f"the database has migration {number}, which this release lacks: use a newer release")
        if known[number].checksum != checksum:
            raise MigrationError(f"{known[number].name} was changed after it ran: restore it and add a new migration")


async def _run(connection: AsyncConnection[DictRow], migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute("set local lock_timeout = '10s'")
            await connection.execute(migration.sql)
            await connection.execute(
                "insert into schema_migrations (number, name, checksum) values (%s, %s, %s)",
                [migration.number, migration.name, migration.checksum],
            )
    except psycopg.Error as error:
        raise MigrationError(f"{migration.name}: {error}") from error
