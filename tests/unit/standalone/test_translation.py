import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lampkeep_standalone.embedded.translation import (
    LARGEST_PACKET,
    PacketError,
    Translation,
    escaped_client_id,
    escaped_topic,
    plain_topic,
)

unhurried = settings(deadline=None)
"""A busy machine is no failure."""

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).map(str.encode)


def string(text: bytes) -> bytes:
    return len(text).to_bytes(2) + text


def packet(first: int, body: bytes) -> bytes:
    length, left = b"", len(body)
    while left > 0x7F:
        length, left = length + bytes([left & 0x7F | 0x80]), left >> 7
    return bytes([first]) + length + bytes([left]) + body


def publish(topic: bytes, payload: bytes = b"{}") -> bytes:
    return packet(0x32, string(topic) + b"\x00\x07" + payload)


def connect(client_id: bytes, *rest: bytes, flags: int = 2, level: int = 4) -> bytes:
    head = string(b"MQTT") + bytes([level, flags]) + b"\x00\x0a"
    return packet(0x10, head + string(client_id) + b"".join(map(string, rest)))


@unhurried
@given(ANY_TEXT)
def test_a_topic_comes_back_as_it_went(topic: bytes) -> None:
    assert plain_topic(escaped_topic(topic)) == topic


@unhurried
@given(ANY_TEXT)
def test_no_white_space_reaches_the_broker_in_a_topic(topic: bytes) -> None:
    assert not set(escaped_topic(topic)) & set(b" \t\r\n")


@unhurried
@given(ANY_TEXT, st.none() | ANY_TEXT)
def test_no_character_that_nats_refuses_is_left_in_a_client_id(client_id: bytes, account: bytes | None) -> None:
    assert not set(escaped_client_id(client_id, account)) & set(b" \t\r\n.*>")


def test_one_client_id_under_two_accounts_is_two_sessions() -> None:
    assert escaped_client_id(b"pendant", b"a") != escaped_client_id(b"pendant", b"b")
    assert escaped_client_id(b"", b"a") == b""


def test_a_friendly_name_with_a_space_is_published_and_delivered_as_it_is_written() -> None:
    sent = publish(b"lampkeep/z2m/gw-001/Front door", b'{"contact": true}')
    over = Translation(to_broker=True).feed(sent)
    assert b"Front door" not in over
    assert b'{"contact": true}' in over
    assert Translation(to_broker=False).feed(over) == sent


def test_filters_are_escaped_like_topics_and_keep_their_quality_of_service() -> None:
    subscribe = packet(0x82, b"\x00\x01" + string(b"z/Front door") + b"\x01" + string(b"z/#") + b"\x00")
    over = Translation(to_broker=True).feed(subscribe)
    assert over == packet(
        0x82, b"\x00\x01" + string(escaped_topic(b"z/Front door")) + b"\x01" + string(b"z/#") + b"\x00"
    )
    unsubscribe = packet(0xA2, b"\x00\x01" + string(b"z/Front door"))
    assert Translation(to_broker=True).feed(unsubscribe) == packet(
        0xA2, b"\x00\x01" + string(escaped_topic(b"z/Front door"))
    )


def test_a_will_is_escaped_and_the_credentials_stay() -> None:
    sent = connect(b"gw.1", b"z/Front door", b'{"online": false}', b"gw 1", b"pass word", flags=0xC6)
    over = Translation(to_broker=True).feed(sent)
    assert over == connect(
        escaped_client_id(b"gw.1", None),
        escaped_topic(b"z/Front door"),
        b'{"online": false}',
        b"gw 1",
        b"pass word",
        flags=0xC6,
    )


def test_with_accounts_apart_the_client_id_goes_under_the_name_signed_in_with() -> None:
    sent = connect(b"x", b"gw-001", b"secret", flags=0xC2)
    over = Translation(to_broker=True, accounts_apart=True).feed(sent)
    assert over == connect(escaped_client_id(b"x", b"gw-001"), b"gw-001", b"secret", flags=0xC2)


def test_mqtt_5_passes_untouched_for_the_broker_to_refuse() -> None:
    sent = connect(b"a.b", level=5)
    assert Translation(to_broker=True).feed(sent) == sent


@unhurried
@given(st.lists(st.sampled_from([publish(b"a b"), publish(b"a", b"x" * 300), b"\xc0\x00", connect(b"a.b")])), st.data())
def test_packets_cut_anywhere_come_out_as_if_they_had_come_whole(packets: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(packets)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    translation = Translation(to_broker=True)
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert b"".join(map(translation.feed, pieces)) == Translation(to_broker=True).feed(stream)


@unhurried
@given(st.binary(max_size=200))
def test_no_bytes_break_the_translation_but_by_its_own_error(received: bytes) -> None:
    try:
        Translation(to_broker=True).feed(received)
        Translation(to_broker=False).feed(received)
    except PacketError:
        pass


def test_a_packet_over_the_limit_is_refused_before_it_is_kept() -> None:
    over = LARGEST_PACKET + 1
    length = bytes([over & 0x7F | 0x80, over >> 7 & 0x7F | 0x80, over >> 14 & 0x7F | 0x80, over >> 21])
    with pytest.raises(PacketError):
        Translation(to_broker=True).feed(b"\x32" + length)
