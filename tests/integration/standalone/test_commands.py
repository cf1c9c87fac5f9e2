"""Exit codes and the one line on stderr, as a shell sees them (contract section 1)."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from lampkeep_standalone.embedded.loopback import free_port
from lampkeep_standalone.service import command_line
from support.processes import run_process

COMMUNITY = Path(str(files("lampkeep_standalone").joinpath("demo.yaml")))
"""A community file that is right."""

NOWHERE = "postgresql://lampkeep:s3cret@127.0.0.1:1/lampkeep"


def lampkeep(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LAMPKEEP_")}
    return subprocess.run(
        command_line(*words), capture_output=True, text=True, timeout=60, check=False, env=environment | settings
    )


@pytest.mark.parametrize(
    ("words", "settings", "says"),
    [
        (["up", "--no-such-option"], {}, "--no-such-option"),
        (["up", "--mqtt-port", "many"], {}, "--mqtt-port"),
        (["up", "--http", "8080"], {}, "--http"),
        (["no-such-command"], {}, "no-such-command"),
        (["token", "create", "--role", "king", "--area", "*", "--name", "x"], {}, "king"),
        (["api"], {}, "LAMPKEEP_DATABASE_URL"),
        (["ingest"], {"LAMPKEEP_DATABASE_URL": "mysql://here"}, "LAMPKEEP_DATABASE_URL"),
        (["dispatch"], {"LAMPKEEP_DATABASE_URL": NOWHERE, "LAMPKEEP_MQTT_URL": "http://x"}, "LAMPKEEP_MQTT_URL"),
        (["api"], {"LAMPKEEP_DATABASE_URL": NOWHERE, "LAMPKEEP_HTTP": "8080"}, "LAMPKEEP_HTTP"),
        (["migrate"], {"LAMPKEEP_LOG": "loud"}, "LAMPKEEP_LOG"),
        (["migrate"], {"LAMPKEEP_CONFIG": "/no/such/file.toml"}, "LAMPKEEP_CONFIG"),
        (["token", "list", "--data-dir", "/no/such/folder"], {}, "/no/such/folder"),
        (["replay", "/no/such/file", "--community", "/no/such/community"], {}, "/no/such/community"),
        (["replay", "/", "--community", str(COMMUNITY)], {}, "Is a directory"),
        (["ingest", "--data-dir", "/no/such/folder"], {}, "no `lampkeep up` runs there"),
        (["dispatch", "--data-dir", str(COMMUNITY.parent)], {}, "no `lampkeep up` runs there"),
        (["api", "--data-dir", "/no/such/folder"], {"LAMPKEEP_DATABASE_URL": NOWHERE}, "no `lampkeep up` runs there"),
        (["sim", "run", "--no-such-option"], {}, "--no-such-option"),
        (["sim", "run", "--mqtt", "mqtt://x:s3cret@h:port"], {}, "--mqtt"),
        (["sim", "run"], {"LAMPKEEP_MQTT_URL": "mqtt://x:s3cret@[::1"}, "LAMPKEEP_MQTT_URL"),
        (["up"], {"LAMPKEEP_DATABASE_URL": "postgresql://x:s3cret%ter2@h/x"}, "LAMPKEEP_DATABASE_URL"),
        (["up"], {"LAMPKEEP_MQTT_URL": "mqtt://x:s3cret@h:99999"}, "LAMPKEEP_MQTT_URL"),
        (["up"], {"LAMPKEEP_PUBLIC_URL": "lamp.test"}, "LAMPKEEP_PUBLIC_URL"),
        (["up", "--data-dir", ""], {}, "--data-dir"),
        (["ingest"], {"LAMPKEEP_DATABASE_URL": "postgresql://x:s3cret@[zz]/x"}, "LAMPKEEP_DATABASE_URL"),
        (["doctor"], {"LAMPKEEP_DATABASE_URL": "postgresql://x:s3cret@h/x?foo=bar"}, "LAMPKEEP_DATABASE_URL"),
        (["doctor"], {"LAMPKEEP_DATABASE_URL": NOWHERE, "LAMPKEEP_MQTT_URL": "mqtt://"}, "LAMPKEEP_MQTT_URL"),
        (["token", "list", "--data-dir", ""], {}, "--data-dir"),
        (["token", "create", "--role", "viewer", "--area", "*", "--name", " "], {}, "--name"),
    ],
)
def test_a_usage_or_configuration_error_is_one_line_and_exit_code_2(
    words: list[str], settings: dict[str, str], says: str
) -> None:
    done = lampkeep(*words, **settings)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert says in done.stderr
    assert "s3cret" not in done.stderr


@pytest.mark.parametrize("service", ["ingest", "dispatch", "api"])
def test_a_service_that_cannot_listen_names_the_setting(service: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        at = f"127.0.0.1:{held.getsockname()[1]}"
        done = lampkeep(
            service, LAMPKEEP_DATABASE_URL=NOWHERE, LAMPKEEP_HTTP=at, LAMPKEEP_MQTT_URL="mqtt://127.0.0.1:1"
        )
    assert done.returncode == 2
    assert [line for line in done.stderr.splitlines() if line.startswith("lampkeep: LAMPKEEP_HTTP: ")]
    assert "Traceback" not in done.stderr


def test_signals_are_answered_before_anything_slow_is_imported() -> None:
    slow = "import sys, lampkeep_standalone.main as main; print(sorted({'asyncio', 'typer'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", slow], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_a_failure_is_one_line_and_exit_code_1() -> None:
    done = lampkeep("token", "list", LAMPKEEP_DATABASE_URL=NOWHERE)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "s3cret" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        *([name] for name in ("up", "ingest", "dispatch", "api", "migrate", "apply", "sim", "replay", "doctor")),
        *(["token", name] for name in ("create", "list", "revoke")),
    ],
    ids=" ".join,
)
def test_every_command_explains_itself(words: list[str]) -> None:
    done = lampkeep(*words, "--help")
    assert done.returncode == 0
    assert f"lampkeep {' '.join(words)}" in done.stdout


def test_the_simulator_offers_no_options_of_our_shells() -> None:
    assert "completion" not in lampkeep("sim", "--help").stdout


@pytest.mark.parametrize("service", ["ingest", "dispatch", "api"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_service_that_is_told_to_stop_exits_0(service: str, number: signal.Signals, database_url: str) -> None:
    at = f"127.0.0.1:{free_port()}"
    settings = {
        "LAMPKEEP_DATABASE_URL": database_url,
        "LAMPKEEP_HTTP": at,
        "LAMPKEEP_MQTT_URL": "mqtt://127.0.0.1:1",  # a broker that is away hinders nobody from stopping
    }
    async with run_process(*command_line(service), name=service, env=settings) as child:
        await until_alive(at)
        child.send(number)
        assert await child.wait(within_s=10) == 0


async def until_alive(at: str) -> None:
    host, _, port = at.partition(":")
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def test_migrating_twice_says_so_the_second_time(empty_database_url: str) -> None:
    first = await asyncio.to_thread(lampkeep, "migrate", LAMPKEEP_DATABASE_URL=empty_database_url)
    second = await asyncio.to_thread(lampkeep, "migrate", LAMPKEEP_DATABASE_URL=empty_database_url)
    assert (first.returncode, second.returncode) == (0, 0)
    assert "migrated 0001" in first.stdout
    assert second.stdout == "nothing to migrate: the database is current\n"


async def test_the_doctor_says_what_is_wrong_and_fails(database_url: str) -> None:
    done = await asyncio.to_thread(
        lampkeep, "doctor", LAMPKEEP_DATABASE_URL=database_url, LAMPKEEP_MQTT_URL="mqtt://me:s3cret@127.0.0.1:1"
    )
    verdicts = {line.split()[1]: line.split()[0] for line in done.stdout.splitlines()}
    assert done.returncode == 1
    assert verdicts["database"] == "ok"
    assert verdicts["clock"] == "ok"
    assert verdicts["disk"] == "ok"
    assert verdicts["broker"] == "FAIL"
    assert "s3cret" not in done.stdout


async def test_the_doctor_finds_a_database_that_was_not_migrated(empty_database_url: str) -> None:
    done = await asyncio.to_thread(lampkeep, "doctor", LAMPKEEP_DATABASE_URL=empty_database_url)
    assert done.returncode == 1
    assert "run `lampkeep migrate`" in done.stdout


@pytest.fixture
def recorded(tmp_path: Path) -> list[str]:
    """The words that replay a recording of one press."""
    community = tmp_path / "community.yaml"
    community.write_text(
        "lampkeep: v1\nareas: [{id: a, name: A}]\nplans: [{id: p}]\n"
        "homes: [{id: h, area: a, plan: p, devices: [{id: pendant-1, kind: pendant}]}]\n"
    )
    recording = tmp_path / "recording.jsonl"
    recording.write_text('{"v":1,"device":"pendant-1","id":"1","type":"sos","at":"2026-01-01T00:00:00Z","data":{}}\n')
    return ["replay", str(recording), "--community", str(community)]


def test_replay_prints_a_summary(recorded: list[str]) -> None:
    done = lampkeep(*recorded)
    assert done.returncode == 0, done.stderr
    assert '"kind":"sos"' in done.stdout.splitlines()[0]
    assert done.stdout.splitlines()[-1].startswith('{"summary":')


@pytest.mark.parametrize("words", ["recorded", "help"])
def test_a_reader_that_has_left_is_no_failure(recorded: list[str], words: str) -> None:
    command = {"recorded": recorded, "help": ["--help"]}[words]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as stdout:
        done = subprocess.run(command_line(*command), stdout=stdout, stderr=subprocess.PIPE, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
