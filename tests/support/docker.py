"""The Docker engine as tests use it: whether there is one, which image stands for a part, a container on loopback.

Containers are published on 127.0.0.1 only and carry the reaper's label, so that none outlives its session; Ryuk, which
testcontainers has for that, is off, for it needs an image registry. TESTCONTAINERS_CONNECTION_MODE=bridge_ip reaches
them without docker-proxy, which benchmarks want.
"""

import functools
import os
import socket
from contextlib import closing, suppress
from dataclasses import dataclass, field

import docker
from docker.errors import APIError, DockerException, ImageNotFound
from testcontainers.core.config import ConnectionMode, testcontainers_config
from testcontainers.core.container import DockerContainer

from lampkeep_standalone.embedded.loopback import LOOPBACK, free_port
from support.processes_reaper import reaper

PING_TIMEOUT_S = 5
PULL_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part that runs in a container: the variable that names its image, and the images looked for without it."""

    variable: str
    built_here: str
    published: str
    port: int


TIMESCALEDB = Part(
    variable="LAMPKEEP_TEST_TIMESCALEDB_IMAGE",
    built_here="lampkeep/timescaledb:dev",
    published="timescale/timescaledb:2.19.3-pg17",
    port=5432,
)
MOSQUITTO = Part(
    variable="LAMPKEEP_TEST_MOSQUITTO_IMAGE",
    built_here="lampkeep/mosquitto:dev",
    published="eclipse-mosquitto:2.0.21",
    port=1883,
)


@functools.cache
def engine_trouble() -> str | None:
    """Why no Docker engine can be used, None where one answers."""
    where = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    try:
        if where.startswith("unix://"):
            # docker-py forgets to close its socket where nobody answers, and a warning is an error here
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(PING_TIMEOUT_S)
                probe.connect(where.removeprefix("unix://"))
        with closing(docker.from_env(timeout=PING_TIMEOUT_S)) as client:
            client.ping()
    except OSError as error:
        return f"no Docker engine answers ({error.strerror or error})"
    except DockerException as error:
        return f"no Docker engine answers ({str(error).splitlines()[0][:160]})"
    return None


@functools.cache
def image(part: Part) -> str | None:
    """The image for `part`, None where there is none and none can be pulled.

    The one that `part.variable` names, else one that is here already (published first), else the published one, pulled.
    """
    named = os.environ.get(part.variable)
    wanted = [named] if named else [part.published, part.built_here]
    with closing(docker.from_env(timeout=PULL_TIMEOUT_S)) as client:
        for name in wanted:
            with suppress(ImageNotFound):
                client.images.get(name)
                return name
        with suppress(APIError, DockerException, OSError):
            client.images.pull(wanted[0])
            return wanted[0]
    return None


@dataclass(slots=True, kw_only=True)
class Container:
    """One container of `part`, on a port that stays its own over `stop`, `kill` and `start`. All calls block."""

    part: Part
    image: str
    env: dict[str, str] = field(default_factory=dict)
    command: list[str] | None = None
    volumes: dict[str, str] = field(default_factory=dict)
    _running: DockerContainer | None = None
    _address: tuple[str, int] | None = None

    def start(self) -> None:
        """Create it, or start the same one again with its data."""
        if self._running is not None:
            self._running.get_wrapped_container().start()
            self._find_address()
            return
        testcontainers_config.ryuk_disabled = True
        if "TESTCONTAINERS_CONNECTION_MODE" not in os.environ:
            testcontainers_config.connection_mode_override = ConnectionMode.docker_host
        # nobody reads the image's health check here, and each look costs a process in the container
        unwatched = {"test": ["NONE"]}
        made = DockerContainer(self.image).with_kwargs(labels=reaper().guard_containers(), healthcheck=unwatched)
        made.env = dict(self.env)
        # a pair of address and port is docker-py's way to publish on one address only
        made.ports = {f"{self.part.port}/tcp": (LOOPBACK, free_port())}  # type: ignore[dict-item]
        if self.command is not None:
            made.with_command(self.command)
        for source, target in self.volumes.items():
            made.with_volume_mapping(source, target, "ro")
        self._running = made.start()
        self._find_address()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port at which the part is reached from here, also while it is stopped."""
        assert self._address is not None, "it was never started"
        return self._address

    def stop(self) -> None:
        """The part's clean stop; the container and its data stay for another `start`."""
        if self._running is not None:
            self._running.get_wrapped_container().stop(timeout=10)

    def kill(self) -> None:
        """SIGKILL to all of it; data stays."""
        if self._running is not None:
            self._running.get_wrapped_container().kill()

    def remove(self) -> None:
        """Gone, with its data."""
        if self._running is not None:
            self._running.stop()
            self._running = None

    def logs(self) -> str:
        """What it printed, for a failure's message."""
        if self._running is None:
            return ""
        return "\n".join(part.decode(errors="replace") for part in self._running.get_logs())[-4_000:]

    def _find_address(self) -> None:
        assert self._running is not None
        host = self._running.get_container_host_ip()
        self._address = (LOOPBACK if host == "localhost" else host), self._running.get_exposed_port(self.part.port)
