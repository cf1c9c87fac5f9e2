import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lampkeep.contracts.commands import COMMAND, Progress, Receipt, command_payload, command_topic
from lampkeep.contracts.messages import (
    EARLIEST,
    LATEST,
    MAX_BYTES,
    Reason,
    UnreadableError,
    parse_instant,
    read_json,
    read_message,
)
from lampkeep.domain.vocabulary import MessageType
from support.corpus import CORPUS, Case

DATA: dict[str, dict[str, Any]] = {
    "sos_cancel": {"ref": "a"},
    "door": {"open": True},
    "presence": {"occupied": False},
    "prompt_answer": {"alert": "a", "well": True},
    "tamper": {"active": True},
}


def payload(**fields: Any) -> bytes:
    return json.dumps({"v": 1, "id": "m", "type": "heartbeat"} | fields).encode()


@pytest.mark.parametrize("kind", MessageType)
def test_every_type_of_the_contract_is_read(kind: MessageType) -> None:
    message = read_message(payload(type=kind.value, data=DATA.get(kind, {}), battery=50))
    assert (message.type, message.id, message.battery) == (kind, "m", 50)


def test_what_the_contract_leaves_out_takes_its_default() -> None:
    motion, smoke, sos = (read_message(payload(type=kind)) for kind in ("motion", "smoke", "sos"))
    assert motion.data.active is True  # type: ignore[union-attr]
    assert smoke.data.active is True  # type: ignore[union-attr]
    assert sos.data.test is False  # type: ignore[union-attr]


def test_unknown_extra_fields_are_kept_at_both_levels() -> None:
    message = read_message(payload(type="door", data={"open": True, "angle": 30}, firmware="1.2"))
    assert message.model_extra == {"firmware": "1.2"}
    assert message.data.model_extra == {"angle": 30}


MALFORMED = [case for case in CORPUS if case.reason is Reason.MALFORMED and not case.topic and case.lane != "status"]


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: case.name)
def test_a_malformed_payload_is_no_message(case: Case) -> None:
    with pytest.raises(UnreadableError) as refused:
        read_message(case.payload)
    assert refused.value.reason is Reason.MALFORMED
    assert refused.value.detail


def test_what_can_be_made_out_of_an_unreadable_message_is_told() -> None:
    with pytest.raises(UnreadableError) as refused:
        read_message(payload(type="sos", data={"test": 1}))
    assert (refused.value.message_type, refused.value.message_id, refused.value.is_urgent) == ("sos", "m", True)


def test_the_largest_payload_of_the_contract_is_read() -> None:
    body = payload()
    assert read_message(body + b" " * (MAX_BYTES - len(body))).id == "m"


def test_brackets_in_a_string_are_no_nesting() -> None:
    assert read_json(payload(x='{["' * 100))["x"] == '{["' * 100


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-22T10:00:00.123Z", datetime(2026, 11, 22, 10, 0, 0, 123000, UTC)),
        ("2026-11-22T18:00:00+08:00", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22t10:00:00z", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22 10:00:00Z", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22T10:00:00.1234567891Z", datetime(2026, 11, 22, 10, 0, 0, 123456, UTC)),
        ("2026-12-31T23:59:60Z", datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", EARLIEST),
        ("9999-12-31T23:59:59-14:00", LATEST),
    ],
)
def test_an_rfc_3339_instant_is_read_as_utc(text: str, instant: datetime) -> None:
    assert parse_instant(text) == instant
    assert parse_instant(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["20261122T100000Z", "2026-W47-7T10:00:00Z", "2026-11-22T10:00Z", "2026-11-22T10:00:00,5Z", "", 5, None, True],
)
def test_other_ways_to_write_an_instant_are_refused(text: object) -> None:
    with pytest.raises(ValueError, match="instant"):
        parse_instant(text)


@given(st.binary(max_size=300))
@example(b'{"v":1,"id":"a","type":"sos","data":{"x":"\\ud83d"}}')
def test_reading_raises_nothing_but_its_own_error(body: bytes) -> None:
    with suppress(UnreadableError):
        read_message(body)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # it measures the machine, which others use too
@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(("v", "id", "type", "at", "battery", "data", "x"), JSON_VALUES))
)
def test_reading_any_object_raises_nothing_but_its_own_error(fields: dict[str, Any]) -> None:
    with suppress(UnreadableError):
        read_message(json.dumps(fields).encode())


def test_a_command_reads_back_as_itself() -> None:
    at = datetime(2026, 11, 22, 10, tzinfo=UTC)
    for command in (Receipt(ref="m"), Progress(alert="a", state="on_the_way", at=at, expires_at=at)):
        assert COMMAND.validate_json(command_payload(command)) == command
    assert json.loads(command_payload(Receipt(ref="m"))) == {"v": 1, "type": "receipt", "ref": "m"}
    assert command_topic("gw-1", "door-1") == "lampkeep/v1/gw-1/door-1/command"
