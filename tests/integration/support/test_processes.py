"""Children of tests are awaited, read and ended, and a killed session leaves nothing behind."""

import os
import signal
import sys
from pathlib import Path

import pytest

from support.processes import DidNotStopError, NotReadyError, free_port, run_process, until

TESTS = Path(__file__).parents[2]

GROUP = """
import signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
print('grandchild', child.pid, flush=True)
time.sleep(600)
"""


def alive(pid: int) -> bool:
    """Whether it runs: a zombie that its adoptive parent has not looked at yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def gone(pid: int) -> bool:
    return await until(lambda: not alive(pid), within_s=10)


async def test_a_process_is_ready_at_its_line_and_ends_with_its_group() -> None:
    async with run_process(sys.executable, "-c", GROUP, ready_line=r"^grandchild \d+$") as child:
        grandchild = int((await child.wait_for_line(r"grandchild (\d+)"))[1])
        assert alive(grandchild)
    assert child.exit_code == -signal.SIGTERM
    assert await gone(grandchild)


async def test_a_process_is_ready_at_its_url() -> None:
    port = free_port()
    command = (sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1")
    async with run_process(*command, ready_url=f"http://127.0.0.1:{port}/") as child:
        assert child.exit_code is None


async def test_a_process_that_ends_before_it_is_ready_is_shown_with_its_words() -> None:
    script = "import sys; sys.exit('no such setting')"
    with pytest.raises(NotReadyError, match="no such setting"):
        async with run_process(sys.executable, "-c", script, ready_line="ready"):
            pytest.fail("it never was ready")


async def test_a_process_that_is_late_is_not_ready() -> None:
    with pytest.raises(NotReadyError, match=r"within 0\.3 s"):
        async with run_process(sys.executable, "-c", GROUP, ready_line="ready", ready_within_s=0.3):
            pytest.fail("it never was ready")


async def test_a_process_that_ignores_sigterm_is_a_failure_and_is_killed() -> None:
    script = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    async with run_process(sys.executable, "-c", script, ready_line="up") as child:
        with pytest.raises(DidNotStopError):
            await child.stop(within_s=0.3)
        await child.kill()
    assert child.exit_code == -signal.SIGKILL


SESSION = """
import asyncio, os, sys
from support.processes import run_process
from support.docker import MOSQUITTO, Container, image
from support.mosquitto import CONFIGURATION

async def main():
    async with run_process(sys.executable, '-c', 'import time; time.sleep(600)') as child:
        if sys.argv[1] == 'docker':
            volumes = {str(CONFIGURATION): '/mosquitto/config/mosquitto.conf'}
            container = Container(part=MOSQUITTO, image=image(MOSQUITTO), volumes=volumes)
            container.start()
            print('container', container._running.get_container_id(), flush=True)
        print('child', child.pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_a_killed_session_leaves_no_child() -> None:
    async with run_process(sys.executable, "-c", SESSION, "none", env={"PYTHONPATH": str(TESTS)}) as session:
        child = int((await session.wait_for_line(r"^child (\d+)"))[1])
        assert alive(child)
        os.kill(session.pid, signal.SIGKILL)
        assert await gone(child)


@pytest.mark.docker
async def test_a_killed_session_leaves_no_container() -> None:
    import docker  # noqa: PLC0415 - the engine may not be there

    client = docker.from_env()
    async with run_process(sys.executable, "-c", SESSION, "docker", env={"PYTHONPATH": str(TESTS)}) as session:
        container = (await session.wait_for_line(r"^container (\w+)"))[1]
        assert client.containers.list(filters={"id": container})
        os.kill(session.pid, signal.SIGKILL)
        removed = await until(lambda: not client.containers.list(all=True, filters={"id": container}), within_s=20)
    client.close()
    assert removed
