import os
import subprocess
import sys
from pathlib import Path

import pytest

from lampkeep_standalone.data_dir import UP, DataDir, Running
from lampkeep_standalone.errors import UsageError

HOLDS = """
import sys, pathlib, time
from lampkeep_standalone.data_dir import DataDir
with DataDir(pathlib.Path(sys.argv[1])).lock(sys.argv[2], patience_s=0):
    print("held", flush=True)
    time.sleep(600)
"""


def held_by(folder: Path, holder: str) -> "subprocess.Popen[str]":
    other = subprocess.Popen([sys.executable, "-c", HOLDS, str(folder), holder], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    return other


def test_a_new_data_directory_is_its_owners_alone(tmp_path: Path) -> None:
    made = DataDir.make(tmp_path / "deep" / "data")
    assert made.path.stat().st_mode & 0o777 == 0o700
    assert not made.has_database
    assert not made.is_held()


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"--data-dir .*file"):
        DataDir.make(tmp_path / "file" / "data")


def test_the_second_up_is_told_who_holds_the_directory(tmp_path: Path) -> None:
    other = held_by(tmp_path, UP)
    try:
        with pytest.raises(UsageError, match=rf"in use by lampkeep up \(process {other.pid}\)"):
            DataDir(tmp_path).lock(UP, patience_s=60).__enter__()
    finally:
        other.kill()
        other.communicate()


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    other = held_by(tmp_path, UP)
    other.kill()
    other.communicate()
    with DataDir(tmp_path).lock(UP, patience_s=1):
        assert DataDir(tmp_path).holder() == f"{UP} (process {os.getpid()})"


def test_an_announcement_does_not_outlive_its_holder(tmp_path: Path) -> None:
    folder = DataDir(tmp_path)
    running = Running(database_url="postgresql://here", mqtt_url="mqtt://here", public_url="http://here")
    with folder.lock(UP, patience_s=0):
        assert folder.announced() is None
        folder.announce(running)
        assert folder.announced() == running
        assert (tmp_path / "running.json").stat().st_mode & 0o777 == 0o600
    with folder.lock(UP, patience_s=0):
        assert folder.announced() is None
