"""Which sensors of a home work, and whether it can be seen."""

from datetime import datetime, timedelta

import pytest

from lampkeep.domain.beats import beat_of
from lampkeep.domain.home import Device
from lampkeep.domain.home_state import KEEP, STRETCH, Reading
from lampkeep.domain.sight import Sight, Why, look_around
from lampkeep.domain.spans import FOREVER
from support.watched import (
    DOOR,
    PENDANT,
    PIR,
    at,
    device,
    every,
    first,
    found,
    home,
    look,
    plan,
    reading,
    state,
    stirred,
)

MICROSECOND = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
KITCHEN = device("pir-002", "motion", "kitchen")
BEATING = device("pir-001", "motion", "bathroom", heartbeat_every=timedelta(minutes=30))
GATEWAY = device("gw-001", "gateway")
BEHIND = device("pir-001", "motion", "bathroom", account="gw-001")
FOUR = plan(inactivity={"day": "4h", "day_hours": "00:00-24:00"})


def sight(when: datetime, *readings: Reading, of: tuple[Device, ...] = (PIR,), **more: timedelta) -> Sight:
    """How `of` can be seen after `readings`."""
    return look_around({one.device_id: one for one in of}, state(*readings), when, **more)


def whys(seen: Sight) -> list[tuple[str, str, datetime]]:
    return [(one.device.device_id, one.why.value, one.since) for one in seen.blind]


def online(device_id: str, when: datetime, *, on: bool) -> Reading:
    return reading(device_id, "online", when, on=on)


def beats(until: datetime, *, days: int, apart: timedelta = HOUR, device_id: str = "pir-001") -> list[Reading]:
    """Heartbeats for `days`, the last one at `until`."""
    return [reading(device_id, "heartbeat", until - n * apart) for n in range(timedelta(days=days) // apart + 1)]


# reasons


def test_a_home_whose_sensors_said_nothing_wrong_can_be_seen() -> None:
    seen = sight(at("12:00", days=300), stirred(at("10:00")))
    assert (seen.since, seen.blind, seen.unseen, seen.lost_at) == (None, (), (), None)


def test_the_last_will_of_a_gateway_blinds_what_is_behind_it() -> None:
    beside = device("pir-002", "motion", "kitchen")
    seen = sight(at("10:00"), online("gw-001", at("10:00"), on=False), of=(GATEWAY, BEHIND, beside))
    assert whys(seen) == [("pir-001", "gateway_offline", at("10:00"))]
    assert seen.since is None


def test_a_home_behind_a_gateway_that_is_gone_is_lost_by_the_gateway() -> None:
    seen = sight(at("10:00"), online("gw-001", at("10:00"), on=False), of=(GATEWAY, BEHIND))
    assert seen.since == at("10:00")
    assert seen.by_gateway


@pytest.mark.parametrize("back", [online("gw-001", at("11:00"), on=True), stirred(at("11:00"))])
def test_a_gateway_or_a_sensor_that_speaks_again_ends_it_and_the_time_is_kept(back: Reading) -> None:
    seen = sight(at("12:00"), online("gw-001", at("10:00"), on=False), back, of=(GATEWAY, BEHIND))
    assert seen.since is None
    assert seen.blind == ()
    assert seen.unseen == ((at("10:00"), at("11:00")),)


def test_a_sensor_that_is_said_to_be_offline_is_blind_but_not_by_a_gateway() -> None:
    seen = sight(at("10:00"), online("pir-001", at("10:00"), on=False))
    assert whys(seen) == [("pir-001", "offline", at("10:00"))]
    assert seen.since == at("10:00")
    assert not seen.by_gateway


def test_three_beats_that_were_promised_and_missed_blind_a_sensor_since_its_last_sign_of_life() -> None:
    heard = [reading("pir-001", "heartbeat", at("09:30")), stirred(at("10:00"))]
    before = sight(at("11:30") - MICROSECOND, *heard, of=(BEATING,))
    assert before.since is None
    assert (before.lost_since, before.lost_at) == (at("10:00"), at("11:30"))
    seen = sight(at("11:30"), *heard, of=(BEATING,))
    assert whys(seen) == [("pir-001", "missed_beats", at("10:00"))]
    assert seen.since == at("10:00")


def test_a_hole_of_more_than_three_beats_is_kept_as_time_not_seen() -> None:
    heard = [reading("pir-001", "heartbeat", at(when)) for when in ("10:00", "12:00", "13:30", "14:30")]
    assert sight(at("15:00"), *heard, of=(BEATING,)).unseen == (
        (BEATING.registered_at, at("10:00")),
        (at("10:00"), at("12:00")),
    )


def test_an_empty_battery_blinds_until_the_sensor_speaks_again() -> None:
    empty = reading("pir-001", "battery", at("10:00"), battery=0)
    assert whys(sight(at("10:00"), empty)) == [("pir-001", "dead_battery", at("10:00"))]
    assert sight(at("10:05"), empty, stirred(at("10:01"))).blind == ()
    assert sight(at("10:05"), reading("pir-001", "battery", at("10:00"), battery=1)).blind == ()


def test_a_sensor_that_is_tampered_with_is_blind_until_it_is_mended() -> None:
    open_ = reading("pir-001", "tamper", at("10:00"), on=True)
    assert whys(sight(at("10:00"), open_)) == [("pir-001", "tampered", at("10:00"))]
    assert sight(at("10:05"), open_, stirred(at("10:01"))).since == at("10:00")
    mended = sight(at("12:00"), open_, reading("pir-001", "tamper", at("11:00"), on=False))
    assert (mended.since, mended.unseen) == (None, ((at("10:00"), at("11:00")),))


@pytest.mark.parametrize(("kind", "type_"), [("motion", "motion"), ("door", "door")])
def test_a_movement_sensor_or_contact_that_is_on_for_too_long_is_blind_from_then(kind: str, type_: str) -> None:
    one = device("pir-001", kind, "kitchen")
    levels = [reading("pir-001", type_, at("09:00"), on=False), reading("pir-001", type_, at("10:00"), on=True)]
    before = sight(at("10:00", days=1) - MICROSECOND, *levels, of=(one,))
    assert (before.since, before.lost_at) == (None, at("10:00", days=1))
    assert whys(sight(at("10:00", days=1), *levels, of=(one,))) == [("pir-001", "stuck_on", at("10:00", days=1))]
    assert whys(sight(at("11:00"), *levels, of=(one,), stuck_after=HOUR)) == [("pir-001", "stuck_on", at("11:00"))]


def test_a_bed_that_is_taken_for_days_is_not_stuck() -> None:
    bed = device("bed-001", "presence", "bedroom")
    taken = [reading("bed-001", "presence", at(when), on=on) for when, on in (("09:00", False), ("10:00", True))]
    assert sight(at("10:00", days=9), *taken, of=(bed,)).blind == ()


def test_a_movement_sensor_that_never_says_off_is_not_stuck() -> None:
    assert sight(at("10:00", days=9), stirred(at("10:00")), stirred(at("10:10"))).blind == ()


def test_a_stuck_movement_sensor_that_repeats_itself_hides_no_collapse() -> None:
    other = reading("pir-002", "motion", at("10:00"), on=True)
    quiet = [reading("bed-001", "presence", at("09:00"), on=False), reading("pir-001", "motion", at("09:59"), on=False)]
    repeats = [stirred(at("10:00") + n * timedelta(minutes=10)) for n in range(6 * 48)]
    of = home(PIR, KITCHEN, device("bed-001", "presence", "bedroom"))
    assert first("inactivity", FOUR, other, *quiet, *repeats, of=of) <= at("14:00", days=1)
    assert len(every("inactivity", FOUR, other, *quiet, *repeats, of=of, until=at("09:00", days=2))) == 1


def test_the_only_sensor_stuck_on_is_a_reason_to_knock() -> None:
    before = [stirred(at("09:58")), reading("pir-001", "motion", at("09:59"), on=False)]
    repeats = [stirred(at("10:00") + n * timedelta(minutes=10)) for n in range(6 * 48)]
    assert at("10:00", days=1) < first("inactivity", FOUR, *before, *repeats, of=home(PIR)) <= at("14:00", days=1)


# beats that were learned


def test_three_days_of_regular_heartbeats_teach_a_beat() -> None:
    regular = beats(at("08:00"), days=3)
    assert beat_of(PIR, state(*regular)) == HOUR
    assert sight(at("11:00") - MICROSECOND, *regular).since is None
    assert whys(sight(at("11:00"), *regular)) == [("pir-001", "missed_beats", at("08:00"))]


def test_two_days_of_heartbeats_teach_nothing() -> None:
    assert beat_of(PIR, state(*beats(at("08:00"), days=2))) is None
    assert sight(at("08:00", days=9), *beats(at("08:00"), days=2)).blind == ()


def test_a_declared_beat_goes_before_a_learned_one() -> None:
    assert beat_of(BEATING, state(*beats(at("08:00"), days=3))) == timedelta(minutes=30)


def test_heartbeats_with_a_hole_of_hours_are_not_regular() -> None:
    holed = [one for one in beats(at("08:00"), days=4) if not at("08:00", days=-2) < one.at < at("15:00", days=-2)]
    assert beat_of(PIR, state(*holed)) is None


def test_a_hole_among_the_newest_heartbeats_is_taken_for_the_beat() -> None:
    holed = [one for one in beats(at("08:00"), days=4) if not at("00:00") < one.at < at("07:00")]
    assert beat_of(PIR, state(*holed)) == 7 * HOUR


@pytest.mark.parametrize("apart", [timedelta(minutes=10), HOUR, timedelta(hours=3), timedelta(hours=6)])
def test_a_report_may_be_late_without_losing_the_beat(apart: timedelta) -> None:
    lost = [one for n, one in enumerate(beats(at("08:00"), days=4, apart=apart)) if n != 5]
    assert beat_of(PIR, state(*lost)) == 2 * apart


def test_battery_reports_teach_a_beat_too() -> None:
    worn = [reading("pir-001", "battery", one.at, battery=80) for one in beats(at("08:00"), days=3)]
    assert beat_of(PIR, state(*worn)) == HOUR


def test_states_that_a_bridge_repeats_teach_the_grain_in_which_they_are_kept() -> None:
    told = [reading("pir-001", "motion", one.at, on=False, repeats=True) for one in beats(at("08:00"), days=3)]
    assert beat_of(PIR, state(*told)) == STRETCH
    assert whys(sight(at("17:00"), *told)) == [("pir-001", "missed_beats", at("08:00"))]


@pytest.mark.parametrize("type_", ["motion", "door", "presence", "tamper", "online"])
def test_events_never_teach_a_beat(type_: str) -> None:
    events = [reading("pir-001", type_, one.at, on=n % 2 == 0) for n, one in enumerate(beats(at("08:00"), days=9))]
    assert beat_of(PIR, state(*events)) is None
    silent = [one for one in events if type_ != "online" or one.on]
    assert Why.MISSED_BEATS not in {one.why for one in sight(at("08:00", days=9), *silent).blind}


def test_a_collapse_in_a_home_of_sensors_that_speak_on_events_is_a_silence() -> None:
    events = [stirred(at("08:00") - n * HOUR) for n in range(24 * 9)]
    assert first("inactivity", FOUR, *reversed(events), of=home(PIR, KITCHEN)) == at("12:00")


def test_instants_that_were_forgotten_are_no_missed_beats() -> None:
    many = beats(at("12:00"), days=1, apart=timedelta(minutes=20))
    assert len(many) > KEEP
    assert sight(at("12:00"), *many, of=(BEATING,)).unseen == ()


# how many of them


def four(blind: int) -> tuple[tuple[Device, ...], list[Reading]]:
    sensors = tuple(device(f"pir-00{n}", "motion", "kitchen") for n in range(1, 5))
    return sensors, [online(f"pir-00{n}", at("10:00") + n * HOUR, on=False) for n in range(1, blind + 1)]


def test_half_of_the_inside_sensors_suffice() -> None:
    of, gone = four(2)
    seen = sight(at("20:00"), *gone, of=of)
    assert (len(seen.blind), seen.sensors, seen.since) == (2, 4, None)


def test_with_more_than_half_of_them_blind_the_home_is_lost_since_the_last_that_was_needed() -> None:
    of, gone = four(3)
    assert sight(at("20:00"), *gone, of=of).since == at("13:00")
    of, gone = four(4)
    assert sight(at("20:00"), *gone, of=of).since == at("13:00")


def test_one_of_two_suffices_and_two_of_three_blind_are_too_many() -> None:
    of, gone = four(1)
    assert sight(at("20:00"), *gone, of=of[:2]).since is None
    of, gone = four(2)
    assert sight(at("20:00"), *gone, of=of[:3]).since == at("12:00")


def test_sensors_that_were_blind_one_after_the_other_lost_nothing() -> None:
    of, _ = four(0)
    turns = [online(one, at(when), on=on) for one, when, on in TURNS]
    assert sight(at("20:00"), *turns, of=of[:2]).unseen == ()


TURNS = [
    ("pir-001", "10:00", False),
    ("pir-001", "11:00", True),
    ("pir-002", "11:00", False),
    ("pir-002", "12:00", True),
]


def test_an_entrance_door_does_not_count_where_there_is_a_sensor_inside() -> None:
    seen = sight(at("10:00"), online("door-001", at("10:00"), on=False), of=(DOOR, PIR))
    assert (seen.sensors, seen.since) == (1, None)
    assert sight(at("10:00"), online("pir-001", at("10:00"), on=False), of=(DOOR, PIR)).since == at("10:00")


def test_in_a_home_with_nothing_but_entrance_doors_they_count() -> None:
    gone = online("door-001", at("10:00"), on=False)
    seen = sight(at("10:00"), gone, of=(DOOR, PENDANT, GATEWAY))
    assert (seen.sensors, seen.since) == (1, at("10:00"))


def test_a_home_without_a_sensor_is_never_lost_and_has_none() -> None:
    seen = sight(at("10:00"), online("pendant-001", at("10:00"), on=False), of=(PENDANT, GATEWAY))
    assert (seen.sensors, seen.since, seen.unseen) == (0, None, ())


def test_what_is_lost_for_want_of_a_message_counts_with_what_is_blind_already() -> None:
    beating = device("pir-002", "motion", heartbeat_every=timedelta(minutes=30))
    told = [online("pir-001", at("10:00"), on=False), reading("pir-002", "heartbeat", at("10:30"))]
    seen = sight(at("10:40"), *told, of=(PIR, beating))
    assert (seen.since, seen.lost_since, seen.lost_at) == (None, at("10:30"), at("12:00"))
    assert sight(at("12:00"), *told, of=(PIR, beating)).since == at("10:30")


def test_a_sensor_that_is_gone_for_good_takes_no_time_that_has_an_end() -> None:
    assert sight(at("12:00"), online("pir-001", at("10:00"), on=False)).unseen == ((at("10:00"), FOREVER),)


def test_a_sensor_of_another_home_says_nothing() -> None:
    verdict = look(at("11:00"), FOUR, stirred(at("10:00")), online("pir-of-a-neighbour", at("10:30"), on=False))
    assert found(verdict) == []
    assert verdict.sight.blind == ()
