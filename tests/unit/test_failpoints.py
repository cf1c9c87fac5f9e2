import signal
import subprocess
import sys

import pytest


@pytest.mark.parametrize(("fault", "passings"), [("there:3", 2), ("other:1,there:1", 0), ("there", 0)])
def test_the_process_dies_at_the_passing_that_was_asked_for(fault: str, passings: int) -> None:
    program = "from lampkeep.failpoints import reach\nfor n in range(9):\n reach('there')\n print(n, flush=True)"
    ended = subprocess.run(
        [sys.executable, "-c", program], env={"LAMPKEEP_FAULT": fault}, capture_output=True, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout.split() == [str(n).encode() for n in range(passings)]


def test_nothing_happens_without_a_fault() -> None:
    program = "from lampkeep.failpoints import reach\nreach('there')"
    assert subprocess.run([sys.executable, "-c", program], env={}, check=False).returncode == 0
