import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import _packet
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from lampkeep_ingest.publish_packet import MalformedPublishError, parse_publish


def publish(topic: str, payload: bytes, *, qos: int, packet_id: int, expiry: int | None, v5: bool) -> bytes:
    name = topic.encode()
    properties = b""
    if v5:
        packed = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if expiry is not None:
            packed.MessageExpiryInterval = expiry
            packed.UserProperty = [("k" * 60, "v" * 80)]
        properties = packed.pack()  # type: ignore[no-untyped-call]
    return len(name).to_bytes(2) + name + (packet_id.to_bytes(2) if qos else b"") + properties + payload


@given(
    topic=st.text(min_size=1, max_size=50),
    payload=st.binary(max_size=50),
    qos=st.integers(0, 1),
    packet_id=st.integers(1, 65535),
    flags=st.tuples(st.booleans(), st.booleans()),
    expiry=st.none() | st.integers(0, 2**32 - 1),
    v5=st.booleans(),
)
def test_a_publish_is_read_as_paho_reads_it(
    topic: str, payload: bytes, qos: int, packet_id: int, flags: tuple[bool, bool], expiry: int | None, v5: bool
) -> None:
    first = 0x30 | flags[0] << 3 | qos << 1 | flags[1]
    packet = publish(topic, payload, qos=qos, packet_id=packet_id, expiry=expiry, v5=v5)
    version = MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311
    theirs = _packet.decode_publish(first, bytearray(packet), version)
    ours = parse_publish(first, bytearray(packet), with_properties=v5)
    assert (ours.topic.encode(), ours.payload, ours.qos) == (bytes(theirs.topic), bytes(theirs.payload), theirs.qos)
    assert (ours.retained, ours.repeated, ours.packet_id) == (theirs.retain, theirs.dup, theirs.mid)


@given(st.binary(max_size=40), st.integers(0x30, 0x3F), st.booleans())
def test_other_bytes_raise_one_error_only(packet: bytes, first: int, v5: bool) -> None:
    try:
        parse_publish(first, packet, with_properties=v5)
    except MalformedPublishError as error:
        assert str(error)  # noqa: PT017 - most bytes are a packet


def test_a_topic_longer_than_the_packet_is_malformed() -> None:
    with pytest.raises(MalformedPublishError):
        parse_publish(0x30, b"\x00\x09abc", with_properties=False)
