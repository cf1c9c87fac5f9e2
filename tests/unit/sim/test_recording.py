"""Recordings: read with errors that name the line, written from a life, moved in time."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

from lampkeep_sim.errors import UsageError
from lampkeep_sim.home import Life, happenings
from lampkeep_sim.recording import Rebase, read, timed, write
from support.lived import LIVED_FROM, LIVED_IN, a_home

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LINES = (
    '{"device":"d1","v":1,"id":"a","type":"door","at":"2008-02-25T00:20:14.000Z","data":{"open":true},"rssi":-60}\n'
    "\n"
    '{"device":"d2","v":1,"id":"b","type":"door","at":"2008-02-25T00:22:57.000Z","data":{"open":false}}\n'
    '{"device":"d1","v":1,"id":"c","type":"checkin"}\n'
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "recorded.jsonl"
    path.write_text(LINES)
    return path


def test_lines_keep_their_distance_and_those_without_an_instant_follow_the_one_before(file: Path) -> None:
    played = list(timed(read(file), NOW, Rebase.NONE))
    assert [after for after, _ in played] == [timedelta(0), timedelta(minutes=2, seconds=43), timedelta(0, 163)]
    assert [line.message_id for _, line in played] == ["a", "b", "c"]
    assert [line.at and line.at.year for _, line in played] == [2008, 2008, None]


@pytest.mark.parametrize(
    ("rebase", "first", "second"),
    [
        (Rebase.START, NOW, NOW + timedelta(seconds=163)),
        (Rebase.END, NOW - timedelta(seconds=163), NOW),
    ],
)
def test_a_recording_is_moved_to_begin_or_to_end_now(
    file: Path, rebase: Rebase, first: datetime, second: datetime
) -> None:
    lines = [line for _, line in timed(read(file), NOW, rebase)]
    assert [line.at for line in lines] == [first, second, None]
    assert lines[0].body["at"] == first.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert "at" not in lines[2].body, "a device without a clock has none afterwards"


def test_a_prefix_makes_new_messages_of_old_ones(file: Path) -> None:
    line = read(file)[0].moved(None, "again-")
    assert line.message_id == "again-a"
    assert line.body["rssi"] == -60


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"v":1}', '{"device":7}', '{"device":"d","at":"noon"}', '{"device":"d","at":"2008-02-25T00:00"}'],
)
def test_a_line_that_is_no_recorded_message_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"device":"d","type":"checkin"}\n' + line + "\n")
    with pytest.raises(UsageError, match=r"bad\.jsonl, line 2"):
        read(path)


def test_a_life_is_written_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "life.jsonl"
    life = list(islice(happenings(a_home(), LIVED_IN, LIVED_FROM, Life()), 500))
    assert write(path, life) == 500
    back = read(path)
    assert [(one.device_id, one.message_id, one.type) for one in back] == [
        (one.device_id, one.message.message_id, one.message.type) for one in life
    ]
