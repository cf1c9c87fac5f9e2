from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lampkeep.domain.vocabulary import DeviceKind
from lampkeep_ingest.z2m import alarms, last_seen, values

ANY_KIND = list(DeviceKind)


def said(fields: dict[str, Any], kind: DeviceKind) -> list[tuple[Any, ...]]:
    return [(one.type.value, one.content, one.on, one.battery) for one in values(fields, kind)]


def raised(fields: dict[str, Any], kind: DeviceKind | None) -> list[tuple[str, bool]]:
    return [(one.type.value, one.active) for one in alarms(fields, kind)]


def test_a_contact_that_is_closed_is_a_door_that_is_shut() -> None:
    assert said({"contact": True}, DeviceKind.DOOR) == [("door", {"open": False}, False, None)]
    assert said({"contact": False}, DeviceKind.DOOR) == [("door", {"open": True}, True, None)]


def test_several_values_in_one_state_are_several_readings_and_the_battery_rides_on_the_first() -> None:
    fields = {"contact": False, "battery": 87.6, "battery_low": False, "tamper": True, "linkquality": 100}
    assert said(fields, DeviceKind.DOOR) == [
        ("door", {"open": True}, True, 87),
        ("tamper", {"active": True}, True, None),
        ("battery", {"low": False}, False, None),
    ]


def test_occupancy_is_movement_but_for_a_bed_or_chair() -> None:
    assert said({"occupancy": True}, DeviceKind.MOTION) == [("motion", {"active": True}, True, None)]
    assert said({"occupancy": True}, DeviceKind.PRESENCE) == [("presence", {"occupied": True}, True, None)]
    assert said({"presence": False}, DeviceKind.PRESENCE) == [("presence", {"occupied": False}, False, None)]
    assert said({"presence": True}, DeviceKind.MOTION) == [("motion", {"active": True}, True, None)]


def test_a_state_without_anything_of_ours_is_a_sign_of_life() -> None:
    assert said({"temperature": 21.5, "linkquality": 90}, DeviceKind.DOOR) == [("heartbeat", {}, None, None)]


def test_only_a_battery_is_a_battery_message() -> None:
    assert said({"battery": 12}, DeviceKind.PENDANT) == [("battery", {}, None, 12)]


@pytest.mark.parametrize("value", ["yes", 1, None, [], {}, "true"])
def test_a_value_of_another_type_is_not_guessed_at(value: object) -> None:
    fields = dict.fromkeys(("contact", "occupancy", "presence", "tamper", "battery_low", "smoke", "gas", "sos"), value)
    assert said(fields, DeviceKind.DOOR) == [("heartbeat", {}, None, None)]
    assert raised(fields, DeviceKind.SMOKE) == []


@pytest.mark.parametrize("action", ["emergency", "sos", "SOS", "panic"])
@pytest.mark.parametrize("kind", [*ANY_KIND, None])
def test_a_call_for_help_is_an_sos_from_any_device_registered_or_not(action: str, kind: DeviceKind | None) -> None:
    assert raised({"action": action}, kind) == [("sos", True)]


@pytest.mark.parametrize("action", ["single", "double", "hold", "on", "1_single"])
def test_any_press_of_a_pendant_is_an_sos_and_of_a_button_a_checkin(action: str) -> None:
    assert raised({"action": action}, DeviceKind.PENDANT) == [("sos", True)]
    assert raised({"action": action}, DeviceKind.BUTTON) == []
    assert said({"action": action}, DeviceKind.BUTTON) == [("checkin", {}, None, None)]


@pytest.mark.parametrize("action", ["", None, "release", "hold_release", 5])
@pytest.mark.parametrize("kind", [DeviceKind.PENDANT, DeviceKind.BUTTON])
def test_letting_go_and_no_action_are_nothing(action: object, kind: DeviceKind) -> None:
    assert raised({"action": action}, kind) == []
    assert said({"action": action}, kind) == [("heartbeat", {}, None, None)]


def test_an_emergency_on_a_button_is_no_checkin() -> None:
    assert said({"action": "emergency"}, DeviceKind.BUTTON) == [("heartbeat", {}, None, None)]


def test_detectors_tell_alarm_and_all_clear() -> None:
    assert raised({"smoke": True}, DeviceKind.SMOKE) == [("smoke", True)]
    assert raised({"smoke": False}, DeviceKind.SMOKE) == [("smoke", False)]
    assert raised({"gas": False, "carbon_monoxide": True}, DeviceKind.GAS) == [("gas", True)]


def test_an_unregistered_detector_is_heard_only_when_it_alarms() -> None:
    assert raised({"smoke": True}, None) == [("smoke", True)]
    assert raised({"smoke": False}, None) == []


@pytest.mark.parametrize(
    "seen",
    ["2026-11-22T10:00:00+00:00", "2026-11-22T18:00:00+08:00", 1795341600000, 1795341600],
)
def test_last_seen_is_read_in_every_form_that_a_bridge_writes(seen: object) -> None:
    assert last_seen({"last_seen": seen}) == datetime(2026, 11, 22, 10, tzinfo=UTC)


VALUES = st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.lists(st.booleans())


@given(st.dictionaries(st.sampled_from(["contact", "action", "battery", "smoke", "last_seen", "x"]), VALUES))
def test_no_state_raises(fields: dict[str, Any]) -> None:
    last_seen(fields)
    for kind in ANY_KIND:
        assert values(fields, kind)
        alarms(fields, kind)
