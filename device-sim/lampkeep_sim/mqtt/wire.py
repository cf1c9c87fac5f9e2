"""The primitive types of MQTT (section 1.5 of both standards) over bytes."""

from lampkeep_sim.mqtt.errors import MalformedPacketError

MAX_VARINT = 268_435_455
"""Largest variable byte integer, four bytes of seven bits (MQTT 5, 1.5.5)."""


def varint(value: int) -> bytes:
    """Encode a variable byte integer; raises MalformedPacketError out of 0..268,435,455."""
    if value < 0x80 and value >= 0:
        return bytes((value,))
    if not 0 <= value <= MAX_VARINT:
        raise MalformedPacketError(f"{value} does not fit a variable byte integer")
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def binary(value: bytes) -> bytes:
    """Encode binary content with its two-byte length; raises MalformedPacketError above 65,535 bytes."""
    if len(value) > 0xFFFF:
        raise MalformedPacketError(f"{len(value)} bytes do not fit a two-byte length")
    return len(value).to_bytes(2, "big") + value


def text(value: str) -> bytes:
    """Encode a UTF-8 string; U+0000 and lone surrogates are not allowed in one (MQTT 5, 1.5.4)."""
    try:
        raw = value.encode()
    except UnicodeEncodeError as error:
        raise MalformedPacketError("a lone surrogate is no UTF-8") from error
    if b"\0" in raw:
        raise MalformedPacketError("U+0000 in a string")
    return binary(raw)


class Reader:
    """A cursor over the body of one packet; every read past its end is a MalformedPacketError."""

    __slots__ = ("_body", "_end", "at")

    def __init__(self, body: bytes, at: int = 0, end: int | None = None) -> None:
        self._body = body
        self.at = at
        self._end = len(body) if end is None else end

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return self._end - self.at

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        start, stop = self.at, self.at + count
        if stop > self._end:
            raise MalformedPacketError("packet ends inside a field")
        self.at = stop
        return self._body[start:stop]

    def rest(self) -> bytes:
        """Return everything that is left."""
        return self.take(self.left)

    def uint(self, size: int) -> int:
        """Return a big-endian unsigned integer of `size` bytes."""
        return int.from_bytes(self.take(size), "big")

    def varint(self) -> int:
        """Return a variable byte integer of at most four bytes."""
        value = 0
        for shift in (0, 7, 14, 21):
            byte = self.uint(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise MalformedPacketError("variable byte integer of more than four bytes")

    def binary(self) -> bytes:
        """Return binary content behind its two-byte length."""
        return self.take(self.uint(2))

    def text(self) -> str:
        """Return a UTF-8 string behind its two-byte length."""
        raw = self.binary()
        try:
            value = raw.decode()
        except UnicodeDecodeError as error:
            raise MalformedPacketError("a string is not UTF-8") from error
        if "\0" in value:
            raise MalformedPacketError("U+0000 in a string")
        return value

    def inner(self) -> "Reader":
        """Return a cursor over the next length-prefixed block and step over it."""
        size = self.varint()
        start = self.at
        if size > self.left:
            raise MalformedPacketError("block is longer than its packet")
        self.at = start + size
        return Reader(self._body, start, self.at)

    def finish(self) -> None:
        """Raise MalformedPacketError unless everything was read."""
        if self.at != self._end:
            raise MalformedPacketError(f"{self.left} bytes behind the last field")
