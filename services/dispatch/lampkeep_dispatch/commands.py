"""Commands to devices over MQTT: one connection that comes back by itself, MQTT 5 where the broker speaks it."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Literal
from urllib.parse import unquote, urlsplit

import aiomqtt
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from lampkeep.contracts.commands import command_topic
from lampkeep.ports import Command, Delivered, Result, Retry
from lampkeep_dispatch import events

CONNECT_S = 5.0
"""How long one attempt to connect may take."""

RECONNECT_S = 1.0
"""Before the next attempt; half to one and a half of it, so that copies do not come back together."""

QOS = 1

Version = Literal[aiomqtt.ProtocolVersion.V5, aiomqtt.ProtocolVersion.V311]

log = structlog.get_logger()


class MqttCommands:
    """`lampkeep.ports.DeviceCommands` over one MQTT connection; while it is away, commands are to be tried again."""

    def __init__(self, url: str, *, client_id: Callable[[], str]) -> None:
        """`url` is mqtt:// or mqtts://, with user and password where the broker asks for them; `client_id` is asked
        at each connect."""
        self._url = urlsplit(url)
        self._client_id = client_id
        self._client: aiomqtt.Client | None = None
        self._version: Version = aiomqtt.ProtocolVersion.V5
        self._broken = asyncio.Event()

    @property
    def up(self) -> bool:
        """Whether the broker is connected."""
        return self._client is not None

    def renamed(self, name: str) -> None:
        """Connect anew: the copy goes by another name now."""
        log.info(events.BROKER_LOST, error="renamed", name=name)
        self._broken.set()

    async def send(self, command: Command, *, timeout_s: float) -> Result:
        """Publish at QoS 1 and wait for the broker's acknowledgement."""
        client = self._client
        if client is None:
            return Retry(reason="no broker")
        topic = command_topic(command.account, command.device_id)
        try:
            async with asyncio.timeout(timeout_s):
                await client.publish(topic, command.payload, qos=QOS, properties=self._expiry(command))
        except (TimeoutError, aiomqtt.MqttError, ValueError) as error:
            self._broken.set()
            return Retry(reason=type(error).__name__)
        return Delivered(reason="broker has it")

    async def run(self) -> None:
        """Stay connected, for ever."""
        was_up = True
        while True:
            refused = False
            try:
                async with self._connected() as client:
                    was_up = True
                    log.info(events.BROKER_FOUND, protocol=self._version.name)
                    await self._until_broken(client)
            except (aiomqtt.MqttError, OSError, TimeoutError, ValueError) as error:
                if was_up:
                    log.warning(events.BROKER_LOST, error=type(error).__name__)
                # Only a first refusal is answered at once: a broker that speaks the other version takes that.
                refused = was_up and isinstance(error, aiomqtt.MqttCodeError)
                was_up = False
                self._other_version()
            if refused:
                continue
            await asyncio.sleep(RECONNECT_S * (0.5 + random.random()))  # noqa: S311 - jitter

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiomqtt.Client]:
        secure = self._url.scheme == "mqtts"
        client = aiomqtt.Client(
            self._url.hostname or "127.0.0.1",
            self._url.port or (8883 if secure else 1883),
            username=unquote(self._url.username) if self._url.username else None,
            password=unquote(self._url.password) if self._url.password else None,
            identifier=self._client_id(),
            protocol=self._version,
            tls_params=aiomqtt.TLSParameters() if secure else None,
            timeout=CONNECT_S,
        )
        async with client:
            self._broken.clear()
            self._client = client
            try:
                yield client
            finally:
                self._client = None

    async def _until_broken(self, client: aiomqtt.Client) -> None:
        # Nothing is subscribed, so nothing is received: reading is how the client learns that the broker is gone.
        reader = asyncio.create_task(_read(client))
        broken = asyncio.create_task(self._broken.wait())
        try:
            await asyncio.wait({reader, broken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (reader, broken):
                task.cancel()
                with suppress(asyncio.CancelledError, aiomqtt.MqttError):
                    await task

    def _other_version(self) -> None:
        """The broker may be one that refuses MQTT 5 without a word: the next attempt speaks the other version."""
        v5 = self._version is aiomqtt.ProtocolVersion.V5
        self._version = aiomqtt.ProtocolVersion.V311 if v5 else aiomqtt.ProtocolVersion.V5

    def _expiry(self, command: Command) -> Properties | None:
        if self._version is not aiomqtt.ProtocolVersion.V5:
            return None
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = command.expires_in_s
        return properties


async def _read(client: aiomqtt.Client) -> None:
    async for _ in client.messages:
        pass
