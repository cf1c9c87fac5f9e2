"""Bytes as they come from a socket, cut into packets."""

from collections.abc import Iterator

from lampkeep_sim.mqtt.codec import decode
from lampkeep_sim.mqtt.errors import MalformedPacketError, PacketTooLargeError
from lampkeep_sim.mqtt.packets import Packet, Version

DEFAULT_MAX_PACKET_BYTES = 512 * 1024
"""Twice the 256 KiB up to which the contract records an oversized message; commands to devices are below 1 KiB."""


class Parser:
    """An incremental parser for one direction of one connection.

    It never holds more than `max_packet_bytes` plus what one `feed` brought: a longer packet is refused as soon as its
    length is known. After an error it must not be fed again.
    """

    __slots__ = ("_held", "max_packet_bytes", "version")

    def __init__(self, version: Version, max_packet_bytes: int = DEFAULT_MAX_PACKET_BYTES) -> None:
        self.version = version
        self.max_packet_bytes = max_packet_bytes
        self._held = b""

    def feed(self, received: bytes) -> Iterator[Packet]:
        """Yield each packet that is complete now; raises MalformedPacketError or PacketTooLargeError."""
        held = self._held + received if self._held else received
        at = 0
        try:
            while (span := self._span(held, at)) is not None:
                start, stop = span
                packet = decode(held[at], held[start:stop], self.version)
                at = stop
                yield packet
        finally:
            self._held = held[at:]

    def _span(self, held: bytes, at: int) -> tuple[int, int] | None:
        """Return where the body of the packet at `at` starts and stops, or None while it is incomplete."""
        size = 0
        for index in range(1, 5):
            if at + index >= len(held):
                return None
            byte = held[at + index]
            size |= (byte & 0x7F) << 7 * (index - 1)
            if byte < 0x80:
                break
        else:
            raise MalformedPacketError("remaining length of more than four bytes")
        start = at + index + 1
        if start - at + size > self.max_packet_bytes:
            raise PacketTooLargeError(f"packet of {size} bytes, the bound is {self.max_packet_bytes}")
        return (start, start + size) if start + size <= len(held) else None
