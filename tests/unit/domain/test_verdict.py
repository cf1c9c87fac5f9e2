"""The verdict of a home: the first that holds, with its reasons in Chinese and English."""

from datetime import timedelta

import pytest

from lampkeep.domain.findings import Evidence, HomeVerdict
from lampkeep.domain.home import Device, Home
from lampkeep.domain.home_state import Reading
from support.watched import PENDANT, PIR, at, device, door, home, look, only, plan, reading, stirred

TELLS = plan(tamper=True)
"""A plan that raises something at once, so that the verdict is put into words."""

RATTLE = reading("pendant-001", "tamper", at("08:00"), on=True)
ASLEEP = reading("bed-001", "presence", at("11:00"), on=True)
LEFT = [door(at("10:59"), open_=True), door(at("11:00"), open_=False)]


def words(*readings: Reading, of: Home | None = None) -> Evidence:
    """What is told of the verdict at noon."""
    verdict = look(at("12:00"), TELLS, RATTLE, *readings, of=of)
    evidence = verdict.findings[-1].evidence
    assert evidence["verdict"] == verdict.verdict.value
    return {name: evidence[name] for name in ("verdict", "verdict_zh", "verdict_en", "because")}


def because(what: str, device_id: str, place: str | None, when: str) -> list[Evidence]:
    return [{"what": what, "device": device_id, "place": place, "at": f"2026-11-22T{when}Z"}]


def test_active_names_the_last_activity() -> None:
    assert words(stirred(at("11:30"))) == {
        "verdict": "active",
        "verdict_zh": "有人活动；卫生间（pir-001）自11:30最后一次动静",
        "verdict_en": "active; pir-001 (bathroom) since 11:30: last activity",
        "because": because("activity", "pir-001", "bathroom", "03:30:00"),
    }


def test_active_where_nothing_has_stirred_yet_says_so() -> None:
    assert words() == {
        "verdict": "active",
        "verdict_zh": "有人活动；还没有任何动静",
        "verdict_en": "active; nothing has stirred yet",
        "because": [{"what": "never"}],
    }


def test_at_rest_names_the_bed() -> None:
    assert words(stirred(at("10:00")), ASLEEP) == {
        "verdict": "at_rest",
        "verdict_zh": "在休息；卧室（bed-001）自11:00有人",
        "verdict_en": "at rest; bed-001 (bedroom) since 11:00: occupied",
        "because": because("occupied", "bed-001", "bedroom", "03:00:00"),
    }


def test_away_names_the_door() -> None:
    assert words(stirred(at("10:00")), *LEFT) == {
        "verdict": "away",
        "verdict_zh": "外出；大门（door-001）自11:00动过，之后屋内没有动静",
        "verdict_en": "away; door-001 (entrance) since 11:00: moved, nothing since",
        "because": because("door", "door-001", "entrance", "03:00:00"),
    }


def test_silent_names_the_last_activity() -> None:
    finding = only(look(at("12:00"), plan(inactivity={"day": "4h"}), stirred(at("08:00"))))
    assert finding.evidence["verdict"] == "silent"
    assert finding.evidence["verdict_zh"] == "没有动静；卫生间（pir-001）自08:00最后一次动静"
    assert finding.evidence["verdict_en"] == "silent; pir-001 (bathroom) since 08:00: last activity"
    assert finding.evidence["because"] == because("activity", "pir-001", "bathroom", "00:00:00")


def test_a_last_activity_on_another_day_is_told_with_its_date() -> None:
    evidence = words(stirred(at("20:00", days=-1)))
    assert evidence["verdict_en"] == "active; pir-001 (bathroom) since 2026-11-21 20:00: last activity"


BEATING = device("pir-001", "motion", "bathroom", heartbeat_every=timedelta(minutes=10))
BEHIND = device("pir-001", "motion", "bathroom", account="gw-001")
GATEWAY = device("gw-001", "gateway")


@pytest.mark.parametrize(
    ("of", "readings", "why", "zh", "en"),
    [
        (
            (GATEWAY, BEHIND),
            [reading("gw-001", "online", at("11:00"), on=False)],
            "gateway_offline",
            "网关离线",
            "its gateway is offline",
        ),
        ((PIR,), [reading("pir-001", "online", at("11:00"), on=False)], "offline", "离线", "offline"),
        (
            (BEATING,),
            [reading("pir-001", "heartbeat", at("11:00"))],
            "missed_beats",
            "没有按时报到",
            "missed three reports",
        ),
        (
            (PIR,),
            [reading("pir-001", "battery", at("11:00"), battery=0)],
            "dead_battery",
            "电池耗尽",
            "battery empty",
        ),
        ((PIR,), [reading("pir-001", "tamper", at("11:00"), on=True)], "tampered", "被拆动", "tampered with"),
    ],
)
def test_unobservable_names_each_blind_sensor_and_why(
    of: tuple[Device, ...], readings: list[Reading], why: str, zh: str, en: str
) -> None:
    evidence = words(*readings, of=home(*of, PENDANT))
    assert evidence == {
        "verdict": "unobservable",
        "verdict_zh": f"看不到家中情况；卫生间（pir-001）自11:00{zh}",
        "verdict_en": f"cannot be seen; pir-001 (bathroom) since 11:00: {en}",
        "because": because(why, "pir-001", "bathroom", "03:00:00"),
    }


def test_a_stuck_sensor_is_named_from_when_it_counts_as_stuck() -> None:
    levels = [
        reading("pir-001", "motion", at("10:00", days=-1), on=False),
        reading("pir-001", "motion", at("11:00", days=-1), on=True),
    ]
    evidence = words(*levels, of=home(PIR, PENDANT))
    assert evidence["verdict_zh"] == "看不到家中情况；卫生间（pir-001）自11:00一直显示触发"
    assert evidence["verdict_en"] == "cannot be seen; pir-001 (bathroom) since 11:00: stuck on"


def test_two_blind_sensors_are_two_reasons() -> None:
    kitchen = device("pir-002", "motion", "kitchen")
    gone = [reading(name, "online", at("11:00"), on=False) for name in ("pir-001", "pir-002")]
    evidence = words(*gone, of=home(PIR, kitchen, PENDANT))
    assert evidence["verdict_en"] == (
        "cannot be seen; pir-001 (bathroom) since 11:00: offline; pir-002 (kitchen) since 11:00: offline"
    )


def test_a_home_without_a_sensor_cannot_be_seen() -> None:
    assert words(of=home(PENDANT)) == {
        "verdict": "unobservable",
        "verdict_zh": "看不到家中情况；没有活动传感器",
        "verdict_en": "cannot be seen; it has no activity sensor",
        "because": [{"what": "no_sensors"}],
    }


def test_unobservable_goes_before_away_and_both_before_silent() -> None:
    silent = plan(inactivity={"day": "30m", "night": "30m"})
    seen = home(device("door-001", "door", "entrance"), PIR)
    blind = reading("pir-001", "online", at("11:10"), on=False)
    assert look(at("12:00"), silent, *LEFT, blind, of=seen).verdict is HomeVerdict.UNOBSERVABLE
    assert look(at("12:00"), silent, *LEFT, of=seen).verdict is HomeVerdict.AWAY


def test_a_silence_in_bed_is_said_to_be_at_rest() -> None:
    rest = plan(inactivity={"day": "30m", "night": "30m", "at_rest": "1h"})
    verdict = look(at("12:00"), rest, ASLEEP)
    assert only(verdict).kind == "inactivity"
    assert verdict.verdict is HomeVerdict.AT_REST


def test_who_is_only_leaving_is_active() -> None:
    assert look(at("11:04:59"), TELLS, *LEFT).verdict is HomeVerdict.ACTIVE
    assert look(at("11:05"), TELLS, *LEFT).verdict is HomeVerdict.AWAY


def test_the_time_to_settle_is_that_of_the_plan() -> None:
    slow = plan(away={"settle": "30m"})
    assert look(at("11:29:59"), slow, *LEFT).verdict is HomeVerdict.ACTIVE
    assert look(at("11:30"), slow, *LEFT).verdict is HomeVerdict.AWAY


@pytest.mark.parametrize("rule", ["inactivity", "not_up"])
def test_both_rules_of_silence_make_a_home_silent(rule: str) -> None:
    given = plan(**{rule: {"day": "4h"} if rule == "inactivity" else {"by": "12:00", "from": "09:00"}})
    assert look(at("12:00"), given, stirred(at("08:00"))).verdict is HomeVerdict.SILENT


def test_without_a_rule_of_silence_no_home_is_silent() -> None:
    assert look(at("12:00"), plan(), stirred(at("08:00", days=-9))).verdict is HomeVerdict.ACTIVE
