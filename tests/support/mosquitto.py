"""The MQTT broker of tests in its three ways: Mosquitto in a container, the embedded one, a given one."""

import asyncio
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import unquote, urlsplit

from lampkeep_standalone.embedded.broker import EmbeddedBroker
from lampkeep_standalone.embedded.loopback import free_port
from support.docker import MOSQUITTO, Container
from support.services_loop import services_loop

BrokerKind = Literal["mosquitto", "nats"]

CONFIGURATION = Path(__file__).with_name("mosquitto.conf")

READY_WITHIN_S = 30
"""Mosquitto answers 0.4 s after `docker run`."""

MQTT_3_1_1, MQTT_5 = 4, 5


class Broker(Protocol):
    """A broker at `url` (`mqtt://…`) that keeps its port and its sessions over `stop`, `kill` and `start`.

    Any account is let in. `kind` is "nats" for the embedded one, which speaks MQTT 3.1.1 only.
    """

    kind: BrokerKind

    @property
    def url(self) -> str:
        """`mqtt://host:port`, with an account where the broker wants one."""
        ...

    async def start(self) -> None:
        """Start it, the first time or after `stop` or `kill`; returns when it answers."""
        ...

    async def stop(self) -> None:
        """A clean stop; what it persists stays."""
        ...

    async def kill(self) -> None:
        """SIGKILL; Mosquitto forgets what it had not saved yet, as it does in a real crash."""
        ...

    async def remove(self) -> None:
        """Gone, with its data."""
        ...


class GivenBroker:
    """The broker of LAMPKEEP_TEST_MQTT_URL: shared with everybody, ours neither to start nor to stop."""

    def __init__(self, url: str) -> None:
        """One that answers MQTT 5 counts as Mosquitto. Raises OSError where nobody answers."""
        self.url = url
        self.kind: BrokerKind = "mosquitto" if services_loop().run(answers(url, protocol=MQTT_5)) else "nats"

    async def start(self) -> None:
        """It runs already."""

    async def stop(self) -> None:
        """Not ours to stop."""
        raise NotImplementedError("the given broker is not ours to stop: use private_broker")

    kill = stop

    async def remove(self) -> None:
        """It stays."""


class DockerBroker:
    """Mosquitto in a container, saved at a clean stop."""

    kind: BrokerKind = "mosquitto"

    def __init__(self, image: str, configuration: Path = CONFIGURATION) -> None:
        """`configuration` is the file to run with."""
        self._container = Container(
            part=MOSQUITTO, image=image, volumes={str(configuration): "/mosquitto/config/mosquitto.conf"}
        )

    @property
    def url(self) -> str:
        """Where it is published."""
        host, port = self._container.address
        return f"mqtt://{host}:{port}"

    async def start(self) -> None:
        """About 0.5 s."""
        await asyncio.to_thread(self._container.start)
        try:
            await wait_until_it_answers(self.url)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; its log ends with:\n{self._container.logs()}") from None

    async def stop(self) -> None:
        """SIGTERM: Mosquitto saves its sessions."""
        await asyncio.to_thread(self._container.stop)

    async def kill(self) -> None:
        """SIGKILL to the container."""
        await asyncio.to_thread(self._container.kill)

    async def remove(self) -> None:
        """The container and its volume."""
        await asyncio.to_thread(self._container.remove)


class EmbeddedNats:
    """The broker that `lampkeep up` brings along, in a folder of its own."""

    kind: BrokerKind = "nats"

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._folder = Path(tempfile.mkdtemp(prefix="lampkeep-test-mqtt-"))
        self._broker = EmbeddedBroker(self._folder, port=free_port())

    @property
    def url(self) -> str:
        """Its door on loopback."""
        return self._broker.url

    async def start(self) -> None:
        """About 0.3 s."""
        await services_loop().call(self._start())

    async def stop(self) -> None:
        """Its store is written."""
        await services_loop().call(self._broker.stop())

    async def kill(self) -> None:
        """SIGKILL to NATS, and the door shut."""
        if self._broker.pid is not None:
            os.kill(self._broker.pid, signal.SIGKILL)
        await self.stop()

    async def remove(self) -> None:
        """The broker and its folder."""
        await self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _start(self) -> None:
        await self._broker.start()


def connect_packet(url: str, *, protocol: int) -> bytes:
    """An MQTT CONNECT with an empty client id and a clean session, under the account of `url`."""

    def counted(text: str) -> bytes:
        raw = text.encode()
        return len(raw).to_bytes(2) + raw

    parts = urlsplit(url)
    flags, account = 0x02, b""
    if parts.username:
        flags |= 0x80
        account += counted(unquote(parts.username))
    if parts.password:
        flags |= 0x40
        account += counted(unquote(parts.password))
    properties = b"\x00" if protocol == MQTT_5 else b""
    body = counted("MQTT") + bytes([protocol, flags, 0, 5]) + properties + counted("") + account
    assert len(body) < 128, "one byte of length is enough for an account's name and password"
    return bytes([0x10, len(body)]) + body


async def answers(url: str, *, protocol: int = MQTT_3_1_1, within_s: float = 3.0) -> bool:
    """Whether the broker accepts a connection of that protocol. Raises OSError where nobody listens."""
    parts = urlsplit(url)
    async with asyncio.timeout(within_s):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 1883)
        try:
            writer.write(connect_packet(url, protocol=protocol))
            # CONNACK: type, length, flags, reason; an MQTT 3.1.1 broker closes on MQTT 5, or answers with a reason
            head = await reader.readexactly(4)
        except (asyncio.IncompleteReadError, ConnectionError):
            return False
        finally:
            writer.close()
    return head[0] == 0x20 and head[3] == 0


async def wait_until_it_answers(url: str, *, within_s: float = READY_WITHIN_S) -> None:
    """An open port is not enough: docker-proxy opens it before the broker listens. Raises TimeoutError."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if await answers(url):
                return
        except OSError:  # TimeoutError is one
            pass
        await asyncio.sleep(0.02)
    raise TimeoutError(f"no broker answered at {url} within {within_s} s")
