"""Which database a command works on: that of a running `lampkeep up`, the one of a data directory, or a URL."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.db.connections import connect
from lampkeep.db.migrate import migrate
from lampkeep.settings import Settings
from lampkeep_standalone.data_dir import DEFAULT, LOOK_EVERY_S, DataDir, InUseError, Running
from lampkeep_standalone.embedded.postgres import EmbeddedPostgres
from lampkeep_standalone.errors import UsageError

PATIENCE_S = 20.0
"""Another command may hold the data directory for a moment, and an `up` that starts says late where its database is."""


@asynccontextmanager
async def opened(
    settings: Settings, data_dir: Path | None, *, holder: str, make: bool = False, migrated: bool = True
) -> AsyncIterator[str]:
    """The URL of the database to work on, good while the block runs.

    `--data-dir` goes before LAMPKEEP_DATABASE_URL, which goes before `./lampkeep-data`. An embedded database that is
    not running is started for the block and, with `migrated`, brought to this release. `make` allows a new one. Raises
    UsageError when there is none, or when the data directory stays in use.
    """
    if data_dir is None and settings.database_url:
        yield settings.database_url
        return
    folder = _folder(data_dir, make=make)
    with ExitStack() as held:
        running = await _running_or_locked(folder, held, holder)
        if running is not None:
            yield running.database_url
            return
        if not make:
            _require_database(folder, data_dir)
        async with EmbeddedPostgres(folder.database) as postgres:
            if migrated:
                await migrate(postgres.url)
            yield postgres.url


@asynccontextmanager
async def connected(settings: Settings, data_dir: Path | None, holder: str) -> AsyncIterator[AsyncConnection[DictRow]]:
    """A connection in autocommit to the database to work on."""
    async with (
        opened(settings, data_dir, holder=holder) as url,
        await connect(url, application=holder.replace(" ", "-"), autocommit=True) as connection,
    ):
        yield connection


async def _running_or_locked(folder: DataDir, held: ExitStack, holder: str) -> Running | None:
    """The `up` that runs in `folder`, or None once the folder is ours, held by `held`.

    An `up` may take the folder between our look and our lock: then it is asked again. Raises InUseError.
    """
    deadline = time.monotonic() + PATIENCE_S
    while (running := await _running_soon(folder)) is None:
        try:
            held.enter_context(folder.lock(holder, patience_s=PATIENCE_S))
        except InUseError:
            if time.monotonic() > deadline:
                raise
        else:
            return None
    return running


async def of_running_up(settings: Settings, data_dir: Path | None) -> Settings:
    """The settings of one service alone: with `--data-dir`, database, broker and links of the `up` that runs there.

    Raises UsageError where none runs.
    """
    if data_dir is None:
        return settings
    folder = _existing(data_dir)
    running = await _running_soon(folder) if folder else None
    if running is None:
        raise UsageError(
            f"--data-dir {data_dir}: no `lampkeep up` runs there; start one, or set LAMPKEEP_DATABASE_URL instead"
        )
    found = {"database_url": running.database_url, "mqtt_url": running.mqtt_url}
    return settings.model_copy(update=found | {"public_url": settings.public_url or running.public_url})


def running_in(folder: DataDir) -> Running | None:
    """Where the parts of the `up` that runs in `folder` are; None when none runs, or when it is just starting."""
    return folder.announced() if folder.is_held() else None


async def _running_soon(folder: DataDir) -> Running | None:
    """The same, after a moment's patience with an `up` that is just starting."""
    deadline = time.monotonic() + PATIENCE_S
    while (running := running_in(folder)) is None and time.monotonic() < deadline:
        if not folder.is_held_by_up():
            return None
        await asyncio.sleep(LOOK_EVERY_S)
    return running


def _existing(path: Path) -> DataDir | None:
    return DataDir.make(path) if path.is_dir() else None


def _folder(data_dir: Path | None, *, make: bool) -> DataDir:
    path = data_dir or DEFAULT
    if make and data_dir is not None:
        return DataDir.make(path)
    folder = _existing(path)
    if folder is None or not folder.is_held_by_up():
        _require_database(folder, data_dir)
    assert folder is not None
    return folder


def _require_database(folder: DataDir | None, data_dir: Path | None) -> None:
    if folder is not None and folder.has_database:
        return
    if data_dir is None:
        raise UsageError("no database: set LAMPKEEP_DATABASE_URL, or give the --data-dir of `lampkeep up`")
    raise UsageError(f"--data-dir {data_dir}: there is no database; `lampkeep up --data-dir {data_dir}` makes one")
