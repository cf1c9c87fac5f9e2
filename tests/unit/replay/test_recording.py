"""A recording as a stream: any order within five minutes, duplicates, broken lines and wrong clocks."""

import json
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lampkeep.domain.home_state import Reading
from lampkeep.replay.lines import Urgent
from lampkeep.replay.recording import AHEAD, DISORDER, Recording

START = datetime(2026, 11, 22, tzinfo=UTC)


def line(minute: float, name: object, device: str = "d", **more: Any) -> bytes:
    """A message whose name is read back by `order`: its id, and what it refers to."""
    at = (START + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z")
    fields = {"device": device, "v": 1, "id": str(name), "type": "sos_cancel", "at": at, "data": {"ref": str(name)}}
    return json.dumps({key: value for key, value in (fields | more).items() if value is not ...}).encode()


def read(lines: Iterable[bytes], told: list[str] | None = None) -> list[tuple[datetime, Reading | Urgent]]:
    return list(Recording(lines, (told if told is not None else []).append))


def order(lines: Iterable[bytes]) -> list[tuple[float, object]]:
    """(minute, name) of each message."""
    return [((at - START) / timedelta(minutes=1), name_of(said)) for at, said in read(lines)]


def name_of(said: Reading | Urgent) -> object:
    assert isinstance(said, Urgent)
    return said.content["ref"]


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=80, unique=True), st.randoms(use_true_random=False))
def test_any_order_within_five_minutes_is_put_right(minutes: list[int], chance: random.Random) -> None:
    tenths = sorted(minutes)
    right = [line(minute / 10, number) for number, minute in enumerate(tenths)]
    late = sorted(range(len(right)), key=lambda number: tenths[number] + chance.uniform(0, 50))
    assert order(right[number] for number in late) == order(right)


def test_a_message_that_is_repeated_counts_once() -> None:
    assert order([line(0, "a"), line(1, "b"), line(0, "a"), line(1, "b"), line(2, "a")]) == [(0, "a"), (1, "b")]


def test_two_devices_may_use_the_same_id() -> None:
    assert len(read([line(0, "a", "d"), line(1, "a", "e")])) == 2


def test_an_id_that_comes_again_after_a_day_is_a_new_message() -> None:
    day = 24 * 60
    lines = [
        line(0, "a"),
        line(1, "b"),
        line(day - 1, "a"),
        line(day + 1, "c"),
        line(day + 6, "a"),
        line(day + 20, "e"),
    ]
    assert [name for _, name in order(lines)] == ["a", "b", "c", "a", "e"]


def test_broken_lines_are_left_out_named_and_counted() -> None:
    told: list[str] = []
    lines = [line(0, "a"), b"{", b"", line(1, "b", type="door", data={"open": 1}), line(2, "c")]
    recording = Recording(lines, told.append)
    assert [name_of(said) for _, said in recording] == ["a", "c"]
    recording.report_end({})
    assert told[0].startswith("line 2 left out: ")
    assert told[1].startswith("line 4 left out: ")
    assert "data.open" in told[1]
    assert told[2] == "2 broken lines left out: 2, 4"


def test_a_message_without_a_clock_counts_as_said_when_it_came() -> None:
    assert order([line(0, "a"), line(3, "b", at=...), line(6, "c")]) == [(0, "a"), (0, "b"), (6, "c")]


def test_a_first_message_without_a_clock_takes_the_time_of_those_after_it() -> None:
    assert order([line(0, "a", at=...), line(3, "b")]) == [(3, "a"), (3, "b")]


def test_a_recording_in_which_no_line_tells_the_time_is_broken_throughout() -> None:
    told: list[str] = []
    assert read([line(0, name, at=...) for name in "ab"], told) == []
    assert len(told) == 2


@pytest.mark.parametrize("wrong", [24 * 60, 30 * 24 * 60, 80 * 366 * 24 * 60])
def test_one_clock_in_the_future_does_not_move_the_time(wrong: int) -> None:
    lines = [line(minute, minute) for minute in range(30)]
    lines[10] = line(wrong, "wrong", "clockwork")
    found = order(lines)
    assert max(minute for minute, _ in found) == 29
    assert (9, "wrong") in found


def test_a_first_line_with_a_clock_in_the_future_does_not_move_the_time() -> None:
    lines = [line(24 * 60, "wrong"), *(line(minute, minute) for minute in range(30))]
    assert max(minute for minute, _ in order(lines)) == 29


def test_a_clock_years_ago_is_not_believed_and_one_of_three_days_is() -> None:
    day = 24 * 60
    lines = [line(10 * day + minute, minute) for minute in range(20)]
    lines[5:7] = [line(0, "old"), line(7 * day + 5, "late")]
    found = order(lines)
    assert len(found) == 20
    assert (10 * day + 4, "old") in found
    assert (7 * day + 5, "late") in found


def test_an_absence_of_days_is_believed() -> None:
    away = 3 * 24 * 60
    lines = [line(minute + away * (minute >= 10), minute) for minute in range(20)]
    assert [minute for minute, _ in order(lines)][-1] == away + 19


def test_a_reading_whose_clock_is_not_believed_gets_the_time_at_which_it_came() -> None:
    lines = [line(minute, minute) for minute in range(30)]
    lines[10] = line(24 * 60, "wrong", type="motion", data={})
    found = [(at, said) for at, said in read(lines) if isinstance(said, Reading)]
    assert [(at, said.at) for at, said in found] == [(START + timedelta(minutes=9),) * 2]


def test_memory_does_not_grow_with_the_recording() -> None:
    recording = Recording((line(minute * 0.5, minute) for minute in range(20_000)), print)
    most = 0
    for number, (at, _) in enumerate(recording):
        read_ahead = recording._newest - at if recording._newest else timedelta(0)
        most = max(most, len(recording._ages), round(read_ahead / timedelta(seconds=30)))
        assert number < 20_000
    assert most <= 24 * 60 * 2 + DISORDER / timedelta(seconds=30) + AHEAD
