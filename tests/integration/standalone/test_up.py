"""`lampkeep up` as people run it: one command, its ready line, its children, its end."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from lampkeep_standalone.embedded.loopback import free_port
from lampkeep_standalone.service import command_line
from support.processes import ChildProcess, run_process

RESTART_WITHIN_S = 2.0
STOP_WITHIN_S = 10.0
"""Contract section 1."""

READY_AGAIN_WITHIN_S = 20.0
"""Three services import at once, on two cores that other tests may want, too."""

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMMUNITY = """
lampkeep: v1
areas: [{id: here, name: Here}]
responders: [{id: duty, name: Duty, role: operator, areas: [here]}]
policies: [{id: p, steps: [{to: [operator], after: 0s}]}]
plans: [{id: plan, policies: {default: p}}]
homes:
  - {id: home-1, area: here, plan: plan,
     devices: [{id: pendant-1, kind: pendant}, {id: door-1, kind: door, account: gw-1}]}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Up:
    """A running `lampkeep up`, and what its ready line says."""

    child: ChildProcess
    http: str
    mqtt: str
    database: str
    token: str

    def parts(self) -> dict[str, int]:
        """Process ids of its children by name."""
        found = {}
        for process_id in children_of(self.child.pid):
            words = command_of(process_id)
            found[Path(words[0]).name if "lampkeep" not in words[1] else words[2]] = process_id
        return found

    async def get(self, path: str, token: str | None = None) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.http, trust_env=False, timeout=5) as client:
            return await client.get(path, headers={"Authorization": f"Bearer {token or self.token}"})


def children_of(parent: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def command_of(process_id: int) -> list[str]:
    """Its words; two empty ones where it has ended meanwhile."""
    try:
        return [*Path(f"/proc/{process_id}/cmdline").read_text().split("\0"), ""]
    except (FileNotFoundError, ProcessLookupError):
        return ["", ""]


def alive(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def until(true: Callable[[], bool], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if true():
            return True
        await asyncio.sleep(0.02)
    return true()


def taken_port() -> socket.socket:
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    held.listen(1)
    return held


@asynccontextmanager
async def running(data_dir: Path, *options: str) -> AsyncIterator[Up]:
    words = command_line("up", "--data-dir", str(data_dir), "--http", "127.0.0.1:0", "--mqtt-port", "0", *options)
    environment = {name: "" for name in os.environ if name.startswith("LAMPKEEP_")}
    async with run_process(*words, name="up", env=environment) as child:
        line = (await child.wait_for_line("^ready ", within_s=60)).string
        said = dict(word.split("=", 1) for word in line.split()[1:])
        yield Up(child=child, http=said["http"], mqtt=said["mqtt"], database=said["database"], token=said["token"])


async def lampkeep(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LAMPKEEP_")}
    return await asyncio.to_thread(
        subprocess.run, command_line(*words), capture_output=True, text=True, timeout=60, check=False, env=environment
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Up]:
    """One `up` for the tests that leave it as they found it: ready, with every part running."""
    async with running(tmp_path_factory.mktemp("shared")) as up:
        yield up


async def test_up_is_ready_with_every_service(shared: Up) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", shared.http)
    assert re.fullmatch(r"mqtt://127\.0\.0\.1:\d+", shared.mqtt)
    assert shared.database == "postgresql"
    assert (await shared.get("/readyz")).status_code == 200
    assert (await shared.get("/api/v1/alerts")).status_code == 200
    assert shared.parts().keys() >= {"ingest", "dispatch", "api", "postgres", "nats-server"}


async def test_the_metrics_of_all_services_are_on_the_apis_page(shared: Up) -> None:
    metrics = (await shared.get("/metrics")).text
    for name in ("lampkeep_ingest_backlog_messages", "lampkeep_step_lateness_seconds", "lampkeep_alerts_active"):
        assert name in metrics


async def test_a_second_up_on_the_same_data_directory_is_refused_in_one_line(shared: Up) -> None:
    place = shared.child.output.partition("data in ")[2].splitlines()[0]
    refused = await lampkeep("up", "--data-dir", place, "--http", "127.0.0.1:0", "--mqtt-port", "0")
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert len(refused.stderr.splitlines()) == 1
    assert "in use by lampkeep up" in refused.stderr


async def test_each_part_that_is_killed_runs_again_within_two_seconds(shared: Up) -> None:
    for name in ("ingest", "dispatch", "api", "postgres", "nats-server"):
        killed = shared.parts()[name]
        os.kill(killed, signal.SIGKILL)
        assert await until(lambda: shared.parts().get(name) not in {None, killed}, RESTART_WITHIN_S), name  # noqa: B023
    await ready_again(shared)


async def ready_again(up: Up) -> None:
    deadline = time.monotonic() + READY_AGAIN_WITHIN_S
    while True:
        try:
            if (await up.get("/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, "not ready again"
        await asyncio.sleep(0.1)


async def test_ctrl_c_ends_it_with_nothing_left(tmp_path: Path) -> None:
    async with running(tmp_path) as up:
        parts = up.parts()
        up.child.send(signal.SIGINT)
        assert await up.child.wait(within_s=STOP_WITHIN_S) == 0
        assert [part for part, process_id in parts.items() if alive(process_id)] == []


async def test_after_sigkill_nothing_runs_and_the_second_start_finds_its_state(tmp_path: Path) -> None:
    file = tmp_path / "community.yaml"
    file.write_text(COMMUNITY)
    async with running(tmp_path / "data", "--community", str(file)) as up:
        parts = up.parts()
        await up.child.kill()
        assert await until(lambda: not any(map(alive, parts.values())), 3)
    async with running(tmp_path / "data", "--community", str(file)) as again:
        assert again.token == up.token
        assert (await again.get("/api/v1/homes/home-1")).status_code == 200
        assert "community.applied" not in again.child.output
    file.write_text(COMMUNITY.replace("name: Duty", "name: Duty room"))
    async with running(tmp_path / "data", "--community", str(file)) as changed:
        assert "community.applied" in changed.child.output


@pytest.mark.parametrize("option", ["--http", "--mqtt-port"])
async def test_a_taken_port_is_named_in_one_line(tmp_path: Path, option: str) -> None:
    with taken_port() as held:
        port = held.getsockname()[1]
        given = {"--http": "127.0.0.1:0", "--mqtt-port": "0"} | {
            option: f"127.0.0.1:{port}" if "h" in option else str(port)
        }
        words = [word for pair in given.items() for word in pair]
        refused = await lampkeep("up", "--data-dir", str(tmp_path), *words)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert len(refused.stderr.splitlines()) == 1
    assert option in refused.stderr
    assert str(port) in refused.stderr


async def test_a_wrong_community_file_is_refused_before_anything_starts(tmp_path: Path) -> None:
    file = tmp_path / "community.yaml"
    file.write_text(COMMUNITY.replace("plan: plan", "plan: none-such"))
    refused = await lampkeep("up", "--data-dir", str(tmp_path / "data"), "--community", str(file))
    assert refused.returncode == 2
    assert f"{file}:8: " in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "data" / "database").exists()


async def test_the_small_commands_work_beside_a_running_up_and_without_one(tmp_path: Path) -> None:
    file = tmp_path / "community.yaml"
    file.write_text(COMMUNITY)
    place = ("--data-dir", str(tmp_path / "data"))
    async with running(tmp_path / "data") as up:
        applied = await lampkeep("apply", str(file), *place)
        assert applied.returncode == 0, applied.stderr
        assert "home home-1 added" in applied.stdout
        assert (await up.get("/api/v1/homes/home-1")).status_code == 200
        checked = await lampkeep("doctor", *place)
        assert checked.returncode == 0, checked.stdout
    made = await lampkeep("token", "create", "--role", "viewer", "--area", "here", "--name", "wall", *place)
    assert made.returncode == 0, made.stderr
    secret = made.stdout.strip()
    async with running(tmp_path / "data") as up:
        assert (await up.get("/api/v1/alerts", token=secret)).status_code == 200


async def test_services_alone_find_the_parts_of_a_running_up_in_its_data_directory(shared: Up) -> None:
    place = shared.child.output.partition("data in ")[2].splitlines()[0]
    environment = {name: "" for name in os.environ if name.startswith("LAMPKEEP_")}
    for service in ("ingest", "dispatch", "api"):
        at = f"127.0.0.1:{free_port()}"
        words = command_line(service, "--data-dir", place)
        async with run_process(*words, name=service, env=environment | {"LAMPKEEP_HTTP": at}) as child:
            await child.wait_until_ok(f"http://{at}/readyz")


async def test_a_file_is_applied_after_the_demos_community(tmp_path: Path) -> None:
    file = tmp_path / "community.yaml"
    file.write_text(COMMUNITY)
    data_dir = tmp_path / "读 x" / ("d" * 110)  # no ASCII, and longer than a socket's path may be
    async with running(data_dir, "--demo", "--community", str(file)) as up:
        assert (await up.get("/api/v1/homes/home-1")).status_code == 200
        assert len((await up.get("/api/v1/homes?limit=200")).json()["items"]) > 1
        assert up.child.output.count("community.applied") == 2
        assert await until((data_dir / "sim" / "control.sock").is_socket, 10), up.child.output
        assert "sim" in up.parts()
    async with running(data_dir, "--demo", "--community", str(file)) as again:
        assert "community.applied" not in again.child.output


async def test_accounts_need_their_passwords_where_credentials_are_required(tmp_path: Path) -> None:
    file = tmp_path / "community.yaml"
    file.write_text(COMMUNITY)
    data_dir = tmp_path / "data"
    async with running(data_dir, "--require-credentials", "--community", str(file)) as up:
        known = dict(line.split(":", 1) for line in (data_dir / "mqtt-accounts").read_text().splitlines())
        assert known.keys() == {"_services", "pendant-1", "gw-1"}
        assert (data_dir / "mqtt-accounts").stat().st_mode & 0o777 == 0o600
        assert not [secret for secret in known.values() if secret in up.child.output]
        assert (await up.get("/readyz")).status_code == 200
