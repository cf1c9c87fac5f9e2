"""Overstay: in the bathroom, and nowhere else since."""

from datetime import timedelta

from lampkeep.domain.home import Suspension
from lampkeep.domain.home_state import Reading
from lampkeep.domain.rules import wake_at
from support.watched import DAY, PIR, at, device, door, every, first, found, home, look, only, plan, reading, stirred

MICROSECOND = timedelta(microseconds=1)
HOUR = plan(overstay={"for": "1h"})
SINK = device("pir-003", "motion", "bathroom")
KITCHEN = device("pir-002", "motion", "kitchen")
BATH_DOOR = device("door-009", "door", "bathroom")
ROOMS = home(PIR, SINK, KITCHEN, BATH_DOOR, device("pendant-001", "pendant"), device("door-001", "door", "entrance"))


def kitchen(clock: str) -> Reading:
    return reading("pir-002", "motion", at(clock), on=True)


def test_it_fires_an_hour_after_somebody_went_in_and_not_a_microsecond_before() -> None:
    assert first("overstay", HOUR, kitchen("10:00"), stirred(at("10:10")), of=ROOMS) == at("11:10")


def test_moving_about_in_there_does_not_put_it_off() -> None:
    about = [stirred(at("10:10") + timedelta(minutes=10 * n)) for n in range(9)]
    sink = reading("pir-003", "motion", at("10:40"), on=True)
    assert first("overstay", HOUR, kitchen("10:00"), *about, sink, of=ROOMS) == at("11:10")


def test_it_counts_from_the_first_movement_in_there_by_any_sensor() -> None:
    entered = [reading("door-009", "door", at("10:09"), on=True), stirred(at("10:10"))]
    assert only(look(at("11:09"), HOUR, kitchen("10:00"), *entered, of=ROOMS)).since == at("10:09")


def test_activity_elsewhere_ends_it_and_the_next_stay_is_a_new_one() -> None:
    told = [kitchen("10:00"), stirred(at("10:10")), kitchen("11:30"), stirred(at("12:00"))]
    assert every("overstay", HOUR, *told, of=ROOMS, until=at("20:00")) == [at("11:10"), at("13:00")]


def test_somebody_elsewhere_in_time_is_no_overstay() -> None:
    assert every("overstay", HOUR, stirred(at("10:10")), kitchen("11:09:59"), of=ROOMS, until=at("20:00")) == []


def test_the_front_door_and_a_press_are_elsewhere() -> None:
    assert look(at("11:10"), HOUR, stirred(at("10:10")), door(at("11:00"), open_=True)).findings == ()
    assert look(at("11:10"), HOUR, stirred(at("10:10")), reading("pendant-001", "checkin", at("11:00"))).findings == ()
    assert look(at("11:10"), HOUR, stirred(at("10:10")), pressed_at=at("11:00")).findings == ()


def test_an_end_of_movement_elsewhere_is_not() -> None:
    ended = reading("pir-002", "motion", at("10:30"), on=False)
    assert found(look(at("11:10"), HOUR, stirred(at("10:10")), ended, of=ROOMS)) == [("overstay", "")]


def test_other_places_are_the_plans_to_name() -> None:
    either = plan(overstay={"for": "2h", "places": ["bathroom", "kitchen"]})
    assert first("overstay", either, kitchen("10:00"), stirred(at("10:10")), of=ROOMS) == at("12:00")


def test_time_that_we_did_not_watch_or_could_not_see_is_left_out() -> None:
    there = stirred(at("10:10"))
    assert first("overstay", HOUR, there, unwatched=((at("10:30"), at("12:00")),)) == at("12:40")
    lost = [reading("pir-001", "online", at(when), on=on) for when, on in (("10:30", False), ("12:00", True))]
    assert first("overstay", HOUR, there, *lost, of=home(PIR)) == at("12:40")


def test_it_is_left_out_though_somebody_moved_in_there_since() -> None:
    there = [stirred(at("10:10")), stirred(at("12:05"))]
    assert first("overstay", HOUR, *there, unwatched=((at("10:30"), at("12:00")),)) == at("12:40")


def test_in_a_home_that_cannot_be_seen_nothing_is_found() -> None:
    lost = reading("pir-001", "online", at("10:30"), on=False)
    assert every("overstay", HOUR, stirred(at("10:10")), lost, of=home(PIR), until=at("20:00")) == []


def test_a_stay_that_began_in_a_suspension_counts_from_its_end() -> None:
    rest = Suspension(rules=frozenset({"overstay"}), from_day=DAY - timedelta(days=2), until_day=DAY, reason="hospital")
    assert first("overstay", HOUR, stirred(at("23:50", days=-1)), of=home(suspensions=[rest])) == at("01:00")


def test_coming_in_wakes_the_rule_and_an_end_of_movement_does_not() -> None:
    assert wake_at(stirred(at("10:10")), PIR, HOUR) == at("11:10")
    assert wake_at(reading("pir-001", "motion", at("10:10"), on=False), PIR, HOUR) is None
    assert wake_at(kitchen("10:10"), KITCHEN, HOUR) is None
    assert wake_at(reading("door-009", "door", at("10:10"), on=False), BATH_DOOR, HOUR) == at("11:10")


def test_it_says_where_and_since_when() -> None:
    finding = only(look(at("11:10"), HOUR, stirred(at("10:10"))))
    assert finding.evidence["text_zh"] == "自10:10进入卫生间，1小时没有在别处活动"
    assert finding.evidence["text_en"] == "In the bathroom since 10:10, and nowhere else for 1 h"
