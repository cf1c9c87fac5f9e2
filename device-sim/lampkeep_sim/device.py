"""Devices that speak the contract by themselves, and gateways that speak for others.

A device is an account with one MQTT session; a gateway is an account whose session carries the messages of the devices
behind it, in the contract's form or in Zigbee2MQTT's. What they share is the urgent message that is sent again under
the same id until its receipt comes.
"""

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from lampkeep_sim import zigbee
from lampkeep_sim.community import DeviceSpec
from lampkeep_sim.message import Message, lane, status, topic
from lampkeep_sim.mqtt import Puback, Publish, Will
from lampkeep_sim.session import Identity, Link, Session

log = structlog.get_logger()

RECEIPT_RECEIVED = "receipt.received"
RECEIPT_MISSING = "receipt.missing"
COMMAND_UNREADABLE = "command.unreadable"

RESEND_FIRST_S = 2.0
RESEND_MAX_S = 60.0
RESEND_AT_MOST = 1440
"""An urgent message is sent again after 2, 4, 8 … 60 s, each ±20 %, for about a day: as long as the contract takes the
same id as the same message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The answer to an urgent message: how long it took from the first send, and how many sends it took."""

    message_id: str
    latency_s: float
    sends: int


OnCommand = Callable[[str, dict[str, Any]], None]
"""Called with the device id and the command's JSON object."""


class Account:
    """One MQTT account on the air: a device of its own, or a gateway with the devices behind it."""

    def __init__(
        self,
        account: str,
        devices: Iterable[DeviceSpec],
        link: Link,
        rng: random.Random,
        *,
        client_id: str | None = None,
        on_command: OnCommand | None = None,
        quiet: bool = False,
    ) -> None:
        """`quiet` accounts say nothing about being online, neither at birth nor by a last will."""
        self.account = account
        self.devices = {device.device_id: device for device in devices}
        self._link = link
        self._rng = rng
        self._told = on_command
        self._waiting: dict[tuple[str, str], asyncio.Event] = {}
        self.session = Session(self._identity(client_id or account, quiet=quiet), link, rng, on_command=self._command)

    def observe(self, device_id: str, message: Message) -> None:
        """Send one message and forget it once the broker has it."""
        self.session.send(*self._envelope(device_id, message))

    async def urge(
        self,
        device_id: str,
        message: Message,
        *,
        timeout_s: float | None = None,
        on_ack: Callable[[Puback], None] | None = None,
    ) -> Receipt | None:
        """Send an urgent message until its receipt comes; None if the bound on sends or `timeout_s` comes first.

        `on_ack` is called with each PUBACK of the broker. A device behind a Zigbee2MQTT bridge sends once, since its
        bridge knows of no receipts.
        """
        topic_, payload = self._envelope(device_id, message)
        if self.devices[device_id].z2m is not None:
            self.session.send(topic_, payload, first=True)
            return None
        came = self._waiting.setdefault((device_id, message.message_id), asyncio.Event())
        loop = asyncio.get_running_loop()
        start = loop.time()
        try:
            async with asyncio.timeout(timeout_s):
                sends = await self._send_until(came, topic_, payload, on_ack)
        except TimeoutError:
            sends = 0
        finally:
            self._waiting.pop((device_id, message.message_id), None)
        if not sends:
            self._link.tally.given_up += 1
            log.warning(RECEIPT_MISSING, device_id=device_id, message_id=message.message_id)
            return None
        self._link.tally.receipts += 1
        receipt = Receipt(message_id=message.message_id, latency_s=loop.time() - start, sends=sends)
        log.debug(
            RECEIPT_RECEIVED, device_id=device_id, message_id=message.message_id, latency_ms=receipt.latency_s * 1e3
        )
        return receipt

    def announce(self, device_id: str, *, online: bool) -> None:
        """Publish the retained state of one device behind this account."""
        self.session.send(*self._state(device_id, online=online), retain=True)

    async def _send_until(
        self, came: asyncio.Event, topic_: str, payload: bytes, on_ack: Callable[[Puback], None] | None
    ) -> int:
        """Return how many sends it took until `came` was set, 0 if it never was."""
        for sends in range(1, RESEND_AT_MOST + 1):
            if sends == 1:
                self.session.send(topic_, payload, first=True, on_ack=on_ack)
            elif self.session.up.is_set():  # else the first copy is still held, and goes at the next connect
                self._link.tally.resent += 1
                self.session.send(topic_, payload, first=True, on_ack=on_ack)
            wait_s = min(RESEND_MAX_S, RESEND_FIRST_S * 2 ** min(sends - 1, 10)) * self._rng.uniform(0.8, 1.2)
            try:
                async with asyncio.timeout(wait_s):
                    await came.wait()
            except TimeoutError:
                continue
            return sends
        return 0

    def _envelope(self, device_id: str, message: Message) -> tuple[str, bytes]:
        spec = self.devices[device_id]
        if spec.z2m is not None:
            return f"{zigbee.base(self.account)}/{spec.z2m}", zigbee.state(message)
        return topic(self.account, device_id, lane(message.type)), message.encode()

    def _identity(self, client_id: str, *, quiet: bool) -> Identity:
        filters = (topic(self.account, "+", "command"),)
        if quiet:
            return Identity(account=self.account, client_id=client_id, will=None, birth=(), filters=filters)
        own, online, offline = topic(self.account, self.account, "status"), status(online=True), status(online=False)
        if any(device.z2m is not None for device in self.devices.values()):
            own = f"{zigbee.base(self.account)}/bridge/state"
            online, offline = zigbee.bridge_state(online=True), zigbee.bridge_state(online=False)
        others = (one for one in self.devices if one != self.account)
        return Identity(
            account=self.account,
            client_id=client_id,
            will=Will(topic=own, payload=offline),
            birth=((own, online), *(self._state(one, online=True) for one in others)),
            filters=filters,
        )

    def _state(self, device_id: str, *, online: bool) -> tuple[str, bytes]:
        """Return topic and body of the retained state of a device behind this account."""
        spec = self.devices[device_id]
        if spec.z2m is not None:
            return f"{zigbee.base(self.account)}/{spec.z2m}/availability", zigbee.availability(online=online)
        return topic(self.account, device_id, "status"), status(online=online)

    def _command(self, publish: Publish) -> None:
        try:
            words = orjson.loads(publish.payload)
            device_id = publish.topic.split("/")[3]
            if words["type"] == "receipt":
                came = self._waiting.get((device_id, words["ref"]))
                if came is not None:
                    came.set()
            if self._told is not None:
                self._told(device_id, words)
        except (orjson.JSONDecodeError, KeyError, TypeError, IndexError):
            log.warning(COMMAND_UNREADABLE, account=self.account, topic=publish.topic)
