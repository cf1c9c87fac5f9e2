"""Durations, times of day and windows, through clock changes and across midnight."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lampkeep.domain.times import Window, first_instant, parse_duration, parse_time_of_day, parse_window

BERLIN = ZoneInfo("Europe/Berlin")
SHANGHAI = ZoneInfo("Asia/Shanghai")
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
"""Berlin's clocks change at 01:00 UTC: 02:00 becomes 03:00, and 03:00 becomes 02:00."""

ZONES = st.sampled_from(["Europe/Berlin", "Asia/Shanghai", "America/Santiago", "Asia/Beirut", "Pacific/Apia", "UTC"])
INSTANTS = st.integers(0, 25 * 366 * 24 * 3600).map(lambda s: datetime(2005, 1, 1, tzinfo=UTC) + timedelta(seconds=s))
TIMES = st.times(timezones=st.none()).map(lambda at: at.replace(second=0, microsecond=0))


@pytest.mark.parametrize(("text", "seconds"), [("0s", 0), ("90s", 90), ("5m", 300), ("6h", 21600), ("48h", 172800)])
def test_durations_are_seconds_minutes_or_hours(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "5 m", "-5m", "5d", "1.5h", "5M", "٥m", "5m ", 5, None, True, "m", "99999999h"]
)
def test_anything_else_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match=r"duration|longer"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["9:30", "25:00", "24:00", "12:60", "0930", 570, None, "", "09:30:00", " 09:30"])
def test_anything_but_two_and_two_digits_is_no_time_of_day(text: object) -> None:
    with pytest.raises(ValueError, match="no time of day"):
        parse_time_of_day(text)


def test_a_window_may_run_over_midnight_and_to_its_end() -> None:
    assert parse_window("22:00-06:00") == Window(start=time(22), end=time(6))
    assert parse_window("22:00-24:00") == Window(start=time(22), end=time(0))
    assert parse_window("00:00-24:00") == Window(start=time(0), end=time(0))


@pytest.mark.parametrize("text", ["07:00", "07:00-", "-22:00", "07:00-07:00", "07:00-25:00", "24:00-07:00", 7, None])
def test_an_empty_or_unreadable_window_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"hours|empty|time of day"):
        parse_window(text)


def test_a_skipped_time_is_the_instant_of_the_change() -> None:
    assert first_instant(SPRING, time(2, 30), BERLIN) == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert first_instant(SPRING, time(3), BERLIN) == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_a_time_that_comes_twice_is_its_first_coming() -> None:
    assert first_instant(AUTUMN, time(2, 30), BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_day_whose_midnight_is_skipped_still_begins() -> None:
    santiago = ZoneInfo("America/Santiago")
    assert first_instant(date(2026, 9, 6), time(0), santiago) == datetime(2026, 9, 6, 4, tzinfo=UTC)


@given(st.dates(date(2005, 1, 1), date(2030, 1, 1)), TIMES, TIMES, ZONES)
def test_later_times_of_a_day_are_never_earlier_instants(day: date, a: time, b: time, zone: str) -> None:
    early, late = sorted((a, b))
    assert first_instant(day, early, ZoneInfo(zone)) <= first_instant(day, late, ZoneInfo(zone))


@given(st.dates(date(2005, 1, 1), date(2030, 1, 1)), TIMES, ZONES)
def test_an_instant_of_a_day_shows_that_time_or_the_first_one_after_it(day: date, at: time, zone: str) -> None:
    instant = first_instant(day, at, ZoneInfo(zone))
    local = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert local >= datetime.combine(day, at)
    before = (instant - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert before < datetime.combine(day, at)


@given(INSTANTS, TIMES, TIMES, ZONES)
def test_a_stretch_ends_where_its_answer_changes(at: datetime, start: time, end: time, zone: str) -> None:
    window = Window(start=start, end=end)
    inside, until = window.stretch(at, ZoneInfo(zone))
    assert until > at
    just_before = until - timedelta(microseconds=1)
    assert window.stretch(just_before, ZoneInfo(zone)) == (inside, until)


def test_day_hours_are_an_hour_longer_on_the_day_the_clock_goes_back() -> None:
    whole = Window(start=time(0), end=time(0))
    for day, hours in ((SPRING, 23), (AUTUMN, 25), (date(2026, 6, 1), 24)):
        start, end = whole.on(day, BERLIN)
        assert end - start == timedelta(hours=hours)


def test_a_window_over_midnight_holds_on_both_sides_of_it() -> None:
    window = Window(start=time(22), end=time(6))
    for hour, minute, inside in (
        (21, 59, False),
        (22, 0, True),
        (23, 59, True),
        (0, 0, True),
        (5, 59, True),
        (6, 0, False),
    ):
        at = datetime(2026, 11, 22, hour, minute, tzinfo=SHANGHAI)
        assert window.stretch(at, SHANGHAI)[0] is inside, at
