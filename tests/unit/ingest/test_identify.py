from datetime import timedelta

import pytest

from lampkeep.contracts.messages import Reason
from lampkeep.domain.vocabulary import DeviceKind
from lampkeep_ingest.decode import decode
from lampkeep_ingest.identify import (
    Levels,
    bridged_alarms,
    bridged_rows,
    bridged_urgent_row,
    device_of,
    is_foreign,
    mistyped_row,
    observation_row,
    urgent_row,
)
from lampkeep_ingest.inbox import Received
from lampkeep_ingest.recurrence import Recurrence
from lampkeep_ingest.rows import REMEMBERED, ObservationRow, UrgentRow
from lampkeep_ingest.said import Bridged, Observed, Urgent
from support.ingest_messages import NOW, Known, body, device, received

PENDANT = device("pendant-1", DeviceKind.PENDANT, account="pendant-1")
DOOR = device(z2m="Front door", place="entrance")
SMOKE = device("smoke-1", DeviceKind.SMOKE, z2m="hall/Smoke")
GATEWAY = device("gw-1", DeviceKind.GATEWAY)
KNOWN = Known([PENDANT, DOOR, SMOKE, GATEWAY])


def press(
    payload: bytes, topic: str = "lampkeep/v1/pendant-1/pendant-1/urgent", *, retained: bool = False
) -> UrgentRow:
    source = received(topic, payload, retained=retained)
    said = decode(topic, payload)
    assert isinstance(said, Urgent)
    return urgent_row(said, source, device_of(said, KNOWN))


def said_by_bridge(
    rest: str, payload: bytes, *, now_s: float = 0.0, repeated: bool = False
) -> tuple[Bridged, Received]:
    topic = f"lampkeep/z2m/gw-1/{rest}"
    said = decode(topic, payload)
    assert isinstance(said, Bridged)
    return said, received(topic, payload, now_s=now_s, repeated=repeated)


def seen(rest: str, payload: bytes) -> list[ObservationRow]:
    said, source = said_by_bridge(rest, payload)
    found = device_of(said, KNOWN)
    assert found is not None
    return bridged_rows(said, source, found, KNOWN)


def test_a_press_is_known_by_its_id_and_answered_and_signalled() -> None:
    row = press(body("sos", at="2026-11-22T09:59:58Z", battery=40))
    assert (row.key, row.message_id, row.receipt, row.signals) == ("m1", "m1", "m1", True)
    assert (row.home_id, row.at, row.battery, row.marks) == ("home-1", NOW - timedelta(seconds=2), 40, ())


def test_a_test_press_is_answered_and_not_signalled() -> None:
    row = press(body("sos", data={"test": True}))
    assert (row.receipt, row.signals) == ("m1", False)


@pytest.mark.parametrize(
    ("at", "used", "marks"),
    [
        (None, timedelta(0), {"clock_absent"}),
        ("2026-11-22T10:02:00Z", timedelta(minutes=2), set()),
        ("2026-11-22T10:02:01Z", timedelta(0), {"clock_not_believed"}),
        ("2026-11-22T09:55:00Z", -timedelta(minutes=5), set()),
        ("2026-11-22T09:54:59Z", -timedelta(minutes=5, seconds=1), {"late"}),
        ("2026-11-19T10:00:00Z", -timedelta(hours=72), {"late"}),
        ("2026-11-19T09:59:59Z", timedelta(0), {"clock_not_believed", "late"}),
        ("1970-01-01T00:00:00Z", timedelta(0), {"clock_not_believed", "late"}),
        ("2106-02-07T06:28:15Z", timedelta(0), {"clock_not_believed"}),
    ],
)
def test_an_instant_is_believed_between_72_h_ago_and_2_minutes_ahead(
    at: str | None, used: timedelta, marks: set[str]
) -> None:
    row = press(body("sos", **({"at": at} if at else {})))
    assert row.at == NOW + used
    assert set(row.marks) == marks


@pytest.mark.parametrize(
    "payload",
    [
        b'{"v":1,"id":"m7","id":"m8","type":"sos"}',
        b'{"v":1,"id":"m7","type":"sos","battery":NaN}',
        b'{"v":1,"type":"sos","data":{"test":"yes"},"id":"m7"}',
        b'{"v":1,"id":"m7","type":"sos"',
    ],
)
def test_an_unreadable_press_is_receipted_by_the_id_that_can_be_seen_and_known_again(payload: bytes) -> None:
    row = press(payload)
    assert (row.type, row.receipt, row.remembered) == ("unreadable", "m7", REMEMBERED)


def test_an_id_with_a_control_character_is_an_id() -> None:
    row = press(body("sos", id="a\tb"))
    assert (row.type, row.key, row.receipt) == ("sos", "a\tb", "a\tb")


def test_the_connection_of_a_bridge_is_that_of_its_accounts_gateway_whatever_its_id() -> None:
    hub = device("hub-1", DeviceKind.GATEWAY, account="gw-001")
    said = decode("lampkeep/z2m/gw-001/bridge/state", b"offline")
    assert isinstance(said, Bridged)
    assert device_of(said, Known([hub])) == hub


def test_a_name_of_any_script_is_found() -> None:
    door = device(z2m="前\u3000门")
    said = decode("lampkeep/z2m/gw-1/前\u3000门", b'{"contact":false}')
    assert isinstance(said, Bridged)
    assert device_of(said, Known([door])) == door


def test_a_state_with_a_value_of_a_wrong_type_is_recorded_and_its_other_values_count() -> None:
    said, source = said_by_bridge("Front door", b'{"contact":"no","battery":50,"tamper":null}')
    (row,) = seen("Front door", b'{"contact":"no","battery":50,"tamper":null}')
    assert (row.reading.type, row.reading.battery) == ("battery", 50)
    rejected = mistyped_row(said, source)
    assert rejected is not None
    assert (rejected.reason, rejected.detail) == (Reason.MALFORMED, "wrong type: contact")
    assert mistyped_row(*said_by_bridge("Front door", b'{"contact":true,"battery":null}')) is None


def test_a_retained_press_is_late() -> None:
    row = press(body("sos", at="2026-11-22T10:00:00Z"), retained=True)
    assert row.retained
    assert set(row.marks) == {"late", "retained"}


def test_an_unregistered_device_raises_without_a_home() -> None:
    row = press(body("sos"), topic="lampkeep/v1/nobody/nobody/urgent")
    assert row.home_id is None
    assert "unregistered" in row.marks
    assert row.signals


def test_equal_unreadable_presses_have_one_key_and_different_ones_two() -> None:
    once, again, other = press(b"help!"), press(b"help!"), press(b"help")
    assert once.key == again.key != other.key
    assert once.receipt is None
    assert once.rejected is not None
    assert once.rejected.head == b"help!"


def test_an_unreadable_press_with_a_readable_id_is_answered_but_not_known_by_it() -> None:
    broken = [press(body("sos", battery=battery)) for battery in ("a", "b")]
    assert {row.receipt for row in broken} == {"m1"}
    assert len({row.key for row in broken} | {"m1"}) == 3


def test_a_device_of_another_account_is_foreign() -> None:
    said = decode("lampkeep/v1/pendant-2/pendant-1/urgent", body("sos"))
    assert isinstance(said, Urgent)
    assert device_of(said, KNOWN) is None
    assert is_foreign(said, KNOWN)


def test_an_opened_entrance_door_wakes_its_home_and_a_retained_copy_does_not() -> None:
    said = decode("lampkeep/v1/gw-1/door-1/observation", body("door", at="2026-11-22T10:00:00Z"))
    assert isinstance(said, Observed)
    live = observation_row(said, received("t", b""), DOOR, KNOWN)
    copy = observation_row(said, received("t", b"", retained=True), DOOR, KNOWN)
    assert live.wakes_at is not None
    assert live.wakes_at > NOW
    assert copy.wakes_at is None
    assert copy.marks == ("retained",)
    assert copy.key != live.key


def test_a_bridges_device_is_found_by_its_name_else_by_its_id() -> None:
    for name in ("Front door", "door-1"):
        said, _ = said_by_bridge(name, b"{}")
        assert device_of(said, KNOWN) == DOOR
    said, _ = said_by_bridge("Lamp", b"{}")
    assert device_of(said, KNOWN) is None


def test_the_bridges_own_connection_is_that_of_the_gateway() -> None:
    (row,) = seen("bridge/state", b'{"state":"offline"}')
    assert (row.reading.device_id, row.reading.type, row.reading.on) == ("gw-1", "online", False)


def test_an_unchanged_state_at_another_time_is_no_duplicate_and_one_delivery_twice_is() -> None:
    plain, dated = b'{"contact":true}', b'{"contact":true,"last_seen":"2026-11-22T09:59:00Z"}'

    def key(payload: bytes, later: timedelta) -> tuple[str, str, str]:
        said, _ = said_by_bridge("Front door", payload)
        return bridged_rows(said, received("t", payload, at=NOW + later), DOOR, KNOWN)[0].key

    assert key(plain, timedelta(0)) != key(plain, timedelta(seconds=1))
    assert key(dated, timedelta(0)) == key(dated, timedelta(minutes=3))


def test_last_seen_is_the_instant_of_a_bridges_reading() -> None:
    (row,) = seen("Front door", b'{"contact":true,"last_seen":"2026-11-22T09:59:00Z"}')
    assert row.reading.at == NOW - timedelta(minutes=1)


def key_of(
    payload: bytes, recurrence: Recurrence, rest: str = "Front door", *, now_s: float = 0.0, **flags: bool
) -> str:
    said, source = said_by_bridge(rest, payload, now_s=now_s, **flags)
    found = device_of(said, KNOWN)
    (alarm,) = bridged_alarms(said, found)
    return bridged_urgent_row(said, alarm, source, found, recurrence).key


def test_two_presses_are_two_and_every_copy_of_ingest_numbers_them_alike() -> None:
    state, other_state = b'{"action":"emergency","linkquality":80}', b'{"action":"emergency","linkquality":81}'
    one_copy, other_copy = Recurrence(), Recurrence()
    first = [key_of(state, one_copy), key_of(other_state, one_copy, now_s=3)]
    assert len(set(first)) == 2
    assert [key_of(state, other_copy, now_s=0.2), key_of(other_state, other_copy, now_s=3.1)] == first


def test_a_press_told_as_state_and_as_bare_action_is_one() -> None:
    recurrence = Recurrence()
    told = [
        (key_of(b'{"action":"emergency"}', recurrence), key_of(b"emergency", recurrence, "Front door/action"))
        for _ in range(2)
    ]
    assert [state for state, _ in told] == [action for _, action in told]
    assert len({state for state, _ in told}) == 2


def test_a_repeated_delivery_of_a_press_is_that_press() -> None:
    recurrence = Recurrence()
    state = b'{"action":"emergency"}'
    assert key_of(state, recurrence) == key_of(state, recurrence, now_s=5, repeated=True)


def test_a_detector_is_news_when_it_changes_and_once_a_minute_while_it_alarms() -> None:
    levels = Levels()

    def news(*, smoke: bool, now_s: float) -> bool | None:
        said, _ = said_by_bridge("hall/Smoke", b'{"smoke":%s}' % (b"true" if smoke else b"false"))
        (alarm,) = bridged_alarms(said, SMOKE)
        return levels.is_news("gw-1", "hall/Smoke", alarm, now_s)

    assert news(smoke=False, now_s=0) is None  # not heard before: the database knows
    assert news(smoke=False, now_s=10) is False
    assert news(smoke=True, now_s=20) is True
    assert news(smoke=True, now_s=79) is False
    assert news(smoke=True, now_s=81) is True
    assert news(smoke=False, now_s=90) is True
    assert news(smoke=False, now_s=91) is False
