"""When a resident was awake and at home, in hindsight."""

from collections.abc import Iterable
from datetime import datetime

from lampkeep.domain.home_state import Reading
from lampkeep.replay.lines import Urgent
from lampkeep.replay.waking import Waking
from support.watched import ZONE, at, door, home, reading, stirred


def hours(*heard: Reading | tuple[datetime, Urgent]) -> list[tuple[datetime, datetime]]:
    waking = Waking([home()], ZONE)
    for one in heard:
        if isinstance(one, Reading):
            waking.hear(one.at, one)
        else:
            waking.hear(*one)
    return waking.hours.get("home-001", [])


def stirs(clocks: Iterable[str]) -> list[Reading]:
    return [stirred(at(clock)) for clock in clocks]


def test_stretches_that_follow_each_other_are_one_span() -> None:
    assert hours(*stirs(["08:00", "09:00", "10:59"])) == [(at("08:00"), at("10:59"))]


def test_a_stretch_of_more_than_two_hours_does_not_count() -> None:
    assert hours(*stirs(["08:00", "10:00:01", "11:00"])) == [(at("10:00:01"), at("11:00"))]


def test_only_what_lies_between_7_and_22_counts() -> None:
    assert hours(*stirs(["06:30", "07:30"])) == [(at("07:00"), at("07:30"))]
    assert hours(*stirs(["21:30", "22:30"])) == [(at("21:30"), at("22:00"))]
    assert hours(*stirs(["23:00", "23:30"])) == []


def test_who_goes_out_by_the_door_and_comes_back_by_it_is_not_at_home() -> None:
    outing = [door(at("08:30"), open_=True), door(at("08:31"), open_=False), door(at("09:30"), open_=True)]
    assert hours(stirred(at("08:00")), *outing, stirred(at("09:35"))) == [
        (at("08:00"), at("08:30")),
        (at("09:30"), at("09:35")),
    ]


def test_what_is_no_activity_neither_begins_nor_ends_a_stretch() -> None:
    idle = [
        reading("pir-001", "motion", at("08:30"), on=False),
        reading("pir-001", "heartbeat", at("08:40")),
        reading("pir-009", "motion", at("08:50"), on=True),
    ]
    assert hours(stirred(at("08:00")), *idle, stirred(at("10:30"))) == []


def test_an_unchanged_report_is_no_activity_and_a_changed_level_is() -> None:
    bed = [reading("bed-001", "presence", at(clock), on=on) for clock, on in (("08:00", True), ("09:30", True))]
    assert hours(*bed, stirred(at("10:30"))) == []
    assert hours(*bed, reading("bed-001", "presence", at("09:40"), on=False)) == [(at("08:00"), at("09:40"))]


def test_a_press_is_activity_and_smoke_is_not() -> None:
    def urgent(type_: str) -> tuple[datetime, Urgent]:
        return at("09:00"), Urgent(device_id="pendant-001", type=type_, content={})

    assert hours(stirred(at("08:00")), urgent("sos")) == [(at("08:00"), at("09:00"))]
    assert hours(stirred(at("08:00")), urgent("smoke")) == []
