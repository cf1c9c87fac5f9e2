"""Real child processes under the supervisor; stand-ins for the services, which do nothing but live."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from lampkeep_standalone.service import STOP_WITHIN_S, Service, command_line
from lampkeep_standalone.supervisor import Supervisor

LIVES = "import time; time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"


def stand_in(code: str, name: str = "stand-in") -> Service:
    return Service(name, [sys.executable, "-c", code], dict(os.environ))


def alive(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def gone(process_id: int, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if not alive(process_id):
            return True
        await asyncio.sleep(0.02)
    return False


async def replaced(service: Service, before: int, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if service.pid not in {None, before} and alive(service.pid or 0):
            return True
        await asyncio.sleep(0.01)
    return False


async def test_a_killed_service_runs_again_within_two_seconds() -> None:
    supervisor, service = Supervisor(), stand_in(LIVES)
    await supervisor.start(service, tier=0)
    for _ in range(2):
        before = service.pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        assert await replaced(service, before, 2)
    last = service.pid
    await supervisor.stop()
    assert last is not None
    assert not alive(last)


async def test_a_service_that_does_not_listen_is_ended_all_the_same() -> None:
    supervisor, service = Supervisor(), stand_in(DEAF)
    await supervisor.start(service, tier=0)
    assert service.pid is not None
    begun = time.monotonic()
    await asyncio.sleep(0.3)  # until it has become deaf
    await supervisor.stop()
    assert STOP_WITHIN_S <= time.monotonic() - begun < STOP_WITHIN_S + 2
    assert not alive(service.pid)


async def test_services_die_with_a_supervisor_that_is_killed() -> None:
    code = textwrap.dedent(f"""
        import asyncio, os, sys
        from lampkeep_standalone.service import Service
        from lampkeep_standalone.supervisor import Supervisor
        async def main():
            supervisor = Supervisor()
            parts = [Service(name, [sys.executable, "-c", {DEAF!r}], dict(os.environ)) for name in ("a", "b")]
            for part in parts:
                await supervisor.start(part, tier=0)
            print("children", *(part.pid for part in parts), flush=True)
            await asyncio.sleep(600)
        asyncio.run(main())
    """)
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdout is not None
    line = b""
    while not line.startswith(b"children"):  # its log lines come first
        line = await asyncio.wait_for(parent.stdout.readline(), 20)
    children = [int(word) for word in line.split()[1:]]
    assert len(children) == 2
    assert all(map(alive, children))
    parent.kill()
    await parent.wait()
    assert all([await gone(child, 2) for child in children])


def test_the_command_line_of_a_service_names_it() -> None:
    assert " ".join(command_line("ingest")).endswith("lampkeep ingest")
