"""The database server of tests, in its three ways, and the databases that it makes for them.

A migrated template is made once; a test's own database is a copy of it (some 40 ms). Names carry the process id,
so that several sessions and workers can share one server.
"""

import asyncio
import itertools
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from lampkeep.db.migrate import migrate
from lampkeep_standalone.embedded.postgres import EmbeddedPostgres
from support.docker import TIMESCALEDB, Container
from support.services_loop import services_loop

DatabaseKind = Literal["timescaledb", "postgresql"]
CopyStrategy = Literal["wal_log", "file_copy"]

READY_WITHIN_S = 60
"""A container answers after 1.5 s; the published image takes 5, and a busy machine its time."""


class DatabaseServer(Protocol):
    """A PostgreSQL whose `url` leads to a database from which others may be made and dropped."""

    kind: DatabaseKind

    copies: CopyStrategy
    """How it copies a template soonest. A copy of TimescaleDB's took 300 ms of processor time with `wal_log`, 35 to 130
    with `file_copy`, which waits for a checkpoint: without fsync that is nothing, with it 0.5 s and more."""

    @property
    def url(self) -> str:
        """`postgresql://…` of an existing database, as an account that may do anything."""
        ...

    async def start(self) -> None:
        """Make it the first time, start it again after `stop` or `kill`; returns when it answers, at the same URL."""
        ...

    async def stop(self) -> None:
        """A clean stop; data stays."""
        ...

    async def kill(self) -> None:
        """SIGKILL to all of it; data stays."""
        ...

    async def remove(self) -> None:
        """Gone, with its data."""
        ...


class GivenServer:
    """The server of LAMPKEEP_TEST_DATABASE_URL: ours to use, not to start or stop."""

    copies: CopyStrategy = "wal_log"

    def __init__(self, url: str) -> None:
        """Ask it what it is; psycopg.OperationalError where it does not answer."""
        self.url = url
        self.kind = kind_of(url)

    async def start(self) -> None:
        """It runs already."""

    async def stop(self) -> None:
        """Not ours to stop."""
        raise NotImplementedError("the given database server is not ours to stop: use private_database_server")

    kill = stop

    async def remove(self) -> None:
        """It stays."""


class DockerServer:
    """TimescaleDB in a container. `durable` False trades the disk's word for speed, which no test of ours can see."""

    kind: DatabaseKind = "timescaledb"

    def __init__(self, image: str, *, durable: bool = False, settings: tuple[str, ...] = ()) -> None:
        """`settings` are further `name=value` of the server."""
        self.copies: CopyStrategy = "wal_log" if durable else "file_copy"
        quick = () if durable else ("fsync=off", "full_page_writes=off")
        words = [word for setting in (*quick, *settings) for word in ("-c", setting)]
        self._container = Container(
            part=TIMESCALEDB,
            image=image,
            env={"POSTGRES_USER": "lampkeep", "POSTGRES_PASSWORD": "lampkeep", "POSTGRES_DB": "lampkeep"},
            command=["postgres", *words],
        )

    @property
    def url(self) -> str:
        """Its first database."""
        host, port = self._container.address
        return f"postgresql://lampkeep:lampkeep@{host}:{port}/lampkeep"

    async def start(self) -> None:
        """About 1.5 s the first time."""
        await asyncio.to_thread(self._container.start)
        try:
            await asyncio.to_thread(_wait_until_it_answers, self.url)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; its log ends with:\n{self._container.logs()}") from None

    async def stop(self) -> None:
        """Fast shutdown."""
        await asyncio.to_thread(self._container.stop)

    async def kill(self) -> None:
        """SIGKILL to the container."""
        await asyncio.to_thread(self._container.kill)

    async def remove(self) -> None:
        """The container and its volume."""
        await asyncio.to_thread(self._container.remove)


class EmbeddedServer:
    """The server that `lampkeep up` brings along, in a folder of its own."""

    kind: DatabaseKind = "postgresql"
    copies: CopyStrategy = "wal_log"

    def __init__(self) -> None:
        """Nothing is made yet."""
        self._folder = Path(tempfile.mkdtemp(prefix="lampkeep-test-pg-"))
        self._server = EmbeddedPostgres(self._folder / "database")

    @property
    def url(self) -> str:
        """Its first database."""
        return self._server.url

    async def start(self) -> None:
        """About 1 s the first time."""
        await services_loop().call(self._start())

    async def stop(self) -> None:
        """Fast shutdown."""
        await services_loop().call(self._server.stop())

    async def kill(self) -> None:
        """SIGKILL to the server; its backends end by themselves, and the next start sees to that."""
        if self._server.pid is not None:
            os.kill(self._server.pid, signal.SIGKILL)
            await services_loop().call(self._server.exited())

    async def remove(self) -> None:
        """The server and its folder."""
        await self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _start(self) -> None:
        await self._server.start()


class Databases:
    """Databases on one server, made for tests and dropped after them."""

    def __init__(self, server: DatabaseServer) -> None:
        """Nothing is made yet."""
        self._server = server
        self._numbers = itertools.count(1)
        self._template: str | None = None

    def empty(self) -> str:
        """The URL of a new database without anything in it."""
        return self._create("template0")

    def migrated(self) -> str:
        """The URL of a new database at this release's schema."""
        if self._template is None:
            self._template = self._make_template()
        return self._create(self._template)

    def drop(self, url: str) -> None:
        """Drop the database of `url`, whoever is still connected to it."""
        self._run("drop database if exists {} with (force)", urlsplit(url).path[1:])

    def close(self) -> None:
        """Drop the template."""
        if self._template is not None:
            self._run("alter database {} is_template false", self._template)
            self._run("drop database if exists {} with (force)", self._template)
            self._template = None

    def _create(self, template: str) -> str:
        name = f"lampkeep_test_{os.getpid()}_{next(self._numbers)}"
        self._run(f"create database {{}} template {{}} strategy {self._server.copies}", name, template)
        return on_database(self._server.url, name)

    def _make_template(self) -> str:
        url = self.empty()
        name = urlsplit(url).path[1:]
        services_loop().run(migrate(url))
        # TimescaleDB's scheduler connects to every database by itself, and nobody may be connected to a template
        self._run("alter database {} allow_connections false", name)
        self._run("alter database {} is_template true", name)
        with psycopg.connect(self._server.url, autocommit=True) as connection:
            connection.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = %s", [name]
            )
        return name

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self._server.url, autocommit=True, connect_timeout=10) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def on_database(url: str, name: str) -> str:
    """The same server's database `name`."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def kind_of(url: str) -> DatabaseKind:
    """Whether the server at `url` offers TimescaleDB. Raises psycopg.OperationalError."""
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        offered = connection.execute("select 1 from pg_available_extensions where name = 'timescaledb'").fetchone()
    return "timescaledb" if offered else "postgresql"


def _wait_until_it_answers(url: str) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no answer within {READY_WITHIN_S} s: {error}") from error
            time.sleep(0.05)
        else:
            return
