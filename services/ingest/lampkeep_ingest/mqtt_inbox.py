"""The adapter to a real broker: one stored session on aiomqtt and paho, opened again whenever it is lost.

Manual acknowledgement, reading and writing in bulk go through paho underneath aiomqtt; `_Paho` is all of it in one
place and checks at start what it relies on. MQTT 5, or 3.1.1 where the broker refuses 5 (NATS): there receive maximum
and session expiry do not exist, and the broker's own limit of unacknowledged messages bounds what is in hand.
"""

import math
import socket
import ssl
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import aiomqtt
import structlog
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from lampkeep.clock import Clock
from lampkeep_ingest import events
from lampkeep_ingest.backoff import Backoff
from lampkeep_ingest.cancellation import end_if_cancelled
from lampkeep_ingest.inbox import Received
from lampkeep_ingest.publish_packet import MalformedPublishError, parse_publish

UPTIME = "$SYS/broker/uptime"
"""Where Mosquitto tells since when it runs: `<seconds> seconds`, each 10 s and at once to a new subscription."""

KEEPALIVE_S = 5
"""A dead broker is noticed within twice this."""

SESSION_EXPIRY_S = 24 * 3600
"""How long the broker keeps a session's messages while its copy is away (MQTT 5)."""

LARGEST_PACKET_BYTES = 300 * 1024
"""Payloads up to 256 KiB are recorded as rejected (contract section 2); above that the broker may close."""

FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.1, 5.0
"""Reconnecting: doubled at each failure, with jitter."""

DEADLINE_S = 10.0
"""For CONNACK, SUBACK and a graceful end."""

QUEUED_OUT = 2000
"""Receipts that may wait for the broker; a device resends until its own comes, so the rest may be dropped."""

_UNKNOWN_VERSION = frozenset({1, 132})
"""A broker's refusal of the protocol version, in the words of 3.1.1 and of 5."""

_PUBACK = struct.Struct("!BBH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where the broker is and who we are there."""

    host: str
    port: int
    tls: bool
    username: str | None
    password: str | None

    @classmethod
    def parse(cls, url: str) -> "Endpoint":
        """Read `mqtt://` or `mqtts://user:pass@host:port`; ValueError, without the password, for anything else."""
        parts = urlsplit(url)
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
            raise ValueError("LAMPKEEP_MQTT_URL: give mqtt://host:1883 or mqtts://user:password@host:8883")
        tls = parts.scheme == "mqtts"
        return cls(
            host=parts.hostname,
            port=parts.port or (8883 if tls else 1883),
            tls=tls,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What is asked of the broker: `client_id` is fixed, so that the session is found again."""

    client_id: str
    filters: tuple[str, ...]
    receive_maximum: int


class _Paho:
    """What is used of paho below aiomqtt, public and not."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = cast("Any", client._client)  # noqa: SLF001
        for name in ("manual_ack_set", "_handle_publish", "_out_packet", "_in_packet", "loop_write", "publish"):
            if not hasattr(self._client, name):
                raise RuntimeError(f"this release of paho-mqtt has no {name}: ingest needs 2.1 or 2.2")
        if {"command", "packet"} - set(self._client._in_packet):  # noqa: SLF001
            raise RuntimeError("this release of paho-mqtt keeps incoming packets elsewhere: ingest needs 2.1 or 2.2")
        self._client.manual_ack_set(on=True)
        self._client.max_queued_messages_set(QUEUED_OUT)
        self._client.disable_logger()
        self.session_present = False
        told = self._client.on_connect

        def on_connect(client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
            self.session_present = bool(flags.session_present)
            told(client, userdata, flags, reason, properties)

        self._client.on_connect = on_connect

    def on_publish(self, take: Callable[[int, bytearray], None]) -> None:
        """Give the first byte and the body of every PUBLISH to `take`, in place of paho's own reading."""
        client = self._client

        def handle() -> MQTTErrorCode:
            packet = client._in_packet  # noqa: SLF001
            try:
                take(packet["command"], packet["packet"])
            except MalformedPublishError:
                return MQTTErrorCode.MQTT_ERR_PROTOCOL
            return MQTTErrorCode.MQTT_ERR_SUCCESS

        client._handle_publish = handle  # noqa: SLF001

    def acknowledge(self, packet_ids: list[int]) -> None:
        """All PUBACKs in one write: a write for each costs as much again as storing the message."""
        packets = b"".join(_PUBACK.pack(0x40, 2, packet_id) for packet_id in packet_ids)
        self._client._out_packet.append(  # noqa: SLF001
            {
                "command": 0x40,
                "mid": 0,
                "qos": 1,
                "pos": 0,
                "to_process": len(packets),
                "packet": packets,
                "info": None,
            }
        )
        self._client.loop_write()  # what the socket does not take now is written when it can

    def publish(self, topic: str, payload: bytes, properties: Properties | None) -> bool:
        """QoS 1, without waiting."""
        return bool(self._client.publish(topic, payload, 1, retain=False, properties=properties).rc == 0)


class MqttInbox:
    """One session. `run` keeps it connected until it is cancelled."""

    def __init__(
        self,
        endpoint: Endpoint,
        session: Session,
        *,
        on_message: Callable[[Received], None],
        clock: Clock,
        asks_uptime: bool = False,
    ) -> None:
        """`on_message` is called for each message as it arrives, and must not wait; `asks_uptime`: `broker_since` is
        wanted."""
        self._asks_uptime = asks_uptime
        self._endpoint = endpoint
        self._session = session
        self._on_message = on_message
        self._clock = clock
        self._version = aiomqtt.ProtocolVersion.V5
        self._paho: _Paho | None = None
        self._connection = 0
        self._unacknowledged: set[int] = set()
        self._expiries: dict[int, Properties] = {}
        self._log = structlog.get_logger().bind(client_id=session.client_id)
        self.connected_s: float | None = None
        """Monotonic instant since which this session is subscribed; None while it is not."""
        self.began_s: float | None = None
        """Monotonic instant at which the broker last made this session anew; None before the first connection."""
        self.connections = 0
        """How often this session has been subscribed."""
        self.session_kept = False
        """Whether the broker had kept this session when it was last connected."""
        self.broker_since: datetime | None = None
        """Since when the broker says that it runs; None where it does not say."""
        self.saturated_s: float = -1e9
        """Monotonic instant at which the receive maximum was last nearly used up: the broker held more back."""

    def rename(self, client_id: str) -> None:
        """Be `client_id` from the next connection on."""
        self._session = replace(self._session, client_id=client_id)
        self._log = self._log.bind(client_id=client_id)

    @property
    def state(self) -> str:
        """In a few words, for readiness."""
        if self.connected_s is None:
            return "no connection"
        return "connected (MQTT 5)" if self._version is aiomqtt.ProtocolVersion.V5 else "connected (MQTT 3.1.1)"

    @property
    def in_hand(self) -> int:
        """Messages that this connection delivered and that are not acknowledged."""
        return len(self._unacknowledged)

    def comes_again(self, message: Received) -> bool:
        """Whether the broker delivers `message` once more: it came over an earlier connection of a session kept."""
        kept = self._paho is not None and self._paho.session_present
        return kept and message.packet_id != 0 and message.connection < self._connection

    async def run(self) -> None:
        """Connect, and connect again; ends only by cancellation, with the session left stored at the broker."""
        backoff = Backoff(first_s=FIRST_BACKOFF_S, longest_s=LONGEST_BACKOFF_S)
        while True:
            try:
                if await self._stand() > LONGEST_BACKOFF_S:
                    backoff.reset()
            except (aiomqtt.MqttError, OSError, ValueError) as error:
                if self._is_refused_for_its_version(error):
                    self._version = aiomqtt.ProtocolVersion.V311
                    continue
                self._log.warning(events.BROKER_UNREACHABLE, error=str(error), failures=backoff.failures + 1)
            self._version = aiomqtt.ProtocolVersion.V5  # each time anew: without it no receive maximum bounds us
            await backoff.wait()

    async def _stand(self) -> float:
        """Connect and stay until the connection is lost; how many seconds it stood. Raises while it does not stand."""
        client = self._client()
        paho = _Paho(client)
        paho.on_publish(self._take)
        self._connection += 1
        self._unacknowledged.clear()
        self._paho = paho  # a stored session's messages come with the CONNACK, before anything else is known
        try:
            async with client:
                await self._subscribe(client)
                await self._ask_for_uptime(client)
                end_if_cancelled()
                self.connected_s = self._clock.monotonic()
                self.connections += 1
                self.session_kept = paho.session_present
                if not paho.session_present:
                    self.began_s = self.connected_s
                elif self.began_s is None:
                    self.began_s = -math.inf
                self._log.info(events.BROKER_CONNECTED, state=self.state, session_present=paho.session_present)
                async for _ in client.messages:
                    pass  # none comes this way: `_take` has them all; the loop ends with the connection
        except aiomqtt.MqttError as error:
            if self.connected_s is None:
                raise
            self._log.warning(events.BROKER_LOST, error=str(error))
            return self._clock.monotonic() - self.connected_s
        finally:
            self.connected_s = None
            self._paho = None
            self._unacknowledged.clear()
        return 0.0

    def _client(self) -> aiomqtt.Client:
        endpoint, newest = self._endpoint, self._version is aiomqtt.ProtocolVersion.V5
        properties = None
        if newest:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = SESSION_EXPIRY_S
            properties.ReceiveMaximum = self._session.receive_maximum
            properties.MaximumPacketSize = LARGEST_PACKET_BYTES
        return aiomqtt.Client(
            endpoint.host,
            endpoint.port,
            username=endpoint.username,
            password=endpoint.password,
            identifier=self._session.client_id,
            protocol=self._version,
            clean_session=None if newest else False,
            clean_start=False if newest else 3,
            properties=properties,
            tls_context=ssl.create_default_context() if endpoint.tls else None,
            keepalive=KEEPALIVE_S,
            timeout=DEADLINE_S,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],  # a receipt follows its PUBACK at once
        )

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        if self._version is aiomqtt.ProtocolVersion.V5:
            # only a new subscription gets retained messages again, not each reconnect
            options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
            granted = await client.subscribe([(topic, options) for topic in self._session.filters])
        else:
            granted = await client.subscribe([(topic, 1) for topic in self._session.filters])
        refused = [topic for topic, code in zip(self._session.filters, granted, strict=True) if _number(code) != 1]
        if refused:
            raise aiomqtt.MqttError(f"the broker does not grant QoS 1 on {', '.join(refused)}")

    async def _ask_for_uptime(self, client: aiomqtt.Client) -> None:
        """Mosquitto tells on `$SYS` how long it has run; a broker that does not tell us is none the worse."""
        self.broker_since = None
        if self._asks_uptime and self._version is aiomqtt.ProtocolVersion.V5:
            with suppress(aiomqtt.MqttError):
                await client.subscribe(UPTIME, qos=0)

    def _hear_uptime(self, payload: bytes) -> None:
        number = payload.partition(b" ")[0]
        if number.isdigit() and len(number) < 12:
            self.broker_since = self._clock.now() - timedelta(seconds=int(number))

    def _is_refused_for_its_version(self, error: Exception) -> bool:
        """Whether the broker does not know MQTT 5; any other failure is no reason to speak 3.1.1."""
        newest = self._version is aiomqtt.ProtocolVersion.V5
        return newest and isinstance(error, aiomqtt.MqttCodeError) and _number(error.rc) in _UNKNOWN_VERSION

    def _take(self, first: int, body: bytearray) -> None:
        packet = parse_publish(first, body, with_properties=self._version is aiomqtt.ProtocolVersion.V5)
        if packet.topic == UPTIME:
            self._hear_uptime(bytes(packet.payload))
            return
        if packet.qos:
            if packet.packet_id in self._unacknowledged:
                return  # NATS delivers again what it has waited for; it is in hand already
            self._unacknowledged.add(packet.packet_id)
            if len(self._unacknowledged) * 10 >= self._session.receive_maximum * 9:
                self.saturated_s = self._clock.monotonic()
        self._on_message(
            Received(
                inbox=self,
                topic=packet.topic,
                payload=packet.payload,
                size=len(packet.payload),
                retained=packet.retained,
                repeated=packet.repeated,
                packet_id=packet.packet_id if packet.qos else 0,
                connection=self._connection,
                received_at=self._clock.now(),
                received_s=self._clock.monotonic(),
            )
        )

    def acknowledge(self, messages: Iterable[Received]) -> None:
        """PUBACK each that came over the connection that stands."""
        packet_ids = [
            message.packet_id
            for message in messages
            if message.connection == self._connection and message.packet_id in self._unacknowledged
        ]
        if not packet_ids or self._paho is None:
            return
        self._unacknowledged.difference_update(packet_ids)
        self._paho.acknowledge(packet_ids)

    def publish(self, topic: str, payload: bytes, *, expires_in_s: int) -> bool:
        """Hand one message to the broker at QoS 1 without waiting; False where there is no connection or no room."""
        if self._paho is None:
            return False
        properties = None
        if self._version is aiomqtt.ProtocolVersion.V5:
            properties = self._expiries.get(expires_in_s)
            if properties is None:
                properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
                properties.MessageExpiryInterval = expires_in_s
                self._expiries[expires_in_s] = properties
        try:
            return self._paho.publish(topic, payload, properties)
        except ValueError:
            return False  # a name that MQTT does not allow in a topic: nobody can listen there


def _number(code: object) -> int:
    """A reason code of either version of the protocol as a number."""
    value = getattr(code, "value", code)
    return value if isinstance(value, int) else -1
