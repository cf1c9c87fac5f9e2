"""not_up and missed_checkin: fixed times of day, what puts them off, and nights on which the clock changes."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lampkeep.domain.home import Suspension
from lampkeep.domain.home_state import HomeState, Reading
from lampkeep.domain.rules import check
from lampkeep.domain.spans import FOREVER, Spans
from support.watched import DAY, at, device, door, every, first, found, home, look, plan, reading, state, stirred

MICROSECOND = timedelta(microseconds=1)
BERLIN = ZoneInfo("Europe/Berlin")
UP = plan(not_up={"by": "09:30", "from": "05:30"})
NIGHT = stirred(at("22:00", days=-1))


def outage(start: str, end: str, *, days: int = 0) -> Spans:
    return ((at(start), at(end, days=days)),)


# not_up


def test_not_up_fires_at_its_time_and_not_a_microsecond_before() -> None:
    assert every("not_up", UP, NIGHT, until=at("20:00")) == [at("09:30")]


def test_not_up_fires_again_on_another_morning_after_somebody_was_up() -> None:
    day = [stirred(at("10:00")), stirred(at("22:00"))]
    assert every("not_up", UP, NIGHT, *day, until=at("20:00", days=1)) == [at("09:30"), at("09:30", days=1)]


def test_an_outage_puts_not_up_off_by_as_much_of_it_as_lay_in_the_watch() -> None:
    assert first("not_up", UP, NIGHT, unwatched=outage("06:00", "08:00")) == at("11:30")
    assert first("not_up", UP, NIGHT, unwatched=outage("03:00", "06:00")) == at("10:00")
    assert first("not_up", UP, NIGHT, unwatched=outage("09:00", "11:00")) == at("11:30")


@pytest.mark.parametrize(("start", "end"), [("01:00", "05:30"), ("09:30", "12:00")])
def test_an_outage_outside_the_watch_does_not_put_it_off(start: str, end: str) -> None:
    assert first("not_up", UP, NIGHT, unwatched=outage(start, end)) == at("09:30")


def test_an_outage_over_the_whole_watch_puts_it_off_by_its_length_and_drops_nothing() -> None:
    assert first("not_up", UP, NIGHT, unwatched=outage("05:30", "12:00")) == at("16:00")
    assert first("not_up", UP, NIGHT, unwatched=outage("01:00", "23:00")) == at("03:00", days=1)


def test_an_outage_of_days_ends_in_a_morning_that_is_watched_for_as_long() -> None:
    assert first("not_up", UP, NIGHT, unwatched=outage("03:00", "08:00", days=2)) == at("12:00", days=2)


def test_while_we_do_not_watch_nobody_is_found_not_up() -> None:
    assert every("not_up", UP, NIGHT, until=at("12:00", days=9), unwatched=((at("03:00"), FOREVER),)) == []


def test_who_is_up_after_an_outage_and_before_the_time_that_was_put_off_is_up() -> None:
    late = stirred(at("11:00"))
    assert every("not_up", UP, NIGHT, late, until=at("20:00"), unwatched=outage("06:00", "08:00")) == []


def test_time_in_which_the_home_could_not_be_seen_puts_it_off_too() -> None:
    lost = [reading("pir-001", "online", at(when), on=on) for when, on in (("06:00", False), ("08:00", True))]
    bathroom = home(device("pir-001", "motion", "bathroom"))
    assert first("not_up", UP, NIGHT, *lost, of=bathroom) == at("11:30")


# missed_checkin

CHECKIN = plan(missed_checkin={"by": "10:00"})


def well(when: datetime) -> Reading:
    return reading("pendant-001", "checkin", when)


def test_a_missed_checkin_fires_at_its_time_and_each_day_again() -> None:
    told = [well(at("09:59:59", days=-1)), well(at("11:00")), well(at("18:00", days=1))]
    assert every("missed_checkin", CHECKIN, *told, until=at("09:00", days=3)) == [
        at("10:00"),
        at("10:00", days=1),
        at("10:00", days=2),
    ]


def test_a_checkin_that_is_missed_for_days_is_told_each_day() -> None:
    long_ago = well(at("09:00", days=-1))
    begun = every("missed_checkin", CHECKIN, long_ago, until=at("12:00", days=2))
    assert begun == [at("10:00"), at("10:00", days=1), at("10:00", days=2)]


def test_a_checkin_at_its_very_time_is_in_time_and_one_before_midnight_is_of_yesterday() -> None:
    assert look(at("10:00"), CHECKIN, well(at("10:00"))).findings == ()
    assert look(at("10:00"), CHECKIN, well(at("00:00"))).findings == ()
    assert found(look(at("10:00"), CHECKIN, well(at("00:00") - MICROSECOND))) == [("missed_checkin", "")]


def test_a_checkin_may_be_given_on_the_evening_before() -> None:
    evening = plan(missed_checkin={"by": "10:00", "from": "20:00"})
    assert look(at("10:00"), evening, well(at("20:00", days=-1))).findings == ()
    assert found(look(at("10:00"), evening, well(at("19:59", days=-1)))) == [("missed_checkin", "")]


def test_a_checkin_by_midnight_is_judged_as_the_day_begins() -> None:
    midnight = plan(missed_checkin={"by": "00:00", "from": "18:00"})
    assert look(at("00:00"), midnight, well(at("18:00", days=-1))).findings == ()
    yesterday = well(at("17:00", days=-1))
    assert first("missed_checkin", midnight, yesterday, of=home(registered_at=yesterday.at)) == at("00:00")


def test_a_late_checkin_ends_it() -> None:
    assert look(at("10:30"), CHECKIN, well(at("10:20"))).findings == ()


def test_it_holds_whatever_else_stirs_and_while_the_resident_is_away() -> None:
    left = [stirred(at("09:00")), door(at("09:30"), open_=True), door(at("09:31"), open_=False)]
    assert found(look(at("10:00"), CHECKIN, *left)) == [("missed_checkin", "")]


def test_what_we_did_not_watch_puts_the_time_off() -> None:
    last = well(at("09:00", days=-1))
    assert first("missed_checkin", CHECKIN, last, unwatched=outage("08:00", "09:30")) == at("11:30")
    assert first("missed_checkin", CHECKIN, last, unwatched=outage("09:59", "12:00")) == at("12:01")


def test_what_we_did_not_watch_puts_the_checkin_off_though_somebody_stirred_since() -> None:
    told = [well(at("09:00", days=-1)), stirred(at("09:00"))]
    assert first("missed_checkin", CHECKIN, *told, unwatched=outage("06:00", "08:00")) == at("12:00")


def test_a_day_whose_time_had_passed_at_the_registration_or_in_a_suspension_is_not_judged() -> None:
    new = home(registered_at=at("10:00"))
    assert first("missed_checkin", CHECKIN, of=new) == at("10:00", days=1)
    pause = Suspension(
        rules=frozenset({"missed_checkin"}), from_day=DAY, until_day=DAY + timedelta(1), reason="holiday"
    )
    last = well(at("09:00", days=-1))
    assert first("missed_checkin", CHECKIN, last, of=home(suspensions=[pause])) == at("10:00", days=1)


def test_it_says_when_the_last_one_was() -> None:
    (finding,) = look(at("10:00"), CHECKIN, well(at("09:00", days=-1))).findings
    assert finding.evidence["text_zh"] == "到10:00没有报平安，上次在2026-11-21 09:00"
    assert finding.evidence["text_en"] == "No check-in by 10:00; the last was at 2026-11-21 09:00"


# the clock changes

SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


@pytest.mark.parametrize(
    ("day", "by", "due"),
    [
        # 02:00 to 03:00 does not exist: the instant of the change
        (SPRING, "02:30", datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        (SPRING, "03:00", datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        (SPRING, "10:00", datetime(2026, 3, 29, 8, 0, tzinfo=UTC)),
        # 02:00 to 03:00 comes twice: the first
        (AUTUMN, "02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (AUTUMN, "03:00", datetime(2026, 10, 25, 2, 0, tzinfo=UTC)),
        (AUTUMN, "10:00", datetime(2026, 10, 25, 9, 0, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("rule", ["not_up", "missed_checkin"])
def test_a_time_of_day_is_the_communitys_when_the_clock_changes(rule: str, day: date, by: str, due: datetime) -> None:
    given = plan(**{rule: {"by": by, "from": "00:30"}})
    new = home(registered_at=datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=6))
    assert check(new, given, HomeState(), due - timedelta(hours=1), BERLIN).next_check_at == due
    assert check(new, given, HomeState(), due - MICROSECOND, BERLIN).findings == ()
    assert found(check(new, given, HomeState(), due, BERLIN)) == [(rule, "")]


def test_a_watch_over_the_hour_that_comes_twice_is_an_hour_longer() -> None:
    given = plan(not_up={"by": "06:00", "from": "00:00"})
    new = home(registered_at=datetime(2026, 10, 24, tzinfo=UTC))
    lost = ((datetime(2026, 10, 25, 0, 0, tzinfo=UTC), datetime(2026, 10, 25, 2, 0, tzinfo=UTC)),)  # 02:00 to 03:00
    due = datetime(2026, 10, 25, 7, 0, tzinfo=UTC)  # 06:00, put off by two hours
    known = state(stirred(datetime(2026, 10, 24, 20, 0, tzinfo=UTC)))
    assert check(new, given, known, due - MICROSECOND, BERLIN, unwatched=lost).findings == ()
    assert found(check(new, given, known, due, BERLIN, unwatched=lost)) == [("not_up", "")]
