"""What a device writes is what the contract prints, and what the services read."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest

from lampkeep.contracts.messages import read_message, read_status
from lampkeep_sim import zigbee
from lampkeep_sim.message import Message, lane, status, topic

AT = datetime(2026, 11, 22, 10, 0, 0, 123_000, tzinfo=UTC)


def test_a_message_is_written_as_the_contract_prints_it() -> None:
    message = Message(message_id="01JD3YB1S0M7", type="door", at=AT, battery=88, content={"open": True})
    assert message.encode() == (
        b'{"v":1,"id":"01JD3YB1S0M7","type":"door","at":"2026-11-22T10:00:00.123Z","battery":88,"data":{"open":true}}'
    )


def test_an_instant_is_written_in_utc_wherever_it_came_from() -> None:
    shanghai = AT.astimezone(timezone(timedelta(hours=8)))
    assert orjson.loads(Message(message_id="1", type="heartbeat", at=shanghai).encode())["at"] == (
        "2026-11-22T10:00:00.123Z"
    )


@pytest.mark.parametrize(
    ("type_", "content"),
    [
        ("sos", {}),
        ("sos", {"test": True}),
        ("sos_cancel", {"ref": "1"}),
        ("fall", {}),
        ("smoke", {"active": True}),
        ("gas", {"active": False}),
        ("door", {"open": True}),
        ("motion", {"active": False}),
        ("presence", {"occupied": True}),
        ("checkin", {}),
        ("prompt_answer", {"alert": "a", "well": True}),
        ("tamper", {"active": True}),
        ("battery", {}),
        ("heartbeat", {}),
    ],
)
def test_the_services_read_every_type_that_the_simulator_says(type_: str, content: dict[str, Any]) -> None:
    message = Message(message_id="m-1", type=type_, at=AT, battery=50, content=content)
    assert read_message(message.encode()).type == type_


def test_urgent_types_have_their_own_topic() -> None:
    assert {one: lane(one) for one in ("sos", "sos_cancel", "fall", "smoke", "gas")} == dict.fromkeys(
        ("sos", "sos_cancel", "fall", "smoke", "gas"), "urgent"
    )
    assert lane("door") == "observation"
    assert topic("gw-1", "door-1", "urgent") == "lampkeep/v1/gw-1/door-1/urgent"


def test_a_status_is_the_contracts() -> None:
    assert status(online=False) == b'{"v":1,"online":false}'
    assert read_status(status(online=True)).online is True


@pytest.mark.parametrize(
    ("type_", "content", "said"),
    [
        ("door", {"open": True}, {"contact": False}),
        ("motion", {"active": True}, {"occupancy": True}),
        ("presence", {"occupied": False}, {"presence": False}),
        ("sos", {}, {"action": "emergency"}),
        ("checkin", {}, {"action": "single"}),
        ("smoke", {"active": True}, {"smoke": True}),
        ("heartbeat", {}, {}),
    ],
)
def test_a_bridge_says_it_in_its_own_words(type_: str, content: dict[str, Any], said: dict[str, Any]) -> None:
    message = Message(message_id="1", type=type_, at=AT, battery=9, content=content)
    assert orjson.loads(zigbee.state(message)) == said | {"battery": 9, "battery_low": True, "linkquality": 120}
