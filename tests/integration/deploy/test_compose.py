"""The compose deployment with locally built images: comes up, has accounts, delivers an SOS."""

import json
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.processes import free_port

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"

COMMUNITY = """\
lampkeep: v1
areas: [{id: grid, name: Grid}]
responders:
  - {id: worker, name: Worker, role: grid_worker, areas: [grid],
     channels: [{kind: webhook, url: "http://desk:9099/worker", secret: s3cret}]}
policies:
  - id: once
    steps: [{to: [grid_worker], after: 0s, deliver_within: 5s}]
plans: [{id: plain, policies: {default: once}}]
homes:
  - {id: home-001, area: grid, plan: plain, devices: [{id: pendant-001, kind: pendant}]}
"""

WITH_DESK = """\
services:
  desk:
    image: lampkeep/services:dev
    pull_policy: never
    user: "10001:10001"
    read_only: true
    cap_drop: [ALL]
    command: [sim, respond, --http, "0.0.0.0:9099", --secret, s3cret]
    healthcheck: {test: [CMD, "true"], interval: 1s}
"""


class Deployment:
    """One project of its own, so that it meets no other on the machine."""

    def __init__(self, folder: Path) -> None:
        self.project = f"lampkeep-test-{uuid.uuid4().hex[:8]}"
        self.listen = f"127.0.0.1:{free_port()}"
        self.folder = folder
        (folder / "desk.yaml").write_text(WITH_DESK)
        (folder / "env").write_text(
            f"POSTGRES_PASSWORD=p{uuid.uuid4().hex}\nLAMPKEEP_MQTT_PASSWORD=m{uuid.uuid4().hex}\n"
            f"LAMPKEEP_LISTEN={self.listen}\nLAMPKEEP_MQTT_LISTEN=127.0.0.1:{free_port()}\n"
        )

    @property
    def command(self) -> list[str]:
        options = ["--project-directory", str(DEPLOY), "--project-name", self.project]
        files = ["--file", str(DEPLOY / "compose.yaml"), "--file", str(self.folder / "desk.yaml")]
        return ["docker", "compose", *options, *files, "--env-file", str(self.folder / "env")]

    def __call__(self, *arguments: str, text: str | None = None, fails: bool = False) -> str:
        done = subprocess.run(
            [*self.command, *arguments], input=text, capture_output=True, text=True, timeout=120, check=False
        )
        assert (done.returncode != 0) is fails, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout + (done.stderr if fails else "")

    def add_account(self, name: str) -> str:
        environment = os.environ | {
            "COMPOSE_PROJECT_NAME": self.project,
            "COMPOSE_ENV_FILES": str(self.folder / "env"),
        }
        done = subprocess.run(
            [str(DEPLOY / "account"), "add", name],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.strip()


def _missing() -> str | None:
    """What the deployment lacks on this machine, and how to get it."""
    if os.environ.get("LAMPKEEP_TEST_SERVICES") == "embedded" or shutil.which("docker") is None:
        return "needs a Docker engine"
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode != 0:
        return "needs docker compose: export DOCKER_CONFIG=$(deploy/setup/compose)"
    image = ["docker", "image", "inspect", "lampkeep/services:dev"]
    if subprocess.run(image, capture_output=True, check=False).returncode != 0:
        return "needs the image lampkeep/services:dev: run deploy/images/build"
    return None


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    if missing := _missing():
        if os.environ.get("LAMPKEEP_TEST_SERVICES") == "docker":
            pytest.fail(missing)
        pytest.skip(missing)
    running = Deployment(tmp_path_factory.mktemp("compose"))
    try:
        running("up", "--wait", "--wait-timeout", "90")
        yield running
    finally:
        running("down", "--volumes", "--timeout", "10")


@pytest.mark.docker
def test_an_sos_is_pressed_and_delivered_through_the_deployment(deployment: Deployment) -> None:
    deployment("exec", "-T", "api", "lampkeep", "apply", "/dev/stdin", text=COMMUNITY)
    password = deployment.add_account("pendant-001")
    token = deployment(
        "exec", "-T", "api", "lampkeep", "token", "create", "--role", "operator", "--area", "*", "--name", "duty"
    ).split()[-1]
    press = ("exec", "-T", "api", "lampkeep", "sim", "press", "pendant-001", "--mqtt")
    deployment(*press, f"mqtt://pendant-001:{password}@broker:1883")
    deadline = time.monotonic() + 10
    while not (told := _webhooks(deployment("logs", "--no-log-prefix", "desk"))):
        assert time.monotonic() < deadline, "nobody was told within 10 s"
        time.sleep(0.2)
    assert [(one["responder"], one["home"], one["reason"]) for one in told] == [("worker", "home-001", "step")]
    answer = httpx.get(
        f"http://{deployment.listen}/api/v1/alerts", headers={"Authorization": f"Bearer {token}"}, timeout=5
    )
    assert [alert["home_id"] for alert in answer.json()["items"]] == ["home-001"]


@pytest.mark.docker
def test_nobody_speaks_without_an_account_or_for_another(deployment: Deployment) -> None:
    press = ("exec", "-T", "api", "lampkeep", "sim", "press", "pendant-001", "--timeout", "3", "--mqtt")
    deployment(*press, "mqtt://pendant-001:wrong@broker:1883", fails=True)
    password = deployment.add_account("stranger")
    deployment(*press, f"mqtt://stranger:{password}@broker:1883", fails=True)


@pytest.mark.docker
def test_everything_runs_without_root_and_without_capabilities(deployment: Deployment) -> None:
    for service in ("database", "broker", "ingest", "dispatch", "api"):
        status = deployment("exec", "-T", service, "cat", "/proc/1/status")
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        assert fields["Uid"].split()[0] != "0", service
        assert int(fields["CapEff"], 16) == 0, service


def _webhooks(logs: str) -> list[dict[str, str]]:
    """What the desk got; compose begins a line with a control sequence."""
    lines = [json.loads(line[line.index("{") :]) for line in logs.splitlines() if "{" in line]
    return [line for line in lines if line.get("what") == "webhook"]
