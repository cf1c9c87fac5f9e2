"""One MQTT connection on asyncio: a protocol object, no task, no thread, one timer.

A connection is used once: whoever wants to reconnect opens another. It never resends by itself; a QoS 1 publish whose
PUBACK did not come ends in ConnectionLostError, and the device decides.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast
from urllib.parse import unquote, urlsplit

from lampkeep_sim.mqtt.codec import encode, encode_publish
from lampkeep_sim.mqtt.errors import (
    ConnectionLostError,
    ConnectRefusedError,
    DeadlinePassedError,
    InFlightFullError,
    MalformedPacketError,
    MqttError,
)
from lampkeep_sim.mqtt.packets import (
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Properties,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Version,
)
from lampkeep_sim.mqtt.parser import DEFAULT_MAX_PACKET_BYTES, Parser
from lampkeep_sim.mqtt.properties import Property

T = TypeVar("T")

OnAck = Callable[[Puback | None], None]
"""Called once per publish: with its PUBACK, or with None when the connection ended before it."""

_V5_UNSUPPORTED = frozenset({0x01, 0x84})
"""Unacceptable protocol version, in the words of 3.1.1 and of 5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where the broker is, without who connects. `password` is the default for every account."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    username: str | None = None
    password: str | None = None

    @classmethod
    def from_url(cls, url: str) -> "Endpoint":
        """Read `mqtt://` or `mqtts://user:pass@host:port`; raises ValueError, without repeating the password."""
        parts = urlsplit(url)
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
            raise ValueError("an MQTT URL looks like mqtt://host:1883 or mqtts://user:pass@host:8883")
        tls = ssl.create_default_context() if parts.scheme == "mqtts" else None
        return cls(
            host=parts.hostname,
            port=parts.port or (8883 if tls else 1883),
            tls=tls,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )


class Connection(asyncio.Protocol):
    """An open session. Make one with `Connection.open`."""

    def __init__(
        self,
        connect: Connect,
        *,
        on_publish: Callable[[Publish], None],
        on_lost: Callable[[MqttError], None],
        max_packet_bytes: int = DEFAULT_MAX_PACKET_BYTES,
    ) -> None:
        self._connect = connect
        self._on_publish = on_publish
        self._on_lost = on_lost
        self._parser = Parser(connect.version, max_packet_bytes)
        self._loop = asyncio.get_running_loop()
        self._connack: asyncio.Future[Connack] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._unacked: dict[int, OnAck] = {}
        self._subscriptions: dict[int, asyncio.Future[Suback]] = {}
        self._drained = asyncio.Event()
        self._drained.set()
        self._next_id = 0
        self._timer: asyncio.TimerHandle | None = None
        self._ping_sent = False
        self._failure: MqttError | None = None
        self.receive_maximum = 0xFFFF
        """How many publishes the broker takes unacknowledged (CONNACK, MQTT 5, 3.2.2.3.3)."""
        self.is_open = False

    @classmethod
    async def open(
        cls,
        endpoint: Endpoint,
        connect: Connect,
        *,
        on_publish: Callable[[Publish], None],
        on_lost: Callable[[MqttError], None],
        timeout_s: float = 10.0,
        max_packet_bytes: int = DEFAULT_MAX_PACKET_BYTES,
    ) -> "Connection":
        """Connect and wait for CONNACK; raises ConnectRefusedError, ConnectionLostError, DeadlinePassedError.

        `on_lost` is called at most once, and only after a successful return.
        """
        connection = cls(connect, on_publish=on_publish, on_lost=on_lost, max_packet_bytes=max_packet_bytes)
        try:
            async with asyncio.timeout(timeout_s):
                await connection._handshake(endpoint)
        except OSError as error:  # TimeoutError is one, too
            connection.abort()
            if isinstance(error, TimeoutError):
                raise DeadlinePassedError(f"no CONNACK within {timeout_s:g} s") from error
            raise ConnectionLostError(f"cannot connect: {error}") from error
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _handshake(self, endpoint: Endpoint) -> None:
        loop = self._loop
        await loop.create_connection(lambda: self, endpoint.host, endpoint.port, ssl=endpoint.tls)
        connack = await self._connack
        if connack.reason_code:
            unsupported = connack.reason_code in _V5_UNSUPPORTED and self._connect.version is Version.V5
            raise ConnectRefusedError(connack.reason_code, version_unsupported=unsupported)
        maximum = connack.properties.get(Property.RECEIVE_MAXIMUM, 0xFFFF)
        self.receive_maximum = maximum if isinstance(maximum, int) else 0xFFFF
        keep_alive_s = connack.properties.get(Property.SERVER_KEEP_ALIVE_S, self._connect.keep_alive_s)
        self.is_open = True
        if isinstance(keep_alive_s, int) and keep_alive_s:
            self._timer = loop.call_later(keep_alive_s / 2, self._keep_alive, keep_alive_s / 2)

    # what a device does with it

    def publish_nowait(
        self,
        topic: str,
        payload: bytes,
        *,
        on_ack: OnAck | None = None,
        qos: int = 1,
        retain: bool = False,
        dup: bool = False,
        properties: Properties | None = None,
    ) -> None:
        """Write a publish now; raises ConnectionLostError, or InFlightFullError above the receive maximum.

        The write is buffered without a bound of its own: the receive maximum bounds QoS 1, and callers of many
        publishes await `drained` between them.
        """
        packet_id = self._reserve(on_ack) if qos else None
        packet = Publish(
            topic=topic,
            payload=payload,
            qos=qos,
            retain=retain,
            dup=dup,
            packet_id=packet_id,
            properties=properties or {},
        )
        self._write(encode_publish(packet, self._connect.version))

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False, timeout_s: float = 10.0) -> Puback:
        """Publish at QoS 1 and wait for the PUBACK; raises a ConnectionLost, DeadlinePassed or InFlightFull error."""
        future: asyncio.Future[Puback] = self._loop.create_future()

        def settle(ack: Puback | None) -> None:
            if future.done():
                return
            if ack is None:
                future.set_exception(ConnectionLostError("connection ended before the PUBACK"))
            else:
                future.set_result(ack)

        self.publish_nowait(topic, payload, on_ack=settle, retain=retain)
        return await self._within(future, timeout_s, "PUBACK")

    async def subscribe(self, *filters: str, qos: int = 1, timeout_s: float = 10.0) -> Suback:
        """Subscribe and wait for the SUBACK, whose codes the caller judges."""
        packet_id = self._free_id()
        future: asyncio.Future[Suback] = self._loop.create_future()
        self._subscriptions[packet_id] = future
        try:
            packet = Subscribe(packet_id=packet_id, filters=tuple((name, qos) for name in filters))
            self._write(encode(packet, self._connect.version))
            return await self._within(future, timeout_s, "SUBACK")
        finally:
            self._subscriptions.pop(packet_id, None)

    async def drained(self) -> None:
        """Return once the socket takes more; raises nothing when the connection ends."""
        await self._drained.wait()

    @property
    def unacknowledged(self) -> int:
        """Publishes at QoS 1 without a PUBACK so far."""
        return len(self._unacked)

    def disconnect(self, reason_code: int = 0) -> None:
        """Say goodbye and close; the broker forgets the will (unless code 4 asks for it). Safe to call twice."""
        self._stop_pinging()
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(encode(Disconnect(reason_code=reason_code), self._connect.version))
        self._transport.close()

    def abort(self) -> None:
        """Cut the line without a word, as a dead battery does: the broker publishes the will."""
        self._stop_pinging()
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send CONNECT as soon as there is a line."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it
        self._transport.write(encode(self._connect, self._connect.version))

    def data_received(self, data: bytes) -> None:
        """Act on each packet that has arrived; bytes that are no MQTT end the connection."""
        self._ping_sent = False
        try:
            for packet in self._parser.feed(data):
                self._receive(packet)
        except MalformedPacketError as error:
            self._fail(error)

    def pause_writing(self) -> None:
        """Note that the socket is full."""
        self._drained.clear()

    def resume_writing(self) -> None:
        """Note that the socket takes more."""
        self._drained.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Settle everything that waits, then tell the owner."""
        failure = self._failure or ConnectionLostError(str(exc) if exc else "closed by the other side")
        was_open, self.is_open = self.is_open, False
        self._drained.set()
        self._stop_pinging()
        if not self._connack.done():
            self._connack.set_exception(failure)
        for subscription in self._subscriptions.values():
            if not subscription.done():
                subscription.set_exception(failure)
        unacked, self._unacked = self._unacked, {}
        for settle in unacked.values():
            settle(None)
        if was_open:
            self._on_lost(failure)

    # inside

    def _receive(self, packet: Packet) -> None:
        match packet:
            case Puback():
                settle = self._unacked.pop(packet.packet_id, None)
                if settle is not None:
                    settle(packet)
            case Publish():
                self._on_publish(packet)
                if packet.packet_id is not None and self.is_open:
                    self._write(encode(Puback(packet_id=packet.packet_id), self._connect.version))
            case Connack() if not self._connack.done():
                self._connack.set_result(packet)
            case Suback():
                waiting = self._subscriptions.get(packet.packet_id)
                if waiting is not None and not waiting.done():
                    waiting.set_result(packet)
            case Disconnect():
                self._fail(ConnectionLostError(f"broker disconnected, reason code {packet.reason_code}"))
            case Pingresp():
                pass
            case _:
                raise MalformedPacketError(f"a broker does not send {type(packet).__name__}")

    def _fail(self, error: MqttError) -> None:
        self._failure = self._failure or error
        self.abort()

    def _write(self, packet: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            raise ConnectionLostError("the connection is closed")
        self._transport.write(packet)

    def _reserve(self, on_ack: OnAck | None) -> int:
        if len(self._unacked) >= self.receive_maximum:
            raise InFlightFullError(f"{len(self._unacked)} publishes are unacknowledged")
        if not self.is_open:
            raise ConnectionLostError("the connection is closed")
        packet_id = self._free_id()
        self._unacked[packet_id] = on_ack or _ignore
        return packet_id

    def _free_id(self) -> int:
        for _ in range(0xFFFF):
            self._next_id = self._next_id % 0xFFFF + 1
            if self._next_id not in self._unacked and self._next_id not in self._subscriptions:
                return self._next_id
        raise InFlightFullError("every packet id is in use")

    async def _within(self, future: "asyncio.Future[T]", timeout_s: float, what: str) -> T:
        try:
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError as error:
            raise DeadlinePassedError(f"no {what} within {timeout_s:g} s") from error

    def _stop_pinging(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _keep_alive(self, period_s: float) -> None:
        """Ping each half keep-alive; a ping still unanswered after one more period means the line is dead."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._ping_sent:
            self._fail(ConnectionLostError("no answer to PINGREQ"))
            return
        self._ping_sent = True
        self._timer = self._loop.call_later(period_s, self._keep_alive, period_s)
        self._write(encode(Pingreq(), self._connect.version))


def _ignore(_ack: Puback | None) -> None:
    """Take the acknowledgement of a publish that nobody waits for."""
