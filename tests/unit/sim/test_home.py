"""What the devices of a home say while a day goes by."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise, takewhile

import pytest

from lampkeep_sim.community import HomeSpec
from lampkeep_sim.home import Happening, Life, happenings
from lampkeep_sim.routine import days
from support.lived import LIVED_FROM, LIVED_IN, a_device, a_home


def a_week(home: HomeSpec, life: Life | None = None, *, length: timedelta = timedelta(days=7)) -> list[Happening]:
    stream = happenings(home, LIVED_IN, LIVED_FROM, life or Life())
    return list(takewhile(lambda one: one.at < LIVED_FROM + length, stream))


def test_the_same_seed_says_the_same_and_another_something_else() -> None:
    assert a_week(a_home()) == a_week(a_home())
    assert a_week(a_home()) != a_week(a_home(), Life(seed=2))


def test_what_is_said_is_in_order_and_ids_are_used_once_per_device() -> None:
    week = a_week(a_home(), Life(sos_per_day=2))
    assert all(before.at <= after.at for before, after in pairwise(week))
    assert week[0].at >= LIVED_FROM
    ids = Counter((one.device_id, one.message.message_id) for one in week)
    assert set(ids.values()) == {1}


def test_nobody_stirs_at_home_during_an_outing() -> None:
    outings = [
        stay
        for stay in takewhile(
            lambda stay: stay.start < LIVED_FROM + timedelta(days=6), days(1, "home-1", LIVED_FROM, LIVED_IN)
        )
        if stay.doing == "outing"
    ]
    assert outings
    week = [one for one in a_week(a_home()) if one.lived]
    for outing in outings:
        begin, end = outing.start + timedelta(minutes=2), outing.end - timedelta(minutes=1)
        assert [one for one in week if begin < one.at < end] == []
        door = [one for one in week if one.device_id == "door-entrance" and abs(one.at - outing.start).seconds < 60]
        assert door, "one leaves through the front door"


def test_the_bed_is_taken_at_night_and_left_in_the_morning() -> None:
    bed = [one.message.content["occupied"] for one in a_week(a_home()) if one.message.type == "presence"]
    assert len(bed) >= 12
    assert all(before != after for before, after in pairwise(bed)), "a mat that changes, not one that repeats"


def test_a_door_that_opens_is_shut_again() -> None:
    door = [one.message.content["open"] for one in a_week(a_home()) if one.message.type == "door"]
    assert door.count(True) == pytest.approx(door.count(False), abs=1)
    assert len(door) >= 10


def test_every_device_beats_whatever_happens() -> None:
    beats = Counter(one.device_id for one in a_week(a_home()) if one.message.type == "heartbeat")
    assert beats.keys() == {device.device_id for device in a_home().devices}
    assert all(count == pytest.approx(7 * 48, abs=10) for count in beats.values())


def test_a_heartbeat_keeps_the_interval_of_the_community_file() -> None:
    quick = replace(a_device("motion", "hall"), heartbeat_every=timedelta(minutes=5))
    home = HomeSpec(home_id="home-1", devices=(quick,))
    beats = [one for one in a_week(home, length=timedelta(days=1)) if one.message.type == "heartbeat"]
    assert len(beats) == pytest.approx(288, abs=6)


def test_sos_comes_at_its_rate_and_never_without_one() -> None:
    assert not [one for one in a_week(a_home()) if one.message.urgent]
    presses = [one for one in a_week(a_home(), Life(sos_per_day=20)) if one.message.type == "sos"]
    assert 100 < len(presses) < 180
    assert {one.device_id for one in presses} == {"pendant"}


def test_some_presses_are_tests_when_asked_for() -> None:
    week = a_week(a_home(), Life(sos_per_day=20, test_share=0.5))
    tests = Counter(bool(one.message.content.get("test")) for one in week if one.message.type == "sos")
    assert tests[True] > 30
    assert tests[False] > 30


def test_a_battery_drains_and_a_flat_one_is_silent() -> None:
    week = a_week(a_home(), Life(battery_speed=100))
    levels = [one.message.battery for one in week if one.device_id == "pendant"]
    assert all(before >= after for before, after in pairwise(level for level in levels if level is not None))
    assert min(level for level in levels if level is not None) >= 1
    last = max(one.at for one in week if one.device_id == "pendant")
    assert last < LIVED_FROM + timedelta(days=7) - timedelta(hours=2), "at a hundredfold it is flat within the week"


def test_a_gateway_hangs_on_the_mains() -> None:
    assert {one.message.battery for one in a_week(a_home()) if one.device_id == "gateway"} == {None}


def test_there_is_a_check_in_on_most_mornings() -> None:
    checkins = [one.at.astimezone(LIVED_IN).hour for one in a_week(a_home()) if one.message.type == "checkin"]
    assert 4 <= len(checkins) <= 8
    assert all(5 <= hour < 11 for hour in checkins)
