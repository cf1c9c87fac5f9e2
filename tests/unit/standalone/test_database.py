"""Which database a small command works on while an `up` is just starting in its data directory."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from lampkeep.settings import Settings
from lampkeep_standalone.data_dir import UP, DataDir, Running
from lampkeep_standalone.database import _running_or_locked, opened
from lampkeep_standalone.errors import UsageError

RUNNING = Running(database_url="postgresql://here", mqtt_url="mqtt://here", public_url="http://here")

SOON_S = 0.3
"""How long the starting `up` of these tests takes until it says where its database is."""

HOLDS = """
import sys, pathlib, time
from lampkeep_standalone.data_dir import DataDir
with DataDir(pathlib.Path(sys.argv[1])).lock("lampkeep up", patience_s=0):
    print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def starting_up(folder: Path) -> Iterator[None]:
    other = subprocess.Popen([sys.executable, "-c", HOLDS, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        yield
    finally:
        other.kill()
        other.communicate()


async def announce_soon(folder: Path) -> None:
    await asyncio.sleep(SOON_S)
    DataDir(folder).announce(RUNNING)


class Overtaken(DataDir):
    """A data directory that an `up` takes just after the command looked whether one has it."""

    looked: ClassVar[list[bool]] = []

    def is_held_by_up(self) -> bool:
        self.looked.append(True)
        return len(self.looked) > 1 and super().is_held_by_up()

    def announced(self) -> Running | None:
        return super().announced() if len(self.looked) > 1 else None


async def test_a_command_waits_for_the_up_that_makes_the_database(tmp_path: Path) -> None:
    with starting_up(tmp_path):
        announcing = asyncio.create_task(announce_soon(tmp_path))
        async with opened(Settings(), tmp_path, holder="lampkeep token") as url:
            assert url == RUNNING.database_url
        await announcing


async def test_a_command_that_an_up_overtakes_waits_for_it(tmp_path: Path) -> None:
    with starting_up(tmp_path), ExitStack() as held:
        DataDir(tmp_path).announce(RUNNING)
        found = await _running_or_locked(Overtaken(tmp_path), held, "lampkeep token")
        assert found == RUNNING
    assert DataDir(tmp_path).holder().startswith(UP)


async def test_a_folder_without_a_database_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no database"):
        async with opened(Settings(), tmp_path, holder="lampkeep token"):
            pass
