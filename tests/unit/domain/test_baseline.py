"""What is usual in a home, and the thresholds that follow from it."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lampkeep.domain.baseline import (
    GRAIN,
    HOURS_OF_WEEK,
    LEAST_LIMIT,
    LONGEST_NIGHT,
    Silence,
    Usual,
    noticed_after,
    silences,
    stirs,
    tightest,
    usual,
)
from lampkeep.domain.home import Home, Suspension
from lampkeep.domain.home_state import Reading
from lampkeep.domain.parameters import Parameters
from lampkeep.domain.rules.inactivity import Inactivity
from lampkeep.domain.whereabouts import Away, Place
from support.watched import DAY, ZONE, at, door, home, reading, stirred

SUNDAY = 6 * 24
HOUR = timedelta(hours=1)


def heard(*readings: Reading, of: Home | None = None) -> list[Silence]:
    return list(silences(readings, of or home(), ZONE, Away()))


def silent(start: str, end: str, *, days: int = 0, place: Place = Place.ABOUT) -> Silence:
    return Silence(start=at(start), end=at(end, days=days), place=place)


def known(longest: timedelta) -> Usual:
    return (longest,) * HOURS_OF_WEEK


def test_a_silence_lasts_from_one_activity_to_the_next_and_a_sign_of_life_does_not_end_it() -> None:
    said = [
        stirred(at("08:00")),
        reading("pir-001", "motion", at("09:00"), on=False),
        reading("pir-001", "battery", at("10:00"), battery=80),
        stirred(at("11:00")),
        stirred(at("11:29")),
    ]
    assert heard(*said) == [silent("08:00", "11:00")]


def test_an_unchanged_report_of_a_door_ends_no_silence() -> None:
    said = [
        door(at("08:00"), open_=False),
        stirred(at("08:10")),
        door(at("10:00"), open_=False),
        stirred(at("12:00")),
    ]
    assert heard(*said) == [silent("08:10", "12:00")]


@pytest.mark.parametrize("type_", ["sos", "sos_cancel", "checkin"])
def test_a_press_ends_a_silence(type_: str) -> None:
    said = [stirred(at("08:00")), reading("pendant-001", type_, at("10:00"), on=True), stirred(at("10:10"))]
    assert heard(*said) == [silent("08:00", "10:00")]


def test_no_other_urgent_message_is_a_sign_that_somebody_stirs() -> None:
    assert not stirs(reading("pir-001", "smoke", at("08:00")), before=None)


def test_after_the_front_door_the_resident_is_away_and_in_a_taken_bed_at_rest() -> None:
    said = [
        stirred(at("08:00")),
        door(at("08:01"), open_=True),
        door(at("08:02"), open_=False),
        door(at("12:00"), open_=True),
        stirred(at("12:01")),
        reading("bed-001", "presence", at("12:10"), on=True),
        reading("bed-001", "presence", at("14:10"), on=False),
    ]
    assert heard(*said) == [silent("08:02", "12:00", place=Place.AWAY), silent("12:10", "14:10", place=Place.AT_REST)]


def test_what_touches_a_suspension_is_not_usual() -> None:
    hospital = Suspension(
        rules=frozenset({"inactivity"}), from_day=DAY, until_day=DAY + timedelta(days=1), reason="hospital"
    )
    said = [stirred(at("20:00", days=-1)), stirred(at("23:00", days=-1)), stirred(at("09:00", days=2))]
    assert heard(*said, of=home(suspensions=[hospital])) == [
        Silence(start=at("20:00", days=-1), end=at("23:00", days=-1), place=Place.ABOUT)
    ]


def test_a_silence_counts_whole_in_every_hour_that_it_covers() -> None:
    longest = usual([silent("08:30", "11:00"), silent("10:10", "10:50")], ZONE)
    assert {hour: one for hour, one in enumerate(longest) if one} == {
        SUNDAY + 8: 2.5 * HOUR,
        SUNDAY + 9: 2.5 * HOUR,
        SUNDAY + 10: 2.5 * HOUR,
    }


def test_the_week_ends_on_sunday_at_midnight() -> None:
    longest = usual([silent("23:30", "01:00", days=1)], ZONE)
    assert [hour for hour, one in enumerate(longest) if one] == [0, SUNDAY + 23]


def test_an_absence_is_no_silence_of_the_home() -> None:
    assert usual([silent("08:00", "18:00", place=Place.AWAY)], ZONE) == known(timedelta(0))


def test_a_silence_of_more_than_a_week_covers_every_hour() -> None:
    assert usual([silent("08:00", "08:00", days=9)], ZONE) == known(timedelta(days=9))


def test_hours_are_those_of_the_wall_clock_where_it_changes() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    night = Silence(
        start=datetime(2026, 3, 29, 0, 30, tzinfo=UTC), end=datetime(2026, 3, 29, 1, 30, tzinfo=UTC), place=Place.ABOUT
    )
    longest = usual([night], berlin)
    assert [hour - SUNDAY for hour, one in enumerate(longest) if one] == [1, 3]  # 02:00 is skipped


def fires(rule: Inactivity, *found: Silence) -> int:
    return sum(rule.due_at(one.start, ZONE) < one.end for one in found)


def test_the_tightest_thresholds_are_those_under_which_no_usual_silence_fires() -> None:
    habit = (silent("08:00", "10:40"), silent("22:00", "06:10", days=1))
    found = tightest(Inactivity(), usual(habit, ZONE), lambda rule: fires(rule, *habit) == 0, ZONE, DAY)
    assert found is not None
    assert (found.day, found.night) == (3 * HOUR, 8.5 * HOUR)
    assert fires(found, *habit) == 0


def test_what_is_proposed_is_on_the_grid_and_night_is_never_under_day() -> None:
    asked: list[Inactivity] = []

    def within(rule: Inactivity) -> bool:
        asked.append(rule)
        return rule.day + rule.night >= 15 * HOUR

    tightest(Inactivity(), known(9 * HOUR), within, ZONE, DAY)
    for rule in asked:
        assert LEAST_LIMIT <= rule.day <= rule.night
        assert not rule.day % GRAIN
        assert not rule.night % GRAIN
    steps = (LONGEST_NIGHT - LEAST_LIMIT) // GRAIN + 1
    assert len(asked) <= 2 * steps


def test_nothing_looser_is_proposed_than_thresholds_that_do() -> None:
    present = Inactivity(day=2 * HOUR, night=30 * HOUR)
    assert (
        tightest(present, known(10 * HOUR), lambda rule: rule == present or rule.day > 8 * HOUR, ZONE, DAY) == present
    )


def test_where_nothing_keeps_within_the_budget_nothing_is_proposed() -> None:
    assert tightest(Inactivity(), known(10 * HOUR), lambda _: False, ZONE, DAY) is None


def test_everything_but_day_and_night_stays_as_it_was() -> None:
    rule = Inactivity.parse(Parameters({"day_hours": "08:00-20:00", "at_rest": "15h"}))
    found = tightest(rule, known(5 * HOUR), lambda one: one.day >= 5 * HOUR, ZONE, DAY)
    assert found is not None
    assert (found.day_hours, found.at_rest) == (rule.day_hours, 15 * HOUR)


def test_with_one_limit_for_day_and_night_it_is_noticed_after_that() -> None:
    assert noticed_after(Inactivity(day=6 * HOUR, night=6 * HOUR), ZONE, date(2026, 11, 22)) == 6 * HOUR
