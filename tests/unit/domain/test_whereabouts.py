"""Where the resident seems to be: away, at rest, about."""

from datetime import datetime, timedelta

import pytest

from lampkeep.domain.home import Device
from lampkeep.domain.home_state import Reading
from lampkeep.domain.whereabouts import ABOUT, Away, Place, Whereabouts, whereabouts
from support.watched import BED, DOOR, PENDANT, PIR, at, device, door, reading, state, stirred

MICROSECOND = timedelta(microseconds=1)
SOFA = device("sofa-001", "presence", "living-room")
OTHER_MAT = device("bed-002", "presence", "bedroom")
BEDROOM = device("pir-002", "motion", "bedroom")
BACK_DOOR = device("door-002", "door", "entrance")
CUPBOARD = device("cupboard-001", "door", "kitchen")
DEVICES = (DOOR, PIR, BED, PENDANT, SOFA, OTHER_MAT, BEDROOM, BACK_DOOR, CUPBOARD)

FIVE_MINUTES = Away()


def where(
    when: datetime,
    *readings: Reading,
    of: tuple[Device, ...] = DEVICES,
    away: Away = FIVE_MINUTES,
    pressed_at: datetime | None = None,
) -> Whereabouts:
    return whereabouts({one.device_id: one for one in of}, state(*readings, pressed_at=pressed_at), when, away)


def bed(when: datetime, *, taken: bool, device_id: str = "bed-001") -> Reading:
    return reading(device_id, "presence", when, on=taken)


LEFT = [stirred(at("08:00")), door(at("08:10"), open_=True), door(at("08:11"), open_=False)]
ASLEEP = [stirred(at("21:00")), bed(at("22:00"), taken=True)]


def test_somebody_of_whom_nothing_is_known_is_about() -> None:
    assert where(at("08:00")) == ABOUT


def test_after_a_door_and_nothing_inside_for_the_time_to_settle_the_resident_is_away() -> None:
    assert where(at("08:16") - MICROSECOND, *LEFT).place is Place.LEAVING
    assert where(at("08:16"), *LEFT) == Whereabouts(
        place=Place.AWAY, since=at("08:11"), device=DOOR, settled_at=at("08:16")
    )


def test_the_time_to_settle_is_that_of_the_plan() -> None:
    slow = Away(settle=timedelta(minutes=20))
    assert where(at("08:31") - MICROSECOND, *LEFT, away=slow).place is Place.LEAVING
    assert where(at("08:31"), *LEFT, away=slow).place is Place.AWAY


def test_a_door_that_closes_by_itself_after_they_came_in_is_no_leaving() -> None:
    back = [door(at("17:00"), open_=True), door(at("17:00:20"), open_=False), stirred(at("17:01"))]
    assert where(at("20:00"), *LEFT, *back) == ABOUT


def test_a_movement_just_after_the_door_has_closed_by_itself_settles_that_they_are_home() -> None:
    late = [door(at("17:00"), open_=True), stirred(at("17:01")), door(at("17:02"), open_=False)]
    assert where(at("17:03"), *LEFT, *late).place is Place.LEAVING
    assert where(at("17:08"), *LEFT, *late, stirred(at("17:06:59"))) == ABOUT


def test_an_open_door_is_not_needed_and_a_repeated_report_moves_nothing() -> None:
    repeats = [door(at("08:11") + n * timedelta(minutes=10), open_=False) for n in range(1, 20)]
    assert where(at("12:00"), *LEFT, *repeats).since == at("08:11")


def test_a_visitor_who_leaves_while_the_bed_is_taken_does_not_take_the_resident_along() -> None:
    visitor = [door(at("23:00"), open_=True), door(at("23:01"), open_=False)]
    seen = where(at("23:30"), *ASLEEP, *visitor)
    assert (seen.place, seen.device, seen.since) == (Place.AT_REST, BED, at("22:00"))


def test_a_bed_that_was_left_before_the_door_holds_nobody() -> None:
    seen = where(at("08:30"), *ASLEEP, bed(at("07:50", days=1), taken=False))
    assert seen == ABOUT
    gone = [bed(at("07:50"), taken=True), bed(at("08:00"), taken=False), door(at("08:11"), open_=False)]
    assert where(at("08:30"), *gone).place is Place.AWAY


def test_a_second_resident_who_stirs_means_that_somebody_is_home() -> None:
    assert where(at("12:00"), *LEFT, stirred(at("11:00"))) == ABOUT


def test_activity_inside_at_the_same_instant_as_the_door_means_home() -> None:
    assert where(at("12:00"), *LEFT, stirred(at("08:11"))) == ABOUT
    assert where(at("12:00"), *LEFT, stirred(at("08:11") - MICROSECOND)).place is Place.AWAY


@pytest.mark.parametrize(
    "inside",
    [
        reading("cupboard-001", "door", at("09:00"), on=True),
        reading("pendant-001", "checkin", at("09:00"), on=True),
        reading("pendant-001", "prompt_answer", at("09:00"), on=True),
        bed(at("09:00"), taken=False),
    ],
)
def test_anything_inside_that_is_activity_means_home(inside: Reading) -> None:
    assert where(at("12:00"), *LEFT, inside) == ABOUT


def test_a_press_of_the_sos_button_means_home() -> None:
    assert where(at("12:00"), *LEFT, pressed_at=at("09:00")) == ABOUT


@pytest.mark.parametrize("type_", ["heartbeat", "battery", "tamper", "online"])
def test_a_sign_of_life_of_a_device_does_not(type_: str) -> None:
    assert where(at("12:00"), *LEFT, reading("pir-001", type_, at("09:00"), on=False)).place is Place.AWAY


def test_the_end_of_a_movement_does_not() -> None:
    assert where(at("12:00"), *LEFT, reading("pir-001", "motion", at("08:12"), on=False)).place is Place.AWAY


def test_the_door_that_moved_last_says_since_when() -> None:
    seen = where(at("12:00"), *LEFT, reading("door-002", "door", at("08:14"), on=True))
    assert (seen.since, seen.device) == (at("08:14"), BACK_DOOR)


def test_a_contact_elsewhere_is_no_way_out() -> None:
    opened = reading("cupboard-001", "door", at("08:30"), on=True)
    assert where(at("12:00"), stirred(at("08:00")), opened) == ABOUT


def test_a_movement_sensor_at_the_entrance_is_inside() -> None:
    hall = device("pir-003", "motion", "entrance")
    assert where(at("12:00"), *LEFT, reading("pir-003", "motion", at("08:12"), on=True), of=(*DEVICES, hall)) == ABOUT


# at rest


def test_a_bed_that_is_taken_is_rest_from_when_it_was_taken() -> None:
    repeats = [bed(at("22:00") + n * timedelta(minutes=30), taken=True) for n in range(1, 9)]
    seen = where(at("03:00", days=1), *ASLEEP, *repeats)
    assert seen == Whereabouts(place=Place.AT_REST, since=at("22:00"), device=BED)


def test_a_chair_is_rest_too_and_the_newest_says_since_when() -> None:
    seen = where(at("23:00"), bed(at("21:00"), taken=True, device_id="bed-002"), *ASLEEP)
    assert seen.since == at("22:00")
    assert where(at("23:00"), bed(at("22:00"), taken=True, device_id="sofa-001")).device == SOFA


def test_getting_up_ends_it() -> None:
    assert where(at("08:00", days=1), *ASLEEP, bed(at("07:00", days=1), taken=False)) == ABOUT


def test_activity_elsewhere_ends_it_though_the_bed_says_taken() -> None:
    assert where(at("23:00"), *ASLEEP, stirred(at("22:30"))) == ABOUT
    assert where(at("23:00"), *ASLEEP, pressed_at=at("22:30")) == ABOUT


def test_a_movement_sensor_beside_the_bed_ends_it_too() -> None:
    assert where(at("23:00"), *ASLEEP, reading("pir-002", "motion", at("22:30"), on=True)) == ABOUT


def test_activity_elsewhere_at_the_same_instant_does_not() -> None:
    assert where(at("23:00"), *ASLEEP, stirred(at("22:00"))).place is Place.AT_REST


def test_the_mats_of_one_place_are_one_bed() -> None:
    turned = bed(at("02:00", days=1), taken=True, device_id="bed-002")
    assert where(at("03:00", days=1), *ASLEEP, turned).since == at("02:00", days=1)
    back = bed(at("02:10", days=1), taken=False, device_id="bed-002")
    seen = where(at("03:00", days=1), *ASLEEP, turned, back)
    assert (seen.place, seen.device, seen.since) == (Place.AT_REST, BED, at("22:00"))


def test_a_chair_that_was_left_after_the_bed_was_taken_is_somebody_elsewhere() -> None:
    chair = [bed(at("21:30"), taken=True, device_id="sofa-001"), bed(at("22:30"), taken=False, device_id="sofa-001")]
    assert where(at("23:00"), *ASLEEP, *chair) == ABOUT


def test_who_stirs_elsewhere_and_lies_down_again_rests_from_then() -> None:
    again = [
        bed(at("02:00", days=1), taken=False),
        stirred(at("02:02", days=1)),
        bed(at("02:10", days=1), taken=True),
    ]
    assert where(at("03:00", days=1), *ASLEEP, *again).since == at("02:10", days=1)


def test_the_door_then_the_bed_is_rest_not_leaving() -> None:
    home_late = [door(at("23:00"), open_=True), door(at("23:01"), open_=False), bed(at("23:10"), taken=True)]
    assert where(at("03:00", days=1), *home_late).place is Place.AT_REST


def test_a_bed_that_was_taken_before_somebody_stirred_elsewhere_keeps_nobody_home() -> None:
    gone = [stirred(at("07:00", days=1)), door(at("07:10", days=1), open_=True)]
    assert where(at("08:00", days=1), *ASLEEP, *gone).place is Place.AWAY
