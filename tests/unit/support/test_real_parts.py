"""Tests for real parts are skipped by name and counted, and .ci/run does not let a skip pass."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

MARKED = """
import pytest

@pytest.mark.timescaledb
def test_of_timescaledb(): pass

@pytest.mark.mosquitto
def test_of_mosquitto(): pass

@pytest.mark.load
def test_of_load(): pass

def test_of_nothing(): pass
"""


def session(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_marked.py").write_text(MARKED)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "support.services_plugin",
        "-p",
        "no:cacheprovider",
        "-rs",
        str(folder),
    ]
    path = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    return subprocess.run(
        [*command, "--rootdir", str(folder)],
        env={**os.environ, "PYTHONPATH": path, **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_what_the_embedded_parts_cannot_do_is_skipped_with_its_reason_and_counted(tmp_path: Path) -> None:
    done = session(tmp_path, LAMPKEEP_TEST_SERVICES="embedded")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "services: the embedded PostgreSQL" in done.stdout
    assert "needs TimescaleDB; here is the embedded PostgreSQL (LAMPKEEP_TEST_SERVICES=embedded)" in done.stdout
    assert "services: timescaledb 0 run, 1 skipped; mosquitto 0 run, 1 skipped" in done.stdout
    assert "1 passed, 2 skipped, 1 deselected" in done.stdout


def test_forced_docker_without_an_engine_ends_the_session(tmp_path: Path) -> None:
    done = session(tmp_path, LAMPKEEP_TEST_SERVICES="docker", DOCKER_HOST="unix:///nonexistent")
    assert done.returncode == 4
    assert "LAMPKEEP_TEST_SERVICES=docker, but no Docker engine answers" in done.stderr


@pytest.mark.parametrize(
    ("line", "passes"),
    [
        ("services: timescaledb 3 run, 0 skipped; mosquitto 2 run, 0 skipped; docker 1 run, 0 skipped", True),
        ("services: timescaledb 3 run, 1 skipped; mosquitto 2 run, 0 skipped; docker 1 run, 0 skipped", False),
        ("services: timescaledb 3 run, 0 skipped; mosquitto 2 run, 10 skipped; docker 1 run, 0 skipped", False),
        ("services: timescaledb 0 run, 0 skipped; mosquitto 2 run, 0 skipped; docker 1 run, 0 skipped", False),
        ("services: timescaledb 3 run, 0 skipped; mosquitto 2 run, 0 skipped", False),
        ("12 passed", False),
    ],
)
def test_ci_lets_only_a_run_without_skips_pass(tmp_path: Path, line: str, passes: bool) -> None:
    log = tmp_path / "test.log"
    log.write_text(f"services: real TimescaleDB in Docker\n....\n{line}\n==== 12 passed ====\n")
    check = f"eval \"$(sed -n '/^real_parts_ran()/,/^}}/p' {ROOT}/.ci/run)\"; real_parts_ran {log}"
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", check], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is passes, done.stdout + done.stderr
