"""Night exit: the front door opened in the night, and nobody has come back in."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lampkeep.domain.home import Suspension
from lampkeep.domain.home_state import Reading
from lampkeep.domain.rules import check, wake_at
from support.watched import (
    DAY,
    DOOR,
    PIR,
    at,
    device,
    door,
    every,
    first,
    found,
    home,
    look,
    only,
    plan,
    reading,
    state,
    stirred,
)

MICROSECOND = timedelta(microseconds=1)
TEN = timedelta(minutes=10)
NIGHT = plan(night_exit={"window": "22:00-06:00", "for": "10m"})


def through(when: datetime, device_id: str = "door-001") -> list[Reading]:
    """The door opens, and is closed 20 seconds later."""
    return [
        reading(device_id, "door", when, on=True),
        reading(device_id, "door", when + timedelta(seconds=20), on=False),
    ]


def test_a_door_that_was_opened_with_nothing_inside_since_fires_after_the_time() -> None:
    out = through(at("02:30", days=1))
    assert every("night_exit", NIGHT, stirred(at("21:00")), *out, until=at("12:00", days=1)) == [at("02:40", days=1)]


def test_somebody_who_comes_back_in_time_is_no_exit() -> None:
    out, back = through(at("02:30", days=1)), stirred(at("02:39:59", days=1))
    assert every("night_exit", NIGHT, *out, back, until=at("12:00", days=1)) == []


def test_a_door_that_is_not_closed_fires_though_somebody_stirs_inside() -> None:
    opened = door(at("23:00"), open_=True)
    assert first("night_exit", NIGHT, opened, stirred(at("23:05")), within=timedelta(hours=1)) == at("23:10")
    assert look(at("23:10"), NIGHT, opened, stirred(at("23:05")), door(at("23:06"), open_=False)).findings == ()


def test_closed_with_nothing_inside_since_it_goes_on_from_the_opening() -> None:
    opened, closed = door(at("23:00"), open_=True), door(at("23:09"), open_=False)
    assert every("night_exit", NIGHT, opened, closed, until=at("05:00", days=1)) == [at("23:10")]


def test_repeated_reports_of_an_open_door_do_not_put_it_off() -> None:
    repeats = [door(at("23:00") + n * timedelta(minutes=2), open_=True) for n in range(1, 9)]
    before = door(at("20:00"), open_=False)
    assert every("night_exit", NIGHT, before, door(at("23:00"), open_=True), *repeats, until=at("23:30")) == [
        at("23:10")
    ]


@pytest.mark.parametrize(
    ("clock", "fires"),
    [("21:59:59", False), ("22:00", True), ("23:59:59", True), ("00:00", True), ("05:59:59", True), ("06:00", False)],
)
def test_the_window_holds_its_start_and_not_its_end(clock: str, fires: bool) -> None:
    opened = at(clock)
    assert bool(look(opened + TEN, NIGHT, *through(opened)).findings) is fires


def test_an_opening_in_the_window_counts_though_the_time_is_over_after_it() -> None:
    assert first("night_exit", NIGHT, *through(at("05:55"))) == at("06:05")


def test_a_second_exit_of_the_night_is_told_too() -> None:
    first_, second = through(at("23:00")), through(at("03:00", days=1))
    back = stirred(at("23:30"))
    begun = every("night_exit", NIGHT, *first_, back, *second, until=at("12:00", days=1))
    assert begun == [at("23:10"), at("03:10", days=1)]


def test_each_entrance_is_a_finding_and_another_contact_is_none() -> None:
    back_door, fridge = device("door-002", "door", "entrance"), device("fridge-001", "door", "kitchen")
    told = [door(at("23:00"), open_=True), reading("door-002", "door", at("23:00"), on=True)]
    of = home(DOOR, back_door, fridge, PIR)
    assert found(look(at("23:10"), NIGHT, *told, of=of)) == [("night_exit", "door-001"), ("night_exit", "door-002")]
    assert look(at("23:10"), NIGHT, reading("fridge-001", "door", at("23:00"), on=True), of=of).findings == ()


def test_a_press_inside_means_that_somebody_is_there() -> None:
    assert look(at("23:10"), NIGHT, *through(at("23:00")), pressed_at=at("23:05")).findings == ()


def test_time_that_we_did_not_watch_or_could_not_see_is_left_out() -> None:
    out = through(at("23:00"))
    assert first("night_exit", NIGHT, *out, unwatched=((at("23:05"), at("01:00", days=1)),)) == at("01:05", days=1)
    lost = [reading("pir-001", "online", at(when), on=on) for when, on in (("23:05", False), ("23:35", True))]
    assert first("night_exit", NIGHT, *out, *lost, of=home(DOOR, PIR)) == at("23:40")


def test_it_is_left_out_though_somebody_stirred_inside_since() -> None:
    told = [door(at("23:00"), open_=True), stirred(at("01:05", days=1))]
    outage = ((at("23:02"), at("01:00", days=1)),)
    assert first("night_exit", NIGHT, *told, unwatched=outage) == at("01:08", days=1)


def test_an_opening_in_a_suspension_is_not_judged_when_it_ends() -> None:
    rest = Suspension(rules=frozenset({"night_exit"}), from_day=DAY, until_day=DAY + timedelta(days=1), reason="guest")
    of = home(suspensions=[rest])
    assert every("night_exit", NIGHT, *through(at("23:55")), of=of, until=at("12:00", days=1)) == []
    assert first("night_exit", NIGHT, *through(at("00:05", days=1)), of=of) == at("00:15", days=1)


def test_an_opening_wakes_the_rule() -> None:
    assert wake_at(door(at("23:00"), open_=True), DOOR, NIGHT) == at("23:10")
    assert wake_at(door(at("23:00"), open_=False), DOOR, NIGHT) is None


def test_it_says_which_door_and_what_is_wrong() -> None:
    assert only(look(at("23:10"), NIGHT, *through(at("23:00")))).evidence["text_zh"] == (
        "大门（door-001）夜间23:00打开，10分钟屋内没有动静"
    )
    assert only(look(at("23:10"), NIGHT, door(at("23:00"), open_=True))).evidence["text_en"] == (
        "door-001 (entrance) was opened in the night at 23:00; for 10 min it has not been closed"
    )


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("window", "opened", "fires"),
    [
        # the night of 29 March has no 02:00 to 03:00
        ("22:00-06:00", datetime(2026, 3, 29, 3, 59, tzinfo=UTC), True),
        ("22:00-06:00", datetime(2026, 3, 29, 4, 0, tzinfo=UTC), False),
        ("02:00-03:00", datetime(2026, 3, 29, 1, 0, tzinfo=UTC), False),
        ("02:30-06:00", datetime(2026, 3, 29, 1, 0, tzinfo=UTC), True),
        # that of 25 October has it twice, and a time stands for its first coming
        ("22:00-06:00", datetime(2026, 10, 25, 4, 59, tzinfo=UTC), True),
        ("22:00-06:00", datetime(2026, 10, 25, 5, 0, tzinfo=UTC), False),
        ("22:00-02:30", datetime(2026, 10, 25, 0, 29, tzinfo=UTC), True),
        ("22:00-02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), False),
        ("02:30-06:00", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), True),
    ],
)
def test_the_window_is_the_communitys_when_the_clock_changes(window: str, opened: datetime, fires: bool) -> None:
    given = plan(night_exit={"window": window, "for": "10m"})
    verdict = check(home(), given, state(*through(opened)), opened + TEN, BERLIN)
    assert bool(verdict.findings) is fires
