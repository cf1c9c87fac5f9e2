"""Which sensors an installer should look at."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import pytest

from lampkeep.domain.commissioning import Flaw, Inspection, Suspicion, described, inspect
from lampkeep.domain.home import Device, Home
from lampkeep.domain.home_state import Reading
from support.watched import DOOR, PENDANT, PIR, ZONE, at, device, home, reading

CUPBOARD = device("cupboard", "door", "kitchen")
SECOND = device("pir-002", "motion", "kitchen")
HOME = home(DOOR, PIR, CUPBOARD, PENDANT)
SECONDS = timedelta(seconds=1)


def found(readings: Iterable[Reading], of: Home = HOME) -> list[tuple[str, str]]:
    """Flaw and device of each suspicion."""
    return [(one.flaw.value, one.device.device_id) for one in inspect(in_order(readings), of, ZONE)]


def only(flaw: Flaw, readings: Iterable[Reading], of: Home = HOME) -> Suspicion:
    """The one suspicion of that kind."""
    (one,) = [one for one in inspect(in_order(readings), of, ZONE) if one.flaw is flaw]
    return one


def in_order(readings: Iterable[Reading]) -> list[Reading]:
    return sorted(readings, key=lambda one: one.at)


def moved(which: Device, when: datetime) -> list[Reading]:
    """Somebody opened a contact and closed it, or passed a movement sensor."""
    kind = which.kind.value
    return [reading(which.device_id, kind, when, on=True), reading(which.device_id, kind, when + 5 * SECONDS, on=False)]


def lived_in(
    days: int = 8, *, leaves_by: Device = DOOR, every: Iterable[Device] = (PIR, CUPBOARD)
) -> Iterator[Reading]:
    """Days with something every half hour, and an absence from 9 to 15 through `leaves_by`."""
    for day in range(days):
        for half_hour in range(48):
            when = at("00:00", days=day) + half_hour * timedelta(minutes=30)
            if not at("09:00", days=day) <= when < at("15:00", days=day):
                for n, which in enumerate(every):
                    yield from moved(which, when + n * timedelta(minutes=3))
        for clock in ("08:59:30", "15:00:30"):
            yield from moved(leaves_by, at(clock, days=day))


def test_a_home_in_which_every_sensor_does_its_work_gives_no_reason() -> None:
    assert found(lived_in()) == []


def test_a_sensor_that_said_nothing_never_fired() -> None:
    one = only(Flaw.NEVER_FIRED, lived_in(every=[PIR]))
    assert one.device == CUPBOARD
    assert "nothing at all" in str(one.evidence["text_en"])


def test_a_sensor_that_only_reports_its_level_and_battery_never_fired() -> None:
    reports = [
        said
        for day in range(8)
        for said in (
            reading("cupboard", "door", at("12:00", days=day), on=False),
            reading("cupboard", "battery", at("12:00", days=day), battery=90),
        )
    ]
    one = only(Flaw.NEVER_FIRED, [*lived_in(every=[PIR]), *reports])
    assert one.evidence["messages"] == 16


def test_a_pendant_that_nobody_pressed_is_no_sensor_that_never_fired() -> None:
    assert ("never_fired", PENDANT.device_id) not in found(lived_in(every=[]))


def test_a_new_sensor_is_given_time_where_the_caller_asks_for_it() -> None:
    inspection = Inspection(home(DOOR, PIR, device("new", "motion", registered_at=at("06:00", days=7))), ZONE)
    for said in in_order(lived_in()):
        inspection.hear(said)
    now = at("08:00", days=8)
    assert [one.flaw for one in inspection.suspicions(now)] == [Flaw.NEVER_FIRED]
    assert inspection.suspicions(now, tried_for=timedelta(days=2)) == ()


@pytest.mark.parametrize(("on_for", "is_stuck"), [(timedelta(hours=23), False), (timedelta(hours=25), True)])
def test_a_contact_that_is_on_for_longer_than_a_day_is_stuck(on_for: timedelta, *, is_stuck: bool) -> None:
    end = at("00:00", days=8)
    said = [*lived_in(every=[PIR]), *moved(CUPBOARD, at("10:00")), reading("cupboard", "door", end - on_for, on=True)]
    said.append(reading("pir-001", "motion", end, on=True))
    assert (("stuck_on", "cupboard") in found(said)) is is_stuck


def test_a_report_that_it_is_still_open_does_not_make_it_stuck_later() -> None:
    said = [*lived_in(every=[PIR]), *moved(CUPBOARD, at("10:00"))]
    said += [reading("cupboard", "door", at("10:00", days=day), on=True) for day in range(1, 8)]
    assert only(Flaw.STUCK_ON, said).evidence["since"] == "2026-11-23T02:00:00Z"


def test_a_movement_sensor_that_never_says_off_has_no_level_to_be_stuck_at() -> None:
    said = [one for one in lived_in() if one.type != "motion" or one.on]
    assert found(said) == []


def test_a_sensor_that_changes_more_than_500_times_a_day_chatters() -> None:
    minutes = (at("00:00") + n * timedelta(minutes=5) for n in range(8 * 288))
    said = [one for when in minutes for one in moved(CUPBOARD, when)]
    one = only(Flaw.CHATTERS, [*lived_in(every=[PIR]), *said])
    assert (one.device, one.evidence["changes_a_day"]) == (CUPBOARD, 576)


def test_a_sensor_that_says_most_of_what_a_busy_home_says_chatters_even_without_changes() -> None:
    repeats = [reading("cupboard", "door", at("00:00") + n * timedelta(minutes=5), on=False) for n in range(8 * 288)]
    one = only(Flaw.CHATTERS, [*lived_in(every=[PIR]), *repeats])
    assert one.evidence["messages_a_day"] == 288
    assert one.evidence["percent_of_messages"] == 79


def test_in_a_quiet_home_somebody_has_to_say_most() -> None:
    assert found(moved(DOOR, at("08:00")) + list(lived_in(every=[PIR])), home(DOOR, PIR)) == []


def test_two_sensors_that_always_fire_within_two_seconds_are_one() -> None:
    of = home(DOOR, PIR, SECOND)
    said = [*lived_in(every=[PIR])]
    echo = [reading("pir-002", "motion", one.at + 2 * SECONDS, on=one.on) for one in said if one.device_id == "pir-001"]
    one = only(Flaw.DUPLICATED, [*said, *echo], of)
    assert (one.device, one.other) == (SECOND, PIR)
    assert one.evidence["percent_together"] == 100


@pytest.mark.parametrize(("after", "share"), [(3 * SECONDS, 1.0), (1 * SECONDS, 0.8)])
def test_sensors_that_fire_near_one_another_or_mostly_together_are_two(after: timedelta, share: float) -> None:
    said = [*lived_in(every=[PIR])]
    ons = [one for one in said if one.device_id == "pir-001" and one.on]
    echo = [reading("pir-002", "motion", one.at + after, on=True) for one in ons[: int(len(ons) * share)]]
    assert found([*said, *echo], home(DOOR, PIR, SECOND)) == []


def test_a_sensor_beside_one_that_chatters_is_no_double_of_it() -> None:
    many = [reading("pir-002", "motion", at("00:00") + n * 2 * SECONDS, on=True) for n in range(40_000)]
    assert found([*lived_in(1, every=[PIR]), *many], home(DOOR, PIR, SECOND)) == [("chatters", "pir-002")]


def test_fewer_than_twenty_events_together_are_chance() -> None:
    said = [*moved(PIR, at("08:00")), *moved(SECOND, at("08:00"))]
    assert found(said, home(PIR, SECOND)) == []


def test_an_entrance_that_does_not_precede_the_absences_while_another_contact_does_is_mislabelled() -> None:
    one = only(Flaw.MISLABELLED, lived_in(leaves_by=CUPBOARD, every=[PIR, DOOR]))
    assert (one.device, one.other) == (DOOR, CUPBOARD)
    assert one.evidence["absences"] == 8
    assert one.evidence["of_the_other"] == 8
    assert one.evidence["text"] == one.evidence["text_zh"]
    assert "cupboard (kitchen)" in str(one.evidence["text_en"])


def test_a_home_that_is_left_by_a_contact_and_has_no_entrance_is_told_of_it() -> None:
    of = home(PIR, CUPBOARD)
    one = only(Flaw.MISLABELLED, lived_in(leaves_by=CUPBOARD, every=[PIR]), of)
    assert (one.device, one.other) == (CUPBOARD, None)


def test_a_back_door_that_nobody_leaves_by_is_no_wrong_label() -> None:
    back = device("back-door", "door", "entrance")
    said = [*lived_in(), *(one for day in range(8) for one in moved(back, at("18:10", days=day)))]
    assert found(said, home(DOOR, back, PIR, CUPBOARD)) == []


def test_long_silences_by_night_say_nothing_of_an_entrance() -> None:
    said = [
        one
        for day in range(8)
        for clock in ("07:30", "10:30", "13:30", "16:30", "19:30", "22:30")
        for which in (PIR, CUPBOARD)
        for one in moved(which, at(clock, days=day))
    ]
    assert found([*said, *moved(DOOR, at("12:00")), *moved(DOOR, at("12:30"))]) == []


def test_four_absences_are_too_few_to_tell() -> None:
    assert found(lived_in(4, leaves_by=CUPBOARD, every=[PIR, DOOR])) == []


def test_a_sensor_that_speaks_as_another_kind_is_mislabelled() -> None:
    wrong = device("pir-001", "door", "bathroom")
    one = only(Flaw.MISLABELLED, lived_in(), home(DOOR, wrong, CUPBOARD))
    assert (one.device, one.evidence["speaks_as"]) == (wrong, "motion")


def test_strangers_are_passed_over() -> None:
    assert found([*lived_in(), *moved(SECOND, at("12:00"))]) == []


def test_a_home_that_said_nothing_is_not_judged() -> None:
    assert found([]) == []


def test_memory_does_not_grow_with_time() -> None:
    inspection = Inspection(HOME, ZONE)

    def kept() -> int:
        return len(inspection._event_at) + len(inspection._together) + len(inspection._counted_at)

    said = in_order(lived_in(20))
    for one in said[: len(said) // 2]:
        inspection.hear(one)
    half = kept()
    for one in said[len(said) // 2 :]:
        inspection.hear(one)
    assert kept() == half


def test_a_suspicion_reads_the_same_in_json() -> None:
    one = only(Flaw.MISLABELLED, lived_in(leaves_by=CUPBOARD, every=[PIR, DOOR]))
    assert described(one, "home-001") == {
        "home": "home-001",
        "flaw": "mislabelled",
        "device": "door-001",
        "kind": "door",
        "place": "entrance",
        "other": "cupboard",
        "evidence": one.evidence,
    }
