"""The codec: a round trip is the identity, bytes are those of the standard, and bad bytes are refused."""

import contextlib
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lampkeep_sim.mqtt import (
    Connack,
    Connect,
    Disconnect,
    MalformedPacketError,
    MqttError,
    Packet,
    PacketTooLargeError,
    Parser,
    Pingreq,
    Pingresp,
    Property,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Version,
    Will,
    encode,
)
from lampkeep_sim.mqtt.packets import Properties
from lampkeep_sim.mqtt.properties import BINARY, REPEATABLE, UINT_SIZE, PropertyValue
from lampkeep_sim.mqtt.wire import MAX_VARINT, Reader, varint

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
BYTES = st.binary(max_size=200)
U16 = st.integers(1, 0xFFFF)
CODE = st.integers(0, 255)
VERSIONS = st.sampled_from(Version)


def _value(prop: Property) -> st.SearchStrategy[PropertyValue]:
    if prop in UINT_SIZE:
        return st.integers(0, 256 ** UINT_SIZE[prop] - 1)
    if prop in BINARY:
        return BYTES
    if prop is Property.USER:
        return st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3).map(tuple)
    if prop is Property.SUBSCRIPTION_ID:
        return st.lists(st.integers(1, MAX_VARINT), min_size=1, max_size=3).map(tuple)
    return TEXT


def _properties(version: Version) -> st.SearchStrategy[Properties]:
    if version is Version.V311:
        return st.just({})
    chosen = st.lists(st.sampled_from(Property), unique=True, max_size=5)
    return chosen.flatmap(lambda props: st.fixed_dictionaries({prop: _value(prop) for prop in props}))


def _packets(version: Version) -> st.SearchStrategy[Packet]:
    props = _properties(version)
    code = CODE if version is Version.V5 else st.just(0)
    will = st.builds(Will, topic=TEXT, payload=BYTES, qos=st.integers(0, 1), retain=st.booleans(), properties=props)
    publish = st.builds(Publish, topic=TEXT, payload=BYTES, retain=st.booleans(), properties=props)
    return st.one_of(
        st.builds(
            Connect,
            client_id=TEXT,
            version=st.just(version),
            clean_start=st.booleans(),
            keep_alive_s=st.integers(0, 0xFFFF),
            username=st.none() | TEXT,
            password=st.none() | BYTES,
            will=st.none() | will,
            properties=props,
        ),
        st.builds(Connack, session_present=st.booleans(), reason_code=CODE, properties=props),
        st.builds(
            Publish,
            topic=TEXT,
            payload=BYTES,
            retain=st.booleans(),
            dup=st.booleans(),
            packet_id=U16,
            properties=props,
        ),
        publish.map(
            lambda p: Publish(topic=p.topic, payload=p.payload, qos=0, retain=p.retain, properties=p.properties)
        ),
        st.builds(Puback, packet_id=U16, reason_code=code, properties=props),
        st.builds(
            Subscribe,
            packet_id=U16,
            filters=st.lists(st.tuples(TEXT, st.integers(0, 2)), min_size=1, max_size=4).map(tuple),
            properties=props,
        ),
        st.builds(
            Suback,
            packet_id=U16,
            reason_codes=st.lists(CODE, min_size=1, max_size=4).map(tuple),
            properties=props,
        ),
        st.builds(
            Unsubscribe,
            packet_id=U16,
            filters=st.lists(TEXT, min_size=1, max_size=4).map(tuple),
            properties=props,
        ),
        st.builds(Unsuback, packet_id=U16, properties=props),
        st.just(Pingreq()),
        st.just(Pingresp()),
        st.builds(Disconnect, reason_code=code, properties=props),
    )


ANY = VERSIONS.flatmap(lambda version: st.tuples(st.just(version), st.lists(_packets(version), max_size=6)))


def _parse(version: Version, chunks: Iterable[bytes]) -> list[Packet]:
    parser = Parser(version)
    return [packet for chunk in chunks for packet in parser.feed(chunk)]


@given(ANY, st.integers(1, 30))
def test_packets_survive_the_wire_however_it_cuts_them(said: tuple[Version, list[Packet]], size: int) -> None:
    version, packets = said
    stream = b"".join(encode(packet, version) for packet in packets)
    chunks = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert _parse(version, chunks) == packets


@given(VERSIONS, st.binary(max_size=300))
def test_arbitrary_bytes_are_packets_or_an_mqtt_error(version: Version, noise: bytes) -> None:
    with contextlib.suppress(MqttError):
        _parse(version, [noise])


@given(st.integers(0, MAX_VARINT))
def test_a_variable_byte_integer_comes_back(value: int) -> None:
    assert Reader(varint(value)).varint() == value


def test_a_publish_has_the_bytes_of_the_standard() -> None:
    """MQTT 3.1.1, 3.3: topic a/b, packet id 10, QoS 1, retained, sent again."""
    packet = Publish(topic="a/b", payload=b"hi", qos=1, retain=True, dup=True, packet_id=10)
    assert encode(packet, Version.V311) == b"\x3b\x09\x00\x03a/b\x00\x0ahi"
    assert encode(packet, Version.V5) == b"\x3b\x0a\x00\x03a/b\x00\x0a\x00hi"


def test_a_connect_with_will_and_credentials_has_the_bytes_of_the_standard() -> None:
    packet = Connect(
        client_id="p1",
        username="p1",
        password=b"x",
        keep_alive_s=10,
        will=Will(topic="t", payload=b"off", qos=1, retain=True),
        properties={Property.SESSION_EXPIRY_S: 60, Property.RECEIVE_MAXIMUM: 7},
    )
    assert encode(packet, Version.V5) == (
        b"\x10\x27\x00\x04MQTT\x05\xee\x00\x0a\x08\x11\x00\x00\x00\x3c\x21\x00\x07"
        b"\x00\x02p1\x00\x00\x01t\x00\x03off\x00\x02p1\x00\x01x"
    )


def test_a_refusal_in_the_words_of_the_older_version_is_understood() -> None:
    """NATS and other 3.1.1 brokers answer a CONNECT of version 5 so: two bytes, no properties."""
    assert _parse(Version.V5, [b"\x20\x02\x00\x01"]) == [Connack(reason_code=1)]


@pytest.mark.parametrize(
    ("name", "noise"),
    [
        ("a packet type that is not spoken", b"\x50\x02\x00\x01"),
        ("flags that must be zero", b"\x41\x02\x00\x01"),
        ("a length of five bytes", b"\x30\xff\xff\xff\xff\x7f"),
        ("a string longer than its packet", b"\x30\x03\x00\x09a"),
        ("a topic that is not UTF-8", b"\x30\x03\x00\x01\xff"),
        ("a topic with U+0000", b"\x30\x03\x00\x01\x00"),
        ("QoS 2", b"\x34\x05\x00\x01a\x00\x01"),
        ("an unknown property", b"\x30\x05\x00\x01a\x01\x7f"),
        ("a property twice", b"\x30\x09\x00\x01a\x04\x01\x00\x01\x00\x68"),
        ("a property block longer than its packet", b"\x30\x05\x00\x01a\x09\x01"),
        ("bytes behind the last field", b"\x40\x05\x00\x01\x00\x00\x00"),
    ],
)
def test_bad_bytes_are_refused(name: str, noise: bytes) -> None:
    with pytest.raises(MalformedPacketError):
        _parse(Version.V5, [noise])


def test_an_oversized_packet_is_refused_before_its_body_arrives() -> None:
    parser = Parser(Version.V5, max_packet_bytes=1000)
    with pytest.raises(PacketTooLargeError):
        list(parser.feed(b"\x30" + varint(5000)))


def test_repeatable_properties_are_the_ones_the_standard_lets_repeat() -> None:
    assert {Property.USER, Property.SUBSCRIPTION_ID} == REPEATABLE
