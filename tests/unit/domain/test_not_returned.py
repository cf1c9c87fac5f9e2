"""Not returned: away for too long, or still away at a time of day."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lampkeep.domain.home import Suspension
from lampkeep.domain.home_state import Reading
from lampkeep.domain.rules import check, wake_at
from support.watched import DAY, DOOR, at, door, every, first, found, home, look, only, plan, reading, state, stirred

MICROSECOND = timedelta(microseconds=1)
LATE = plan(not_returned={"after": "12h"})
EVENING = plan(not_returned={"by": "21:00"})


def left(when: datetime) -> list[Reading]:
    """Somebody stirs, and goes out by the front door, which is closed at `when`."""
    return [
        stirred(when - timedelta(minutes=5)),
        door(when - timedelta(seconds=20), open_=True),
        door(when, open_=False),
    ]


def test_it_fires_when_they_have_been_away_for_so_long_and_not_a_microsecond_before() -> None:
    assert every("not_returned", LATE, *left(at("08:00")), until=at("08:00", days=4)) == [at("20:00")]


def test_anything_inside_ends_it() -> None:
    assert every("not_returned", LATE, *left(at("08:00")), stirred(at("19:59:59")), until=at("08:00", days=4)) == []
    assert look(at("20:10"), LATE, *left(at("08:00")), stirred(at("20:05"))).findings == ()


def test_the_next_outing_is_a_new_one() -> None:
    days = [*left(at("08:00")), stirred(at("22:00")), *left(at("07:00", days=1))]
    assert every("not_returned", LATE, *days, until=at("08:00", days=4)) == [at("20:00"), at("19:00", days=1)]


def test_a_door_that_moves_again_while_nobody_is_in_starts_the_clock_anew() -> None:
    assert first("not_returned", LATE, *left(at("08:00")), door(at("12:00"), open_=True)) == at("00:00", days=1)


def test_a_visitor_who_leaves_is_no_outing() -> None:
    asleep = reading("bed-001", "presence", at("07:00"), on=True)
    assert every("not_returned", LATE, asleep, door(at("08:00"), open_=True), until=at("08:00", days=4)) == []


def test_by_a_time_of_day_they_must_be_back() -> None:
    assert every("not_returned", EVENING, *left(at("14:00")), until=at("12:00", days=4)) == [at("21:00")]
    assert look(at("21:00"), EVENING, *left(at("14:00")), stirred(at("20:59"))).findings == ()


def test_who_leaves_at_or_after_that_time_has_until_the_next_day() -> None:
    assert first("not_returned", EVENING, *left(at("21:00"))) == at("21:00", days=1)
    assert first("not_returned", EVENING, *left(at("21:00") - MICROSECOND)) == at("21:05") - MICROSECOND


def test_who_leaves_just_before_that_time_is_away_only_when_that_has_settled() -> None:
    assert first("not_returned", EVENING, *left(at("20:58"))) == at("21:03")


def test_midnight_is_the_beginning_of_the_next_day() -> None:
    midnight = plan(not_returned={"by": "00:00"})
    assert first("not_returned", midnight, *left(at("14:00"))) == at("00:00", days=1)
    assert first("not_returned", midnight, *left(at("00:00", days=1))) == at("00:00", days=2)


def test_of_both_the_earlier_holds() -> None:
    both = plan(not_returned={"after": "12h", "by": "21:00"})
    assert first("not_returned", both, *left(at("08:00"))) == at("20:00")
    assert first("not_returned", both, *left(at("14:00"))) == at("21:00")


def test_time_that_we_did_not_watch_is_left_out() -> None:
    assert first("not_returned", LATE, *left(at("08:00")), unwatched=((at("12:00"), at("15:00")),)) == at("23:00")
    assert first("not_returned", EVENING, *left(at("14:00")), unwatched=((at("20:00"), at("22:00")),)) == at("23:00")


def test_the_clock_begins_anew_after_a_suspension() -> None:
    rest = Suspension(
        rules=frozenset({"not_returned"}), from_day=DAY, until_day=DAY + timedelta(days=2), reason="holiday"
    )
    of = home(suspensions=[rest])
    assert first("not_returned", LATE, *left(at("08:00")), of=of) == at("12:00", days=2)
    assert first("not_returned", EVENING, *left(at("08:00")), of=of) == at("21:00", days=2)


def test_a_movement_of_the_door_wakes_the_rule() -> None:
    assert wake_at(door(at("08:00"), open_=False), DOOR, LATE) == at("20:00")
    assert wake_at(door(at("08:00"), open_=False), DOOR, EVENING) is None
    assert look(at("07:00"), EVENING, stirred(at("06:00"))).next_check_at <= at("21:00")


def test_it_says_since_when_and_by_which_door() -> None:
    finding = only(look(at("20:00"), LATE, *left(at("08:00"))))
    assert finding.evidence["text_zh"] == "自08:00从大门（door-001）外出，12小时未归"
    assert finding.evidence["text_en"] == "Out since 08:00 by door-001 (entrance), not back after 12 h"
    assert finding.evidence["verdict"] == "away"


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("by", "left_at", "due"),
    [
        # 29 March has no 02:30: the instant of the change
        ("02:30", datetime(2026, 3, 28, 20, 0, tzinfo=UTC), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        ("21:00", datetime(2026, 3, 28, 20, 30, tzinfo=UTC), datetime(2026, 3, 29, 19, 0, tzinfo=UTC)),
        # 25 October has it twice: its first coming, and who leaves after that has until the next day
        ("02:30", datetime(2026, 10, 24, 20, 0, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("02:30", datetime(2026, 10, 25, 0, 45, tzinfo=UTC), datetime(2026, 10, 26, 1, 30, tzinfo=UTC)),
        ("21:00", datetime(2026, 10, 24, 19, 30, tzinfo=UTC), datetime(2026, 10, 25, 20, 0, tzinfo=UTC)),
    ],
)
def test_the_time_is_the_communitys_when_the_clock_changes(by: str, left_at: datetime, due: datetime) -> None:
    given, known = plan(not_returned={"by": by}), state(*left(left_at))
    assert check(home(), given, known, due - timedelta(minutes=1), BERLIN).next_check_at == due
    assert check(home(), given, known, due - MICROSECOND, BERLIN).findings == ()
    assert found(check(home(), given, known, due, BERLIN)) == [("not_returned", "")]


def test_hours_are_hours_that_pass_also_when_the_clock_changes() -> None:
    left_at = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)  # 21:00 in Berlin
    known, due = state(*left(left_at)), datetime(2026, 3, 29, 8, 0, tzinfo=UTC)  # 10:00
    assert check(home(), LATE, known, due - MICROSECOND, BERLIN).findings == ()
    assert found(check(home(), LATE, known, due, BERLIN)) == [("not_returned", "")]
