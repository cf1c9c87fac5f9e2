"""Reading one recorded line: the short way and the way of live messages agree."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lampkeep.domain.home_state import Reading
from lampkeep.domain.rules.urgent import UNREADABLE
from lampkeep.replay import lines
from lampkeep.replay.lines import BrokenLineError, Said, Urgent, read_line

AT = "2026-11-22T10:00:00.123Z"


def line(**more: Any) -> dict[str, Any]:
    return {"device": "d", "v": 1, "id": "m1", "type": "door", "at": AT, "data": {"open": True}} | more


def encoded(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode()


def strict(raw: bytes) -> Said | str:
    try:
        return lines._strict(raw, 7)
    except BrokenLineError as error:
        return str(error)


VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [True, False, None, 1, 0, 1.0, "x", "", {}, [], "\u4e00", 'a"b', "a\nb", AT, "2026-11-22", 101, -1, 15]
)
INSTANTS = st.sampled_from([AT, "2026-11-22T10:00:60Z", "2026-11-22T10:00:00+08:00", "20261122T100000Z"])
USUAL = st.sampled_from(
    [
        line(type=type_, data={name: True})
        for type_, name in (("door", "open"), ("motion", "active"), ("tamper", "active"))
    ]
    + [line(type=type_, data={}) for type_ in ("checkin", "heartbeat", "motion", "battery", "sos")]
)
CHANGES = st.dictionaries(
    st.sampled_from(["device", "v", "id", "type", "at", "battery", "data", "more"]),
    VALUES
    | INSTANTS
    | st.integers(-1, 101)
    | st.dictionaries(st.sampled_from(["open", "active", "x"]), VALUES, max_size=2),
    max_size=2,
)
LINES = st.builds(lambda usual, changes: usual | changes, USUAL, CHANGES)


@given(LINES)
def test_the_short_way_reads_nothing_else_than_the_strict_one(fields: dict[str, Any]) -> None:
    short = lines._plain(encoded(fields), 7)
    if short is not None:
        assert short == strict(encoded(fields))


@pytest.mark.parametrize("type_", ["door", "motion", "presence", "tamper", "heartbeat", "checkin"])
@pytest.mark.parametrize("battery", [None, 55])
def test_the_usual_messages_take_the_short_way(type_: str, battery: int | None) -> None:
    value = {"door": "open", "motion": "active", "presence": "occupied", "tamper": "active"}.get(type_)
    fields = line(type=type_, data={value: False} if value else {}) | ({} if battery is None else {"battery": battery})
    short = lines._plain(encoded(fields), 7)
    assert short is not None
    assert short == strict(encoded(fields))
    assert short[0] == datetime(2026, 11, 22, 10, 0, 0, 123000, tzinfo=UTC)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"device":"d","v":1,"id":"m1","type":"door","at":"2026-11-22T10:00:00Z","data":{"open":true,"open":false}}',
        b'{"device":"d","v":1,"id":"m1","id":"m2","type":"door","at":"2026-11-22T10:00:00Z","data":{"open":true}}',
        b'{"device":"d","v":1,"id":"m1","type":"door","at":"2026-11-22T10:00:00Z","battery":NaN,"data":{"open":true}}',
        b'{"device":"d","v":1,"id":"m1","type":"door","at":"2026-11-22T10:00:00Z","data":{"open":true}',
        b"\xff\xfe",
        b"[]",
        b"null",
    ],
)
def test_what_no_strict_reader_takes_is_broken(raw: bytes) -> None:
    with pytest.raises(BrokenLineError):
        read_line(raw, 7)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"data": {"open": "yes"}}, "open"),
        ({"v": 2}, "v"),
        ({"type": "curtain"}, "unknown type"),
        ({"device": ""}, "device"),
        ({"id": "x" * 65}, "id"),
        ({"battery": 101}, "battery"),
        ({"at": "yesterday"}, "at"),
    ],
)
def test_a_broken_line_says_what_is_wrong(more: dict[str, Any], why: str) -> None:
    with pytest.raises(BrokenLineError, match=why):
        read_line(encoded(line(**more)), 7)


def test_defaults_of_the_contract_hold() -> None:
    fields = line(type="motion")
    del fields["data"], fields["at"]
    at, _, _, said = read_line(encoded(fields), 7)
    assert at is None
    assert isinstance(said, Reading)
    assert said.on is True


def test_a_battery_is_rounded_down() -> None:
    said = read_line(encoded(line(battery=14.9)), 7)[3]
    assert isinstance(said, Reading)
    assert said.battery == 14


def test_an_unreadable_urgent_line_is_still_an_alert() -> None:
    with pytest.raises(BrokenLineError) as caught:
        read_line(encoded(line(type="sos", data={"test": "yes"})), 7)
    assert caught.value.still_urgent is not None
    assert caught.value.still_urgent[3] == Urgent(device_id="d", type=UNREADABLE, content={})
