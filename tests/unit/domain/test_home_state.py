"""The fold: order, repetition and batching of the same messages make no difference."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lampkeep.domain.home_state import KEEP, DeviceState, Reading, StateKey, fold, fold_into, merge, merge_into, newest
from support.watched import at, door, reading, state, stirred

START = datetime(2026, 11, 22, tzinfo=UTC)
INSTANTS = st.integers(0, 60).map(lambda minutes: START + timedelta(minutes=minutes))
DAYS = st.integers(0, 60).map(lambda stretches: START + timedelta(minutes=97) * stretches)
TYPES = st.sampled_from(
    ["door", "motion", "presence", "checkin", "prompt_answer", "heartbeat", "battery", "tamper", "online", "sos"]
)
READINGS = st.builds(
    Reading,
    device_id=st.sampled_from(["a", "b"]),
    home_id=st.just("home-001"),
    type=TYPES,
    at=INSTANTS | DAYS,
    battery=st.none() | st.integers(0, 100),
    on=st.none() | st.booleans(),
    repeats=st.booleans(),
)
BATTERIES = st.builds(
    Reading,
    device_id=st.just("a"),
    home_id=st.just("home-001"),
    type=st.just("battery"),
    at=INSTANTS,
    battery=st.none() | st.integers(0, 100),
    on=st.none() | st.booleans(),
)
MANY = st.lists(READINGS, max_size=90)
LISTS = st.sets(INSTANTS, max_size=50).map(lambda instants: tuple(sorted(instants, reverse=True)[:KEEP]))


def folded(readings: list[Reading]) -> dict[StateKey, DeviceState]:
    states: dict[StateKey, DeviceState] = {}
    for one in readings:
        merge_into(states, fold(one))
    return states


@given(MANY, st.randoms(use_true_random=False))
def test_any_order_and_any_duplication_fold_to_the_same(readings: list[Reading], chance: st.DataObject) -> None:
    shuffled = readings + [one for one in readings if chance.random() < 0.3]  # type: ignore[attr-defined]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert folded(shuffled) == folded(readings)


@given(MANY, st.lists(st.integers(0, 60), max_size=6))
def test_any_batching_folds_to_the_same(readings: list[Reading], cuts: list[int]) -> None:
    edges = sorted({0, len(readings), *(min(cut, len(readings)) for cut in cuts)})
    batches = [folded(readings[start:end]) for start, end in pairwise(edges)]
    whole: dict[StateKey, DeviceState] = {}
    for batch in reversed(batches):
        merge_into(whole, batch.values())
    assert whole == folded(readings)


@given(MANY)
def test_the_short_way_folds_as_the_long_one(readings: list[Reading]) -> None:
    states: dict[StateKey, DeviceState] = {}
    for one in readings:
        fold_into(states, one)
    assert states == folded(readings)


@given(LISTS, LISTS, LISTS)
def test_the_newest_of_lists_merge_in_any_grouping(
    a: tuple[datetime, ...], b: tuple[datetime, ...], c: tuple[datetime, ...]
) -> None:
    assert newest(newest(a, b), c) == newest(a, newest(b, c))
    assert newest(a, b) == newest(b, a)
    assert newest(a, a) == a
    assert newest(a, b) == tuple(sorted({*a, *b}, reverse=True)[:KEEP])


@given(st.lists(BATTERIES, min_size=3, max_size=3))
def test_states_of_one_device_merge_in_any_grouping(readings: list[Reading]) -> None:
    a, b, c = (fold(one)[0] for one in readings)
    assert merge(merge(a, b), c) == merge(a, merge(b, c)) == reduce(merge, (c, a, b, a))


@pytest.mark.parametrize("type_", ["heartbeat", "battery"])
def test_a_report_that_nobody_caused_is_kept_with_its_instant_and_its_stretch(type_: str) -> None:
    known = state(reading("a", type_, at("09:30"), battery=50)).of("a", "heartbeat")
    assert known is not None
    assert (known.on_at, known.off_at) == ((at("09:30"),), (at("08:00"),))


def test_of_a_state_that_a_bridge_repeats_only_the_stretch_is_kept() -> None:
    known = state(reading("a", "door", at("09:30"), on=True, repeats=True)).of("a", "heartbeat")
    assert known is not None
    assert (known.on_at, known.off_at) == ((), (at("08:00"),))


def test_an_event_is_no_report() -> None:
    assert state(reading("a", "door", at("09:30"), on=True)).of("a", "heartbeat") is None


def test_states_of_two_devices_do_not_merge() -> None:
    a, b = (fold(reading(name, "door", at("08:00"), on=True))[0] for name in ("a", "b"))
    with pytest.raises(ValueError, match="not the same state"):
        merge(a, b)


def test_two_percentages_at_one_instant_count_as_the_lower() -> None:
    known = state(*(reading("a", "battery", at("08:00"), battery=percent) for percent in (40, 12, 90)))
    battery = known.of("a", "battery")
    assert battery is not None
    assert battery.percent == 12


def test_a_door_message_with_a_battery_tells_of_both() -> None:
    known = state(reading("door-001", "door", at("08:00"), on=True, battery=55))
    assert set(known.states) == {("door-001", "door"), ("door-001", "battery")}


def test_urgent_messages_touch_no_device_state() -> None:
    assert fold(reading("pendant-001", "sos", at("08:00"))) == ()


def test_a_change_of_a_door_is_activity_and_its_repetition_is_not() -> None:
    repeats = [door(at(f"{hour:02}:00"), open_=False) for hour in range(9, 15)]
    known = state(door(at("08:00"), open_=True), door(at("08:01"), open_=False), *repeats)
    assert known.activity is not None
    assert known.activity.at == at("08:01")


@pytest.mark.parametrize("repeats", [KEEP - 1, KEEP, KEEP + 1, 100])
def test_no_number_of_unchanged_reports_moves_the_last_change_forward(repeats: int) -> None:
    hourly = [door(at("08:01") + timedelta(hours=hour), open_=False) for hour in range(1, repeats)]
    known = state(door(at("08:00"), open_=True), door(at("08:01"), open_=False), *hourly)
    assert known.activity is not None
    assert at("08:00") <= known.activity.at <= at("08:01")


def test_reports_that_never_change_end_up_as_no_activity() -> None:
    assert state(*(door(at("08:00") + timedelta(hours=hour), open_=False) for hour in range(KEEP))).activity is None


@given(st.lists(st.booleans(), min_size=1, max_size=90))
def test_a_change_is_never_thought_later_than_it_was(values: list[bool]) -> None:
    readings = [door(START + timedelta(minutes=minute), open_=value) for minute, value in enumerate(values)]
    run = next((n for n, value in enumerate(reversed(values)) if value != values[-1]), len(values))
    since = state(*readings).states["door-001", "door"].since
    truth = START + timedelta(minutes=len(values) - run)
    assert since is None or since <= truth
    if run < KEEP:
        assert since == truth


def test_each_movement_is_activity_and_its_end_is_none() -> None:
    known = state(stirred(at("08:00")), stirred(at("08:10")), reading("pir-001", "motion", at("08:12"), on=False))
    assert known.activity is not None
    assert (known.activity.at, known.activity.device_id) == (at("08:10"), "pir-001")


@pytest.mark.parametrize("type_", ["heartbeat", "battery", "tamper", "online"])
def test_signs_of_life_of_a_device_are_no_activity(type_: str) -> None:
    known = state(reading("pir-001", type_, at("08:00"), on=True, battery=50))
    assert known.activity is None
    assert known.alive_at == {"pir-001": at("08:00")}


@pytest.mark.parametrize("type_", ["checkin", "prompt_answer"])
def test_a_press_of_any_button_is_activity(type_: str) -> None:
    known = state(reading("pendant-001", type_, at("08:00")))
    assert known.activity is not None
    assert known.activity.at == at("08:00")


def test_a_press_of_the_sos_button_is_activity() -> None:
    known = state(stirred(at("08:00")), pressed_at=at("08:30"))
    assert known.activity is not None
    assert (known.activity.at, known.activity.device_id) == (at("08:30"), "pendant-001")


def test_word_that_a_device_is_offline_is_no_sign_of_its_life() -> None:
    known = state(reading("a", "heartbeat", at("08:00")), reading("a", "online", at("09:00"), on=False))
    assert known.alive_at == {"a": at("08:00")}
