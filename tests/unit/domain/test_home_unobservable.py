"""Home unobservable: one finding for a home of which too little can be seen."""

from datetime import timedelta

import pytest

from lampkeep.domain.care_plan import CarePlan
from lampkeep.domain.home_state import Reading
from lampkeep.domain.rules import check, wake_at
from lampkeep.domain.sight import STUCK_AFTER
from support.watched import (
    DOOR,
    PIR,
    ZONE,
    at,
    device,
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
UNSEEN = plan(home_unobservable=True)
GATEWAY = device("gw-001", "gateway")
BEHIND = tuple(device(f"pir-00{n}", "motion", "kitchen", account="gw-001") for n in (1, 2, 3))
ROOMS = home(GATEWAY, *BEHIND, DOOR)


def online(device_id: str, clock: str, *, on: bool) -> Reading:
    return reading(device_id, "online", at(clock), on=on)


def test_it_fires_when_too_few_have_worked_for_two_hours_and_not_a_microsecond_before() -> None:
    gone = [online("pir-001", "10:00", on=False), online("pir-002", "10:30", on=False)]
    assert every("home_unobservable", UNSEEN, *gone, of=ROOMS, until=at("10:30", days=3)) == [at("12:30")]


def test_a_gateway_that_is_gone_is_given_five_minutes() -> None:
    assert first("home_unobservable", UNSEEN, online("gw-001", "10:00", on=False), of=ROOMS) == at("10:05")


def test_a_gateway_that_comes_back_in_time_is_nothing() -> None:
    blink = [online("gw-001", "10:00", on=False), online("gw-001", "10:04:59", on=True)]
    assert every("home_unobservable", UNSEEN, *blink, of=ROOMS, until=at("20:00")) == []


def test_a_gateway_that_takes_too_few_with_it_is_given_the_longer_time() -> None:
    mixed = home(GATEWAY, BEHIND[0], PIR_2, PIR_3)
    gone = [online("pir-002", "09:00", on=False), online("gw-001", "10:00", on=False)]
    assert first("home_unobservable", UNSEEN, *gone, of=mixed) == at("12:00")


PIR_2, PIR_3 = device("pir-002", "motion", "kitchen"), device("pir-003", "motion", "bedroom")


def test_it_clears_by_itself_and_is_told_again_when_it_comes_back() -> None:
    twice = [online("gw-001", clock, on=on) for clock, on in (("10:00", False), ("11:00", True), ("15:00", False))]
    assert every("home_unobservable", UNSEEN, *twice, of=ROOMS, until=at("20:00")) == [at("10:05"), at("15:05")]
    assert look(at("11:00"), UNSEEN, *twice[:2], of=ROOMS).findings == ()


def test_it_is_one_finding_a_home_and_its_sensors_are_not_named_beside_it() -> None:
    both = plan(home_unobservable=True, device_silent={"after": "2h"})
    gone = [online(name, "10:00", on=False) for name in ("gw-001", "pir-001", "pir-002", "pir-003", "door-001")]
    verdict = look(at("12:00"), both, *gone, of=ROOMS)
    assert found(verdict) == [("home_unobservable", ""), ("device_silent", "door-001")]


def test_without_the_rule_each_is_named_by_itself() -> None:
    gone = [online(f"pir-00{n}", "10:00", on=False) for n in (1, 2, 3)]
    verdict = look(at("12:00"), plan(device_silent={"after": "2h"}), *gone, of=ROOMS)
    assert [subject for _, subject in found(verdict)] == ["pir-001", "pir-002", "pir-003"]


def test_beats_that_were_missed_count_from_the_last_sign_of_life_once_they_are_missed() -> None:
    beating = home(device("pir-001", "motion", "kitchen", heartbeat_every=timedelta(minutes=30)))
    slow = home(device("pir-001", "motion", "kitchen", heartbeat_every=timedelta(hours=6)))
    beat = reading("pir-001", "heartbeat", at("10:00"))
    assert first("home_unobservable", UNSEEN, beat, of=beating) == at("12:00")
    assert first("home_unobservable", UNSEEN, beat, of=slow) == at("04:00", days=1)


@pytest.mark.parametrize(
    "blinding",
    [
        reading("pir-001", "tamper", at("10:00"), on=True),
        reading("pir-001", "battery", at("10:00"), battery=0),
        reading("pir-001", "motion", at("10:00"), on=False, battery=0),
    ],
)
def test_a_tampered_sensor_and_an_empty_battery_count(blinding: Reading) -> None:
    assert first("home_unobservable", UNSEEN, blinding, of=home(PIR)) == at("12:00")
    assert wake_at(blinding, PIR, UNSEEN) == at("12:00")


def test_a_stuck_sensor_counts_after_its_time_and_the_rules() -> None:
    levels = [reading("pir-001", "motion", at("09:59"), on=False), stirred(at("10:00"))]
    assert first("home_unobservable", UNSEEN, *levels, of=home(PIR)) == at("12:00", days=1)
    brief = plan(home_unobservable={"stuck_after": "3h", "unobservable_after": "1h"})
    assert first("home_unobservable", brief, *levels, of=home(PIR)) == at("14:00")


def test_the_silence_of_sensors_that_speak_only_on_events_is_never_a_reason() -> None:
    assert every("home_unobservable", UNSEEN, stirred(at("10:00")), until=at("10:00", days=30)) == []


def test_a_home_without_a_sensor_raises_nothing() -> None:
    only_pendant = home(device("pendant-001", "pendant"))
    told = reading("pendant-001", "heartbeat", at("10:00"))
    assert every("home_unobservable", UNSEEN, told, of=only_pendant, until=at("10:00", days=3)) == []


def test_the_plan_names_the_times() -> None:
    def times(**given: str) -> tuple[timedelta, timedelta, timedelta]:
        rule = plan(home_unobservable=given or True).home_unobservable
        assert rule is not None
        return rule.unobservable_after, rule.gateway_after, rule.stuck_after

    hours, minutes = timedelta(hours=1), timedelta(minutes=1)
    assert times() == (2 * hours, 5 * minutes, STUCK_AFTER)
    assert times(after="3h") == times(unobservable_after="3h") == (3 * hours, 5 * minutes, STUCK_AFTER)
    assert times(after="1m") == (minutes, minutes, STUCK_AFTER)
    assert times(after="1m", gateway_after="10m", stuck_after="12h") == (minutes, 10 * minutes, 12 * hours)


def test_what_may_blind_a_sensor_wakes_the_rule() -> None:
    assert wake_at(online("gw-001", "10:00", on=False), GATEWAY, UNSEEN) == at("10:00")
    assert wake_at(online("pir-001", "10:00", on=False), PIR, UNSEEN) == at("10:00")
    assert wake_at(online("pir-001", "10:00", on=True), PIR, UNSEEN) is None
    assert wake_at(stirred(at("10:00")), PIR, UNSEEN) is None


def test_a_plan_without_the_rule_has_its_verdict_all_the_same() -> None:
    bare = CarePlan(plan_id="bare")
    gone = state(online("gw-001", "10:00", on=False))
    assert check(ROOMS, bare, gone, at("10:00"), ZONE).verdict == "unobservable"


def test_it_says_since_when_and_how_many() -> None:
    finding = only(look(at("10:05"), UNSEEN, online("gw-001", "10:00", on=False), of=ROOMS))
    assert finding.evidence["text_zh"] == "自10:00起5分钟看不到家中情况：3个传感器中3个失效"
    assert finding.evidence["text_en"] == (
        "The home cannot be seen since 10:00, for 5 min: 3 of 3 sensors tell nothing"
    )
    assert finding.evidence["unobservable_since"] == "2026-11-22T02:00:00Z"
