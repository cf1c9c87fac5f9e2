"""MQTT packets rewritten between our clients and NATS, which refuses what MQTT allows.

NATS closes the connection on white space in a topic (Zigbee2MQTT names a device `Front door`) and on `.`, `*`, `>` and
white space in a client id. Each such character goes over as one of Unicode's private use, U+E000 plus its code, and
comes back as itself. Where accounts are kept apart, a client id also goes over under its account's name, so that nobody
can take another account's session. Pure: bytes in, bytes out. MQTT 3.1.1 and 3.1; anything else passes untouched, for
the broker to refuse.
"""

import re

CONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE = 1, 3, 8, 10
"""Packet types, MQTT 3.1.1 section 2.2.1."""

LARGEST_PACKET = 2 * 1024 * 1024
"""Twice the broker's payload limit: what is larger need not be kept in memory to be refused."""

_IN_TOPICS = re.compile(rb"[\t\n\r ]")
_IN_CLIENT_IDS = re.compile(rb"[\t\n\r .*>]")
_ESCAPED = re.compile(rb"\xee\x80([\x89\x8a\x8d\xa0])")

_PRIVATE_USE = b"\xee\x80"
"""The first two bytes in UTF-8 of U+E000 to U+E03F; the third is 0x80 plus the character's code."""

_BETWEEN = b"\xee\x81\x80"
"""U+E040, between an account's name and a client id."""


class PacketError(Exception):
    """The bytes are no MQTT, or a packet is over LARGEST_PACKET; the connection cannot go on."""


def escaped_topic(topic: bytes) -> bytes:
    """A topic, or a filter, as NATS takes it."""
    return _IN_TOPICS.sub(_escape, topic)


def plain_topic(topic: bytes) -> bytes:
    """The topic that was escaped."""
    return _ESCAPED.sub(lambda found: bytes([found[1][0] - 0x80]), topic)


def escaped_client_id(client_id: bytes, account: bytes | None) -> bytes:
    """A client id as NATS takes it, under `account` where one is given; empty stays empty: the broker names it."""
    if not client_id:
        return client_id
    mine = _IN_CLIENT_IDS.sub(_escape, client_id)
    return mine if account is None else _IN_CLIENT_IDS.sub(_escape, account) + _BETWEEN + mine


class Translation:
    """One direction of one connection: feed what arrives, send on what comes out."""

    def __init__(self, *, to_broker: bool, accounts_apart: bool = False) -> None:
        """`accounts_apart` puts client ids under the name that the client signs in with."""
        self._to_broker = to_broker
        self._accounts_apart = accounts_apart
        self._held = b""

    def feed(self, received: bytes) -> bytes:
        """The packets that are complete by now, rewritten; a last incomplete one is held. Raises PacketError."""
        stream = self._held + received if self._held else received
        out: list[bytes] = []
        kept_from = at = 0
        while (header := _header(stream, at)) is not None:
            body, end = header
            changed = self._rewritten(stream[at], stream, body, end)
            if changed is not None:
                out += (stream[kept_from:at], bytes([stream[at]]), _length(len(changed)), changed)
                kept_from = end
            at = end
        out.append(stream[kept_from:at])
        self._held = stream[at:]
        return b"".join(out)

    def _rewritten(self, first: int, stream: bytes, body: int, end: int) -> bytes | None:
        """The packet's new body, None where it stays as it is."""
        kind = first >> 4
        if kind == PUBLISH:
            return _publish(stream, body, end, to_broker=self._to_broker)
        if not self._to_broker or kind not in {CONNECT, SUBSCRIBE, UNSUBSCRIBE}:
            return None
        packet = stream[body:end]
        if kind == CONNECT:
            return _connect(packet, accounts_apart=self._accounts_apart)
        if _IN_TOPICS.search(packet, 2) is None:
            return None
        return _filters(packet, options=1 if kind == SUBSCRIBE else 0)


def _escape(found: re.Match[bytes]) -> bytes:
    return _PRIVATE_USE + bytes([0x80 + found[0][0]])


def _header(stream: bytes, at: int) -> tuple[int, int] | None:
    """Where the body of the packet at `at` begins and ends; None while it is incomplete."""
    length = shift = 0
    for position in range(at + 1, min(at + 5, len(stream))):
        byte = stream[position]
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            if length > LARGEST_PACKET:
                raise PacketError(f"a packet of {length} bytes")
            end = position + 1 + length
            return (position + 1, end) if end <= len(stream) else None
        shift += 7
    if len(stream) >= at + 5:
        raise PacketError("a length of more than four bytes")
    return None


def _length(length: int) -> bytes:
    """MQTT's variable length."""
    out = bytearray()
    while length > 0x7F:
        out.append(length & 0x7F | 0x80)
        length >>= 7
    out.append(length)
    return bytes(out)


def _publish(stream: bytes, body: int, end: int, *, to_broker: bool) -> bytes | None:
    after = body + 2 + int.from_bytes(stream[body : body + 2])
    topic = stream[body + 2 : after]
    changed = escaped_topic(topic) if to_broker else plain_topic(topic)
    if after > end or changed == topic:
        return None
    return _string(changed) + stream[after:end]


def _filters(packet: bytes, *, options: int) -> bytes | None:
    """SUBSCRIBE and UNSUBSCRIBE: a packet id, then filters, each followed by `options` bytes."""
    out, at = [packet[:2]], 2
    while at < len(packet):
        one = _read(packet, at)
        if one is None:
            return None
        at += 2 + len(one)
        out += (_string(escaped_topic(one)), packet[at : at + options])
        at += options
    return b"".join(out)


def _connect(packet: bytes, *, accounts_apart: bool) -> bytes | None:
    """CONNECT: protocol name, level, flags, keep alive; then client id, will topic and payload, user name, password."""
    protocol = _read(packet, 0)
    if protocol is None or len(packet) < len(protocol) + 6 or packet[len(protocol) + 2] not in {3, 4}:
        return None
    start = len(protocol) + 6
    has_will, has_account = packet[start - 3] & 0x04, packet[start - 3] & 0x80
    fields: list[bytes] = []
    at = start
    for _ in range(1 + (2 if has_will else 0) + (1 if has_account else 0)):
        one = _read(packet, at)
        if one is None:
            return None
        fields.append(one)
        at += 2 + len(one)
    account = fields[-1] if has_account and accounts_apart else None
    fields[0] = escaped_client_id(fields[0], account)
    if has_will:
        fields[1] = escaped_topic(fields[1])
    return packet[:start] + b"".join(map(_string, fields)) + packet[at:]


def _read(packet: bytes, at: int) -> bytes | None:
    """The string at `at`; None where the packet ends too early."""
    end = at + 2 + int.from_bytes(packet[at : at + 2])
    return packet[at + 2 : end] if at + 2 <= len(packet) and end <= len(packet) else None


def _string(text: bytes) -> bytes:
    if len(text) > 0xFFFF:
        raise PacketError("a string over 65,535 bytes")
    return len(text).to_bytes(2) + text
