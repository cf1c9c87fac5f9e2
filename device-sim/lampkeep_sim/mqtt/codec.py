"""MQTT packets to bytes and back, without I/O.

`encode` and `decode` are each other's inverse for every packet of `packets`. Properties are written for MQTT 5 only and
read as empty for 3.1.1. Nothing here keeps state: the version of a connection is an argument.
"""

from collections.abc import Callable

from lampkeep_sim.mqtt.errors import MalformedPacketError
from lampkeep_sim.mqtt.packets import (
    Connack,
    Connect,
    Disconnect,
    Packet,
    PacketType,
    Pingreq,
    Pingresp,
    Properties,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Version,
    Will,
)
from lampkeep_sim.mqtt.properties import Property, PropertyValue, decode_properties, encode_properties
from lampkeep_sim.mqtt.wire import Reader, binary, text, varint

_PUBLISH = PacketType.PUBLISH << 4
_FIRST_BYTE: dict[type, int] = {
    Connect: PacketType.CONNECT << 4,
    Connack: PacketType.CONNACK << 4,
    Puback: PacketType.PUBACK << 4,
    Subscribe: PacketType.SUBSCRIBE << 4 | 2,
    Suback: PacketType.SUBACK << 4,
    Unsubscribe: PacketType.UNSUBSCRIBE << 4 | 2,
    Unsuback: PacketType.UNSUBACK << 4,
    Pingreq: PacketType.PINGREQ << 4,
    Pingresp: PacketType.PINGRESP << 4,
    Disconnect: PacketType.DISCONNECT << 4,
}


def encode(packet: Packet, version: Version) -> bytes:
    """Return the bytes of one packet; raises MalformedPacketError where a value does not fit its field."""
    match packet:
        case Publish():
            return encode_publish(packet, version)
        case Pingreq() | Pingresp():
            return _frame(packet, b"")
        case Connect():
            return _frame(packet, _connect(packet))
        case Connack():
            head = bytes((packet.session_present, packet.reason_code))
            return _frame(packet, head + _props(packet.properties, version))
        case Disconnect():
            return _frame(packet, _reason(packet.reason_code, packet.properties, version))
        case Puback():
            body = _reason(packet.reason_code, packet.properties, version)
            return _frame(packet, _u16(packet.packet_id) + body)
        case _:
            body = _props(packet.properties, version) + _list(packet)
            return _frame(packet, _u16(packet.packet_id) + body)


def encode_publish(packet: Publish, version: Version) -> bytes:
    """Return the bytes of a PUBLISH: the hot path of a load, so it goes through no dispatch."""
    flags = _PUBLISH | packet.dup << 3 | packet.qos << 1 | packet.retain
    head = text(packet.topic)
    if packet.qos:
        if packet.packet_id is None:
            raise MalformedPacketError("a QoS 1 publish needs a packet id")
        head += packet.packet_id.to_bytes(2, "big")
    if version is Version.V5:
        head += encode_properties(packet.properties)
    return bytes((flags,)) + varint(len(head) + len(packet.payload)) + head + packet.payload


def decode(first_byte: int, body: bytes, version: Version) -> Packet:
    """Return the packet of a first byte and the body behind its length.

    CONNECT says its own version; for all others `version` is that of the connection. Raises MalformedPacketError.
    """
    try:
        kind = PacketType(first_byte >> 4)
    except ValueError as error:
        raise MalformedPacketError(f"packet type {first_byte >> 4} is not spoken here") from error
    flags = first_byte & 0x0F
    if kind is PacketType.PUBLISH:
        return _read_publish(flags, body, version)
    if flags != (2 if kind in _FLAGGED else 0):
        raise MalformedPacketError(f"flags {flags} on {kind.name}")
    reader = Reader(body)
    packet = _READERS[kind](reader, version)
    reader.finish()
    return packet


_FLAGGED = frozenset({PacketType.SUBSCRIBE, PacketType.UNSUBSCRIBE})


def _frame(packet: Packet, body: bytes) -> bytes:
    return bytes((_FIRST_BYTE[type(packet)],)) + varint(len(body)) + body


def _list(packet: Subscribe | Suback | Unsubscribe | Unsuback) -> bytes:
    match packet:
        case Subscribe():
            return b"".join(text(name) + bytes((options,)) for name, options in packet.filters)
        case Unsubscribe():
            return b"".join(map(text, packet.filters))
        case _:
            return bytes(packet.reason_codes)


def _u16(value: int) -> bytes:
    return value.to_bytes(2, "big")


def _props(properties: Properties, version: Version) -> bytes:
    return encode_properties(properties) if version is Version.V5 else b""


def _reason(code: int, properties: Properties, version: Version) -> bytes:
    if version is Version.V311 or (code == 0 and not properties):
        return b""
    return bytes((code,)) + encode_properties(properties)


def _connect(packet: Connect) -> bytes:
    will = packet.will
    flags = packet.clean_start << 1
    if will is not None:
        flags |= 0x04 | will.qos << 3 | will.retain << 5
    flags |= (packet.password is not None) << 6 | (packet.username is not None) << 7
    parts = [text("MQTT"), bytes((packet.version, flags)), _u16(packet.keep_alive_s)]
    parts += [_props(packet.properties, packet.version), text(packet.client_id)]
    if will is not None:
        parts += [_props(will.properties, packet.version), text(will.topic), binary(will.payload)]
    if packet.username is not None:
        parts.append(text(packet.username))
    if packet.password is not None:
        parts.append(binary(packet.password))
    return b"".join(parts)


def _read_publish(flags: int, body: bytes, version: Version) -> Publish:
    qos = flags >> 1 & 3
    if qos > 1:
        raise MalformedPacketError(f"QoS {qos} is not spoken here")
    reader = Reader(body)
    topic = reader.text()
    packet_id = reader.uint(2) if qos else None
    properties = decode_properties(reader) if version is Version.V5 else {}
    return Publish(
        topic=topic,
        payload=reader.rest(),
        qos=qos,
        retain=bool(flags & 1),
        dup=bool(flags & 8),
        packet_id=packet_id,
        properties=properties,
    )


def _read_props(reader: Reader, version: Version) -> dict[Property, PropertyValue]:
    return decode_properties(reader) if version is Version.V5 else {}


def _read_connect(reader: Reader, _version: Version) -> Packet:
    if reader.text() != "MQTT":
        raise MalformedPacketError("no MQTT in front of CONNECT")
    level = reader.uint(1)
    if level not in tuple(Version):
        raise MalformedPacketError(f"protocol level {level}")
    version, flags, keep_alive_s = Version(level), reader.uint(1), reader.uint(2)
    if flags & 1 or flags >> 3 & 3 > 1:
        raise MalformedPacketError("reserved flag, or a will at QoS 2")
    properties = _read_props(reader, version)
    client_id = reader.text()
    return Connect(
        client_id=client_id,
        version=version,
        clean_start=bool(flags & 2),
        keep_alive_s=keep_alive_s,
        will=_read_will(reader, flags, version),
        username=reader.text() if flags & 0x80 else None,
        password=reader.binary() if flags & 0x40 else None,
        properties=properties,
    )


def _read_will(reader: Reader, flags: int, version: Version) -> Will | None:
    if not flags & 4:
        return None
    properties = _read_props(reader, version)
    return Will(
        topic=reader.text(),
        payload=reader.binary(),
        qos=flags >> 3 & 3,
        retain=bool(flags & 0x20),
        properties=properties,
    )


def _read_connack(reader: Reader, version: Version) -> Packet:
    session_present, code = bool(reader.uint(1) & 1), reader.uint(1)
    # A broker of 3.1.1 refuses a CONNECT of 5 with a CONNACK of its own version, which has no properties.
    properties = _read_props(reader, version) if reader.left else {}
    return Connack(session_present=session_present, reason_code=code, properties=properties)


def _read_reason(reader: Reader, version: Version) -> tuple[int, dict[Property, PropertyValue]]:
    code = reader.uint(1) if reader.left else 0
    return code, _read_props(reader, version) if reader.left else {}


def _read_puback(reader: Reader, version: Version) -> Packet:
    packet_id = reader.uint(2)
    code, properties = _read_reason(reader, version)
    return Puback(packet_id=packet_id, reason_code=code, properties=properties)


def _read_disconnect(reader: Reader, version: Version) -> Packet:
    code, properties = _read_reason(reader, version)
    return Disconnect(reason_code=code, properties=properties)


def _read_subscribe(reader: Reader, version: Version) -> Packet:
    packet_id, properties = reader.uint(2), _read_props(reader, version)
    filters: list[tuple[str, int]] = []
    while reader.left:
        filters.append((reader.text(), reader.uint(1)))
    return Subscribe(packet_id=packet_id, filters=tuple(filters), properties=properties)


def _read_unsubscribe(reader: Reader, version: Version) -> Packet:
    packet_id, properties = reader.uint(2), _read_props(reader, version)
    filters: list[str] = []
    while reader.left:
        filters.append(reader.text())
    return Unsubscribe(packet_id=packet_id, filters=tuple(filters), properties=properties)


def _read_suback(reader: Reader, version: Version) -> Packet:
    packet_id, properties = reader.uint(2), _read_props(reader, version)
    return Suback(packet_id=packet_id, reason_codes=tuple(reader.rest()), properties=properties)


def _read_unsuback(reader: Reader, version: Version) -> Packet:
    packet_id, properties = reader.uint(2), _read_props(reader, version)
    return Unsuback(packet_id=packet_id, reason_codes=tuple(reader.rest()), properties=properties)


_READERS: dict[PacketType, Callable[[Reader, Version], Packet]] = {
    PacketType.CONNECT: _read_connect,
    PacketType.CONNACK: _read_connack,
    PacketType.PUBACK: _read_puback,
    PacketType.SUBSCRIBE: _read_subscribe,
    PacketType.SUBACK: _read_suback,
    PacketType.UNSUBSCRIBE: _read_unsubscribe,
    PacketType.UNSUBACK: _read_unsuback,
    PacketType.PINGREQ: lambda _reader, _version: Pingreq(),
    PacketType.PINGRESP: lambda _reader, _version: Pingresp(),
    PacketType.DISCONNECT: _read_disconnect,
}
