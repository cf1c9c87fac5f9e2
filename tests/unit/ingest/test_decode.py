import json
from typing import Any, Never

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lampkeep.contracts.messages import Reason
from lampkeep_ingest.decode import LONGEST_NAME, _decoded, decode
from lampkeep_ingest.said import Bridge, Bridged, Ignored, Observed, Rejected, Urgent
from support.corpus import CORPUS, Case
from support.ingest_messages import body

DECODED_FIRST = {Reason.FOREIGN_ACCOUNT, Reason.UNKNOWN_DEVICE}
"""What only the registry can tell."""


@pytest.mark.parametrize("case", [one for one in CORPUS if one.reason not in DECODED_FIRST], ids=lambda case: case.name)
def test_the_corpus_is_refused_with_its_reason_and_an_urgent_one_is_an_alarm_too(case: Case) -> None:
    said = decode(case.full_topic, case.payload)
    if case.raises:
        assert isinstance(said, Urgent)
        assert said.problem is not None
        assert said.problem.reason is case.reason
        assert said.type == ("unknown" if case.reason is Reason.UNKNOWN_TYPE else "unreadable")
    else:
        assert isinstance(said, Rejected)
        assert said.reason is case.reason


def test_an_observation_is_read_with_its_value_and_extra_fields() -> None:
    said = decode("lampkeep/v1/gw-1/door-1/observation", body(battery=88.9, firmware="2"))
    assert said == Observed(
        account="gw-1",
        device_id="door-1",
        message_id="m1",
        type="door",
        battery=88,
        on=True,
        content={"open": True},
        extra={"firmware": "2"},
    )


def test_an_urgent_type_is_urgent_on_either_topic() -> None:
    there = decode("lampkeep/v1/p/p/urgent", body("sos"))
    elsewhere = decode("lampkeep/v1/p/p/observation", body("sos"))
    assert isinstance(there, Urgent)
    assert isinstance(elsewhere, Urgent)
    assert (there.marks, elsewhere.marks) == ((), ("observation_topic",))
    assert there.problem is elsewhere.problem is None


def test_an_unreadable_sos_is_an_alarm_on_either_topic_and_a_wrong_one() -> None:
    broken = body("sos", battery="full")
    for lane in ("urgent", "observation", "sos"):
        said = decode(f"lampkeep/v1/p/p/{lane}", broken)
        assert isinstance(said, Urgent)
        assert (said.type, said.message_id) == ("unreadable", "m1")
        assert said.problem is not None


def test_an_observation_over_the_urgent_topic_stays_an_observation() -> None:
    assert isinstance(decode("lampkeep/v1/gw-1/door-1/urgent", body("door")), Observed)


def test_a_status_says_online_or_offline_without_an_id() -> None:
    said = decode("lampkeep/v1/gw-1/door-1/status", b'{"v":1,"online":false}')
    assert isinstance(said, Observed)
    assert (said.type, said.on, said.message_id) == ("online", False, None)


def test_our_own_commands_and_the_bridges_own_affairs_are_passed_over() -> None:
    for topic in (
        "lampkeep/v1/p/p/command",
        "lampkeep/z2m/gw-1/bridge/info",
        "lampkeep/z2m/gw-1/bridge/devices",
        "lampkeep/z2m/gw-1/Front door/set",
        "lampkeep/z2m/gw-1/Front door/set/state",
        "lampkeep/z2m/gw-1/Front door/get",
    ):
        assert isinstance(decode(topic, b'{"type":"sos"}'), Ignored), topic
    assert isinstance(decode("lampkeep/z2m/gw-1/Front door", b""), Ignored)


@pytest.mark.parametrize(
    ("rest", "payload", "expected"),
    [
        ("Front door", b'{"contact":true}', ("Front door", Bridge.STATE, {"contact": True})),
        ("hall/Front door", b'{"contact":true}', ("hall/Front door", Bridge.STATE, {"contact": True})),
        ("hall/Front door/availability", b"online", ("hall/Front door", Bridge.CONNECTION, {"online": True})),
        ("Front door/availability", b'{"state":"offline"}', ("Front door", Bridge.CONNECTION, {"online": False})),
        ("bridge/state", b'{"state":"offline"}', ("", Bridge.CONNECTION, {"online": False})),
        ("bridge/state", b"online", ("", Bridge.CONNECTION, {"online": True})),
        ("Button/action", b"emergency", ("Button", Bridge.ACTION, {"action": "emergency"})),
    ],
)
def test_a_bridges_topics_are_told_apart(
    rest: str, payload: bytes, expected: tuple[str, Bridge, dict[str, Any]]
) -> None:
    said = decode(f"lampkeep/z2m/gw-1/{rest}", payload)
    assert isinstance(said, Bridged)
    assert (said.account, said.name, said.said, said.fields) == ("gw-1", *expected)


def test_a_name_that_is_no_key_is_cut_and_stays_told_apart() -> None:
    names = ["x" * 5000, "x" * 5001, "a\x07b"]
    said = [decode(f"lampkeep/v1/gw-1/{name}/urgent", body("sos")) for name in names]
    assert all(isinstance(one, Urgent) for one in said)
    ids = {one.device_id for one in said if isinstance(one, Urgent)}
    assert len(ids) == len(names)
    assert all(len(one) <= LONGEST_NAME and one.isprintable() for one in ids)


LEVELS = st.sampled_from(
    ["lampkeep", "v1", "z2m", "urgent", "observation", "status", "bridge", "state", "a", "", "action"]
)
PIECES = st.sampled_from(
    [b'"type":"sos"', b'"v":1', b'"id":"x"', b"{", b"}", b",", b'"data":{}', b"\xff", b"[", b"NaN"]
)


@given(st.lists(LEVELS | st.text(max_size=4), max_size=7), st.binary(max_size=80) | st.lists(PIECES).map(b"".join))
def test_decoding_never_raises(levels: list[str], payload: bytes) -> None:
    decode("/".join(levels), payload)


@given(st.text(max_size=60).filter(lambda text: "/" not in text and text), st.binary(max_size=60))
def test_whatever_comes_over_an_urgent_topic_is_an_alarm_or_an_observation(device_id: str, payload: bytes) -> None:
    assert isinstance(decode(f"lampkeep/v1/p/{device_id}/urgent", payload), Urgent | Observed)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["online", "sos", "door", "", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["v", "id", "type", "data", "state", "action", "sos", "online"]), inner)
    ),
    max_leaves=12,
)
TOPICS = st.sampled_from(
    [f"lampkeep/v1/a/d/{lane}" for lane in ("urgent", "observation", "status", "command", "x")]
    + [
        f"lampkeep/z2m/a/{rest}"
        for rest in ("d", "d/availability", "d/action", "bridge/state", "bridge/x", "d/set/x", "")
    ]
    + ["lampkeep", "lampkeep/v1", "lampkeep/v1//d/urgent", "x/y"]
)


@given(topic=TOPICS, value=JSON)
def test_no_json_on_any_topic_is_a_mistake_of_ours(topic: str, value: object) -> None:
    _decoded(topic, json.dumps(value).encode())


def test_a_mistake_of_ours_rejects_the_message_and_is_an_alarm_on_an_urgent_topic(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(topic: str, payload: bytes) -> Never:
        raise TypeError("unhashable")

    monkeypatch.setattr("lampkeep_ingest.decode._decoded", broken)
    said = decode("lampkeep/v1/a/d/urgent", b"{}")
    assert isinstance(said, Urgent)
    assert (said.type, said.device_id) == ("unreadable", "d")
    assert isinstance(decode("lampkeep/z2m/a/d/availability", b"{}"), Rejected)
