"""The embedded broker's door: clients connect here, and each connection goes on to NATS with its packets translated.

A connection that ends on one side ends on the other, without a word of ours, so that last wills work. What one side
cannot take at once is bounded: the other side is not read meanwhile.
"""

import asyncio
from typing import cast

from lampkeep_standalone.embedded.loopback import LOOPBACK
from lampkeep_standalone.embedded.translation import PacketError, Translation

BACKLOG = 1024
"""Connections that may wait: a whole community reconnects at once after a restart."""

CONNECT_WITHIN_S = 5.0

FAREWELL_S = 5.0
"""How long a side that does not read may hold what was still to be sent."""

HIGH_WATER_BYTES = 256 * 1024
"""Unsent bytes beyond which the other side is not read."""


class Side(asyncio.Protocol):
    """One of a connection's two ends; what arrives is translated and sent on to `other`."""

    def __init__(self, translation: Translation) -> None:
        """`translation` turns what this side sends into what the other side takes."""
        self._translation = translation
        self._early = b""
        self.other: Side | None = None
        self.transport: asyncio.Transport | None = None
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio says that this end is open."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)

    def meet(self, other: "Side") -> None:
        """Join two open ends, and send on what this one has said meanwhile; the broker answers only."""
        self.other, other.other = other, self
        early, self._early = self._early, b""
        if early:
            self.data_received(early)

    def data_received(self, data: bytes) -> None:
        """Asyncio hands over what arrived."""
        assert self.transport is not None
        if self.other is None or self.other.transport is None:
            self._early += data
            self.transport.pause_reading()  # what comes before the other end is open is one read at most
            return
        try:
            self.other.transport.write(self._translation.feed(data))
        except PacketError:
            self.close()

    def pause_writing(self) -> None:
        """Asyncio says that this side is slow: do not read the other."""
        if self.other and self.other.transport and not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Asyncio says that this side has caught up."""
        if self.other and self.other.transport and not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio says that this end is gone: so is the other, once it has what was sent."""
        del exc
        self.ended = True
        if self.other:
            self.other.hang_up()

    def close(self) -> None:
        """End both."""
        self.hang_up()
        if self.other:
            self.other.hang_up()

    def hang_up(self) -> None:
        """End this side once it has taken what was sent, or after FAREWELL_S."""
        if self.transport and not self.ended:
            self.transport.close()
            asyncio.get_running_loop().call_later(FAREWELL_S, self.transport.abort)


class Client(Side):
    """A client's end; opens the broker's end for it."""

    def __init__(self, front: "Front") -> None:
        """A client of `front`."""
        super().__init__(Translation(to_broker=True, accounts_apart=front.accounts_apart))
        self._front = front
        self._opening: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio says that this end is open: open the broker's."""
        super().connection_made(transport)
        self._front.clients.add(self)
        self._opening = asyncio.get_running_loop().create_task(self._open_other())

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget this client."""
        self._front.clients.discard(self)
        super().connection_lost(exc)

    async def _open_other(self) -> None:
        assert self.transport is not None
        broker = Side(Translation(to_broker=False))
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                await asyncio.get_running_loop().create_connection(lambda: broker, LOOPBACK, self._front.broker_port)
        except (OSError, TimeoutError):
            self.transport.abort()
            return
        if self.ended:
            broker.hang_up()
            return
        self.meet(broker)
        if not self.transport.is_closing():
            self.transport.resume_reading()


class Front:
    """Listens on loopback for MQTT clients while it is open."""

    def __init__(self, *, port: int, broker_port: int, accounts_apart: bool) -> None:
        """Clients come to `port`, NATS listens on `broker_port`."""
        self.port = port
        self.broker_port = broker_port
        self.accounts_apart = accounts_apart
        self.clients: set[Client] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen; OSError when the port is taken. Opening twice is opening once."""
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: Client(self), LOOPBACK, self.port, backlog=BACKLOG)

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._server is None:
            return
        self._server.close()
        for client in tuple(self.clients):
            client.close()
        self._server = None
