"""MQTT 5 properties (section 2.2.2): identifiers, their types, and the two that may repeat."""

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import cast

from lampkeep_sim.mqtt.errors import MalformedPacketError
from lampkeep_sim.mqtt.wire import Reader, binary, text, varint

Pairs = tuple[tuple[str, str], ...]
PropertyValue = int | str | bytes | Pairs | tuple[int, ...]


class Property(IntEnum):
    """Property identifiers, as the standard numbers them."""

    PAYLOAD_FORMAT = 1
    MESSAGE_EXPIRY_S = 2
    CONTENT_TYPE = 3
    RESPONSE_TOPIC = 8
    CORRELATION = 9
    SUBSCRIPTION_ID = 11
    SESSION_EXPIRY_S = 17
    ASSIGNED_CLIENT_ID = 18
    SERVER_KEEP_ALIVE_S = 19
    AUTH_METHOD = 21
    AUTH_CONTENT = 22
    REQUEST_PROBLEM = 23
    WILL_DELAY_S = 24
    REQUEST_RESPONSE = 25
    RESPONSE = 26
    SERVER_REFERENCE = 28
    REASON = 31
    RECEIVE_MAXIMUM = 33
    TOPIC_ALIAS_MAXIMUM = 34
    TOPIC_ALIAS = 35
    MAXIMUM_QOS = 36
    RETAIN_AVAILABLE = 37
    USER = 38
    MAXIMUM_PACKET_SIZE = 39
    WILDCARD_AVAILABLE = 40
    SUBSCRIPTION_ID_AVAILABLE = 41
    SHARED_AVAILABLE = 42


REPEATABLE = frozenset({Property.USER, Property.SUBSCRIPTION_ID})
"""These hold a tuple: pairs of strings (USER) and integers (SUBSCRIPTION_ID)."""

_SIZES = {
    1: (1, 23, 25, 36, 37, 40, 41, 42),
    2: (19, 33, 34, 35),
    4: (2, 17, 24, 39),
}
UINT_SIZE: Mapping[Property, int] = {Property(p): size for size, ids in _SIZES.items() for p in ids}
BINARY = frozenset({Property.CORRELATION, Property.AUTH_CONTENT})


def _uint(size: int) -> Callable[[PropertyValue], bytes]:
    def write(value: PropertyValue) -> bytes:
        try:
            return cast("int", value).to_bytes(size, "big")
        except OverflowError as error:
            raise MalformedPacketError(f"{value!r} does not fit {size} bytes") from error

    return write


def _pair(value: PropertyValue) -> bytes:
    name, content = cast("tuple[str, str]", value)
    return text(name) + text(content)


def _writer(prop: Property) -> Callable[[PropertyValue], bytes]:
    if prop in UINT_SIZE:
        return _uint(UINT_SIZE[prop])
    if prop in BINARY:
        return lambda value: binary(cast("bytes", value))
    if prop is Property.USER:
        return _pair
    if prop is Property.SUBSCRIPTION_ID:
        return lambda value: varint(cast("int", value))
    return lambda value: text(cast("str", value))


_WRITERS = {prop: _writer(prop) for prop in Property}


def encode_properties(properties: Mapping[Property, PropertyValue]) -> bytes:
    """Encode a property block with its length in front."""
    if not properties:
        return b"\0"
    parts: list[bytes] = []
    for prop, value in properties.items():
        values = cast("tuple[PropertyValue, ...]", value) if prop in REPEATABLE else (value,)
        write = _WRITERS[prop]
        parts.extend(varint(prop) + write(one) for one in values)
    block = b"".join(parts)
    return varint(len(block)) + block


def decode_properties(reader: Reader) -> dict[Property, PropertyValue]:
    """Read a property block; an unknown identifier or a forbidden repetition is a MalformedPacketError."""
    block = reader.inner()
    found: dict[Property, PropertyValue] = {}
    while block.left:
        number = block.varint()
        try:
            prop = Property(number)
        except ValueError as error:
            raise MalformedPacketError(f"unknown property {number}") from error
        value = _read(prop, block)
        if prop in REPEATABLE:
            earlier = cast("tuple[int, ...]", found.get(prop, ()))
            found[prop] = (*earlier, cast("int", value))
        elif prop in found:
            raise MalformedPacketError(f"property {prop.name} twice")
        else:
            found[prop] = cast("PropertyValue", value)
    return found


def _read(prop: Property, block: Reader) -> int | str | bytes | tuple[str, str]:
    if prop in UINT_SIZE:
        return block.uint(UINT_SIZE[prop])
    if prop in BINARY:
        return block.binary()
    if prop is Property.USER:
        return (block.text(), block.text())
    if prop is Property.SUBSCRIPTION_ID:
        return block.varint()
    return block.text()
