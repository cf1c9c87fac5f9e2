"""Each rule: when it fires, what it says, when it is over."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lampkeep.domain.care_plan import BUILT_IN, RULES, CarePlan, away_from, rules_from
from lampkeep.domain.findings import HomeVerdict, Memory, Standing, ended, onsets, remembered
from lampkeep.domain.home import Suspension
from lampkeep.domain.home_state import HomeState
from lampkeep.domain.parameters import ParameterError
from lampkeep.domain.rules import LONGEST_SLEEP, SUSPENSION_OVER, check, wake_at
from lampkeep.domain.vocabulary import AlertKind
from lampkeep.domain.whereabouts import Away
from support.watched import (
    DAY,
    DOOR,
    PENDANT,
    PIR,
    at,
    device,
    door,
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

SECOND = timedelta(seconds=1)
FOUR_TEN = plan(inactivity={"day": "4h", "night": "10h", "day_hours": "07:00-22:00"})


def fires_at(given: CarePlan, *readings: object, **more: object) -> datetime:
    """Step from check to check without any message until something is found, as dispatch does."""
    now = at("00:00", days=-1)
    for _ in range(1000):
        verdict = look(now, given, *readings, **more)  # type: ignore[arg-type]
        if verdict.findings:
            return now
        now = verdict.next_check_at
    raise AssertionError("nothing was found")


# inactivity


def test_a_silence_by_day_fires_after_the_day_limit() -> None:
    assert fires_at(FOUR_TEN, stirred(at("10:00"))) == at("14:00")


def test_a_silence_counts_by_the_limit_of_the_hours_in_which_it_passes() -> None:
    # 20:00-22:00 uses up 2 of 4 hours; the other half is 5 of 10 hours of night
    assert fires_at(FOUR_TEN, stirred(at("20:00"))) == at("03:00", days=1)
    # 23:00-07:00 is 8 of 10 hours of night; what is left is a fifth of 4 hours
    assert fires_at(FOUR_TEN, stirred(at("23:00"))) == at("07:48", days=1)


def test_a_silence_in_the_night_alone_fires_after_the_night_limit() -> None:
    early = plan(inactivity={"day": "4h", "night": "5h", "day_hours": "07:00-22:00"})
    assert fires_at(early, stirred(at("22:30"))) == at("03:30", days=1)


def test_a_silence_through_a_clock_change_counts_hours_that_pass() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    night = plan(inactivity={"day": "4h", "night": "5h", "day_hours": "07:00-22:00"})
    known = state(stirred(datetime(2026, 3, 28, 23, 30, tzinfo=UTC)))  # 00:30 in Berlin
    due = datetime(2026, 3, 29, 6, 30, tzinfo=berlin)  # five hours later: 02:00 to 03:00 does not exist
    assert check(home(), night, known, due - SECOND, berlin).findings == ()
    assert only(check(home(), night, known, due, berlin)).kind is AlertKind.INACTIVITY


def test_an_unchanged_report_does_not_hide_a_silence() -> None:
    opened, closed = (
        reading("fridge-001", "door", at(when), on=on) for when, on in (("09:59:30", True), ("10:00", False))
    )
    repeats = [reading("fridge-001", "door", at("10:00") + timedelta(minutes=10 * n), on=False) for n in range(1, 24)]
    kitchen = home(device("fridge-001", "door", "kitchen"))
    assert only(look(at("14:00"), FOUR_TEN, opened, closed, *repeats, of=kitchen)).kind is AlertKind.INACTIVITY


def test_a_movement_that_ends_and_a_heartbeat_do_not_hide_a_silence() -> None:
    noise = [
        reading("pir-001", "motion", at("10:01"), on=False),
        reading("pir-001", "heartbeat", at("13:59")),
        reading("bed-001", "battery", at("13:59"), battery=80),
        reading("door-001", "tamper", at("13:59"), on=False),
    ]
    assert found(look(at("14:00"), FOUR_TEN, stirred(at("10:00")), *noise)) == [("inactivity", "")]


@pytest.mark.parametrize("type_", ["checkin", "prompt_answer"])
def test_a_button_ends_a_silence(type_: str) -> None:
    verdict = look(at("14:00"), FOUR_TEN, stirred(at("10:00")), reading("pendant-001", type_, at("13:00"), on=True))
    assert verdict.findings == ()
    assert verdict.next_check_at == at("17:00")


def test_a_press_of_the_sos_button_ends_a_silence() -> None:
    assert look(at("14:00"), FOUR_TEN, stirred(at("10:00")), pressed_at=at("12:00")).findings == ()


def test_a_home_where_nothing_ever_stirred_is_silent_since_its_registration() -> None:
    new = home(registered_at=at("10:00"))
    assert look(at("13:59"), FOUR_TEN, of=new).findings == ()
    assert only(look(at("14:00"), FOUR_TEN, of=new)).since == at("10:00")


def test_a_device_of_another_home_says_nothing_about_this_one() -> None:
    stranger = reading("pir-of-a-neighbour", "motion", at("13:00"), on=True)
    assert found(look(at("14:00"), FOUR_TEN, stirred(at("10:00")), stranger)) == [("inactivity", "")]


def test_an_inactivity_says_since_when_and_where() -> None:
    finding = only(look(at("14:00"), FOUR_TEN, stirred(at("10:00"))))
    assert finding.evidence["last_activity_at"] == "2026-11-22T02:00:00Z"
    assert finding.evidence["last_place"] == "bathroom"
    assert finding.evidence["text_zh"] == "自10:00（卫生间）起4小时没有动静"
    assert finding.evidence["text_en"] == "Nobody has stirred for 4 h, since 10:00 (bathroom)"


def test_a_silent_home_is_said_to_be_silent() -> None:
    assert look(at("13:00"), FOUR_TEN, stirred(at("10:00"))).verdict is HomeVerdict.ACTIVE
    assert look(at("14:00"), FOUR_TEN, stirred(at("10:00"))).verdict is HomeVerdict.SILENT


def test_a_silence_that_ended_and_began_again_between_two_looks_is_told_anew() -> None:
    first = look(at("14:00"), FOUR_TEN, stirred(at("10:00")))
    standing = {only(first).key: at("14:00")}
    later = look(at("19:00"), FOUR_TEN, stirred(at("10:00")), stirred(at("14:30")), standing=standing)
    assert onsets(later.findings, standing) == later.findings
    assert later.findings


def test_a_silence_that_goes_on_is_told_once() -> None:
    first = look(at("14:00"), FOUR_TEN, stirred(at("10:00")))
    standing = {only(first).key: at("14:00")}
    later = look(at("20:00"), FOUR_TEN, stirred(at("10:00")), standing=standing)
    assert later.findings
    assert onsets(later.findings, standing) == ()


def test_only_what_is_to_be_told_is_put_into_words() -> None:
    first = look(at("14:00"), FOUR_TEN, stirred(at("10:00")))
    standing = {only(first).key: at("14:00")}
    assert only(first).evidence
    assert only(look(at("14:05"), FOUR_TEN, stirred(at("10:00")), standing=standing)).evidence == {}


def test_a_standing_silence_is_looked_at_again_soon_and_later_seldom() -> None:
    for stood, again in ((0, 5), (20, 5), (60, 15), (600, 30)):
        now = at("14:00") + timedelta(minutes=stood)
        verdict = look(now, FOUR_TEN, stirred(at("10:00")), standing={("inactivity", ""): at("14:00")})
        assert verdict.next_check_at == now + timedelta(minutes=again)


def test_a_silence_is_over_with_the_next_movement() -> None:
    standing: Standing = {("inactivity", ""): at("14:00")}
    verdict = look(at("14:05"), FOUR_TEN, stirred(at("10:00")), stirred(at("14:03")), standing=standing)
    assert ended(verdict.findings, standing) == {(AlertKind.INACTIVITY, "")}


# not_up

UP = plan(not_up={"by": "09:30"})


def test_nobody_up_by_the_time_fires_at_that_time() -> None:
    night = [stirred(at("22:00", days=-1)), stirred(at("05:29"))]
    assert look(at("09:29:59"), UP, *night).findings == ()
    assert found(look(at("09:30"), UP, *night)) == [("not_up", "")]


def test_somebody_up_within_the_four_hours_before_is_up() -> None:
    assert look(at("09:30"), UP, stirred(at("05:30"))).findings == ()


def test_the_hours_before_may_begin_on_the_evening_before() -> None:
    early = plan(not_up={"by": "06:00", "from": "23:00"})
    assert look(at("06:00"), early, stirred(at("23:30", days=-1))).findings == ()
    assert found(look(at("06:00"), early, stirred(at("22:30", days=-1)))) == [("not_up", "")]


def test_by_default_the_hours_before_wrap_over_midnight() -> None:
    early = plan(not_up={"by": "03:00"})
    assert look(at("03:00"), early, stirred(at("23:30", days=-1))).findings == ()
    assert found(look(at("03:00"), early, stirred(at("22:30", days=-1)))) == [("not_up", "")]


def test_getting_up_late_ends_it() -> None:
    late = (stirred(at("22:00", days=-1)), stirred(at("10:10")))
    assert look(at("10:15"), UP, *late).findings == ()


def test_one_silence_over_several_mornings_is_told_once() -> None:
    last = stirred(at("22:00", days=-1))
    standing = {only(look(at("09:30"), UP, last)).key: at("09:30")}
    for days in (0, 1, 2):
        verdict = look(at("09:40", days=days), UP, last, standing=standing)
        assert verdict.findings
        assert onsets(verdict.findings, standing) == ()


def test_a_home_registered_after_the_time_is_not_judged_that_day() -> None:
    new = home(registered_at=at("09:31"))
    verdict = look(at("09:32"), UP, of=new)
    assert verdict.findings == ()
    assert verdict.next_check_at == at("09:30", days=1)


def test_a_home_registered_shortly_before_the_time_is_judged() -> None:
    assert found(look(at("09:30"), UP, of=home(registered_at=at("09:29")))) == [("not_up", "")]


def test_the_time_is_the_communitys_on_the_day_the_clock_changes() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    due = datetime(2026, 3, 29, 7, 30, tzinfo=UTC)  # 09:30 in summer time, from that day on
    assert check(home(), UP, HomeState(), due - SECOND, berlin).next_check_at <= due
    assert look_in(berlin, due) == [("not_up", "")]
    assert look_in(berlin, due - timedelta(days=1)) == []


def look_in(zone: ZoneInfo, now: datetime) -> list[tuple[str, str]]:
    """What is found where somebody stirred on the evening before 28 March and in its morning."""
    known = state(stirred(datetime(2026, 3, 28, 6, 0, tzinfo=UTC)))
    return found(check(home(), UP, known, now, zone))


# door_left_open

AJAR = plan(door_left_open={"for": "30m"})


def test_an_entrance_left_open_fires_after_the_time_and_is_over_when_closed() -> None:
    opened = door(at("10:00"), open_=True)
    assert look(at("10:29:59"), AJAR, opened).findings == ()
    assert found(look(at("10:30"), AJAR, opened)) == [("door_left_open", "door-001")]
    assert look(at("10:40"), AJAR, opened, door(at("10:39"), open_=False)).findings == ()


def test_repeated_reports_of_an_open_door_do_not_put_it_off() -> None:
    opened = [door(at("10:00") + timedelta(minutes=n), open_=True) for n in range(0, 30, 2)]
    before = door(at("09:00"), open_=False)
    assert found(look(at("10:30"), AJAR, before, *opened)) == [("door_left_open", "door-001")]


def test_a_cupboard_may_stand_open_unless_the_plan_names_its_place() -> None:
    cupboard = device("cupboard-001", "door", "kitchen")
    opened = reading("cupboard-001", "door", at("10:00"), on=True)
    assert look(at("12:00"), AJAR, opened, of=home(cupboard)).findings == ()
    kitchen = plan(door_left_open={"for": "30m", "places": ["kitchen"]})
    assert found(look(at("12:00"), kitchen, opened, of=home(cupboard))) == [("door_left_open", "cupboard-001")]


def test_a_door_that_stood_open_while_we_did_not_watch_is_given_its_time_afterwards() -> None:
    outage = ((at("10:05"), at("12:00")),)
    assert first("door_left_open", AJAR, door(at("10:00"), open_=True), unwatched=outage) == at("12:25")


def test_an_opening_wakes_the_rule_when_it_would_be_too_long() -> None:
    assert wake_at(door(at("10:00"), open_=True), DOOR, AJAR) == at("10:30")
    assert wake_at(door(at("10:00"), open_=False), DOOR, AJAR) is None


# device_silent

BEATING = device("pir-002", "motion", "kitchen", heartbeat_every=timedelta(minutes=30))
SILENT = plan(device_silent={"after": "2h"})


def test_a_device_that_promised_beats_is_silent_after_the_time() -> None:
    beat = reading("pir-002", "heartbeat", at("10:00"))
    assert look(at("11:59:59"), SILENT, beat, of=home(BEATING)).findings == ()
    assert found(look(at("12:00"), SILENT, beat, of=home(BEATING))) == [("device_silent", "pir-002")]


def test_a_device_with_slow_beats_is_given_three_of_them() -> None:
    slow = device("pir-002", "motion", heartbeat_every=timedelta(hours=6))
    beat = reading("pir-002", "heartbeat", at("00:00"))
    assert look(at("17:59"), SILENT, beat, of=home(slow)).findings == ()
    assert found(look(at("18:00"), SILENT, beat, of=home(slow))) == [("device_silent", "pir-002")]


def test_any_message_of_a_device_is_a_sign_of_its_life() -> None:
    beat = reading("pir-002", "heartbeat", at("10:00"))
    moved = reading("pir-002", "motion", at("11:00"), on=False)
    assert look(at("12:30"), SILENT, beat, moved, of=home(BEATING)).findings == ()


def test_a_sensor_that_speaks_only_on_events_is_never_silent() -> None:
    assert look(at("12:00", days=30), SILENT, stirred(at("10:00"))).findings == ()


def test_a_device_never_heard_of_is_silent_from_its_registration() -> None:
    new = device("pir-002", "motion", heartbeat_every=timedelta(minutes=30), registered_at=at("10:00"))
    assert look(at("11:59"), SILENT, of=home(new)).findings == ()
    assert found(look(at("12:00"), SILENT, of=home(new))) == [("device_silent", "pir-002")]


def test_a_device_that_reported_every_hour_for_three_days_is_silent_after_three_of_them() -> None:
    hourly = [reading("pir-001", "heartbeat", at("10:00") - timedelta(hours=n)) for n in range(73)]
    assert first("device_silent", SILENT, *hourly, of=home(PIR)) == at("13:00")
    events = [reading("pir-001", "motion", one.at, on=True) for one in hourly]
    assert every("device_silent", SILENT, *events, of=home(PIR), until=at("10:00", days=30)) == []
    assert wake_at(hourly[0], PIR, SILENT) == at("12:00")


def test_word_that_a_device_is_offline_counts_without_a_promise() -> None:
    gone = [reading("pir-001", "online", at("09:00"), on=True), reading("pir-001", "online", at("10:00"), on=False)]
    assert look(at("11:59"), SILENT, *gone).findings == ()
    assert found(look(at("12:00"), SILENT, *gone)) == [("device_silent", "pir-001")]
    assert wake_at(gone[1], PIR, SILENT) == at("12:00")


def test_a_repeated_word_that_it_is_offline_does_not_put_it_off() -> None:
    gone = [reading("pir-001", "online", at("10:00") + timedelta(minutes=10 * n), on=False) for n in range(12)]
    back = reading("pir-001", "online", at("09:00"), on=True)
    assert found(look(at("12:00"), SILENT, back, *gone)) == [("device_silent", "pir-001")]


def test_a_device_that_speaks_after_that_word_is_not_offline() -> None:
    gone = reading("pir-001", "online", at("10:00"), on=False)
    assert look(at("13:00"), SILENT, gone, stirred(at("10:01"))).findings == ()


def test_a_silent_gateway_stands_for_the_devices_behind_it() -> None:
    gateway = device("gw-001", "gateway", account="gw-001")
    behind = device("pir-002", "motion", account="gw-001", heartbeat_every=timedelta(minutes=30))
    beside = device("pir-003", "motion", account="pir-003", heartbeat_every=timedelta(minutes=30))
    gone = reading("gw-001", "online", at("10:00"), on=False)
    beats = [reading(name, "heartbeat", at("10:00")) for name in ("pir-002", "pir-003")]
    verdict = look(at("12:00"), SILENT, gone, *beats, of=home(gateway, behind, beside))
    assert found(verdict) == [("device_silent", "gw-001"), ("device_silent", "pir-003")]


# low_battery

LOW = plan(low_battery={"below": 15})


def test_a_battery_under_the_limit_fires_and_one_at_it_does_not() -> None:
    assert look(at("10:00"), LOW, reading("pir-001", "motion", at("10:00"), on=True, battery=15)).findings == ()
    low = reading("pir-001", "motion", at("10:00"), on=True, battery=14)
    assert found(look(at("10:00"), LOW, low)) == [("low_battery", "pir-001")]
    assert wake_at(low, PIR, LOW) == at("10:00")


def test_a_wavering_battery_is_told_once_and_a_new_one_ends_it() -> None:
    standing: Standing = {("low_battery", "pir-001"): at("09:00")}
    for percent, over in ((14, False), (17, False), (19, False), (20, True)):
        known = reading("pir-001", "battery", at("10:00"), battery=percent)
        verdict = look(at("10:00"), LOW, known, standing=standing)
        assert onsets(verdict.findings, standing) == ()
        assert bool(ended(verdict.findings, standing)) is over, percent


def test_a_flag_that_says_low_counts_without_a_percentage() -> None:
    flagged = reading("pir-001", "battery", at("10:00"), on=True)
    assert found(look(at("10:00"), LOW, flagged)) == [("low_battery", "pir-001")]
    assert wake_at(flagged, PIR, LOW) == at("10:00")
    assert look(at("11:00"), LOW, flagged, reading("pir-001", "battery", at("10:30"), on=False)).findings == ()


def test_a_battery_that_is_still_low_is_told_again_every_seven_days() -> None:
    low = reading("pir-001", "battery", at("10:00"), battery=9)
    assert every("low_battery", LOW, low, until=at("10:00", days=20)) == [at("10:00", days=n) for n in (0, 7, 14)]


def test_the_seven_days_begin_anew_with_a_battery_that_was_changed() -> None:
    told = [reading("pir-001", "battery", at("10:00", days=n), battery=percent) for n, percent in ((0, 9), (5, 100))]
    again = reading("pir-001", "battery", at("10:00", days=6), battery=9)
    begun = every("low_battery", LOW, *told, again, until=at("09:00", days=13))
    assert begun == [at("10:00"), at("10:00", days=6)]


# tamper


def test_a_tampered_device_is_told_at_once_until_it_says_otherwise() -> None:
    given = plan(tamper=True)
    tampered = reading("door-001", "tamper", at("10:00"), on=True)
    assert wake_at(tampered, DOOR, given) == at("10:00")
    assert found(look(at("10:00"), given, tampered)) == [("tamper", "door-001")]
    assert look(at("11:00"), given, tampered, reading("door-001", "tamper", at("10:30"), on=False)).findings == ()


def test_a_device_whose_clock_is_ahead_is_told_once() -> None:
    tampered = reading("door-001", "tamper", at("10:01"), on=True)
    early = look(at("10:00"), plan(tamper=True), tampered)
    assert (early.findings, early.next_check_at) == ((), at("10:01"))
    standing = {only(look(at("10:01"), plan(tamper=True), tampered)).key: at("10:01")}
    assert onsets(look(at("10:31"), plan(tamper=True), tampered).findings, standing) == ()


# suspensions


def paused(*rules: str, from_: date = DAY, until: date = DAY + timedelta(days=2)) -> Suspension:
    return Suspension(rules=frozenset(rules), from_day=from_, until_day=until, reason="hospital")


def test_a_suspended_rule_rests_and_the_others_hold() -> None:
    both = plan(inactivity={"day": "4h"}, not_up={"by": "09:30"})
    away = home(suspensions=[paused("inactivity")])
    assert found(look(at("20:00"), both, stirred(at("10:00", days=-1)), of=away)) == [("not_up", "")]


def test_a_rule_holds_again_from_the_first_instant_of_the_day() -> None:
    away = home(suspensions=[paused("low_battery", "tamper")])
    tampered = reading("door-001", "tamper", at("10:00"), on=True)
    before = look(at("23:59:59", days=1), plan(tamper=True), tampered, of=away)
    assert before.findings == ()
    assert before.next_check_at == at("00:00", days=2)
    assert found(look(at("00:00", days=2), plan(tamper=True), tampered, of=away)) == [("tamper", "door-001")]


def test_the_time_in_hospital_is_no_silence() -> None:
    away = home(suspensions=[paused("inactivity")])
    last = stirred(at("10:00", days=-1))
    assert look(at("00:00", days=2), FOUR_TEN, last, of=away).findings == ()
    # from midnight: 7 of 10 hours of night, then three tenths of 4 hours
    assert found(look(at("08:12", days=2), FOUR_TEN, last, of=away)) == [("inactivity", "")]
    assert look(at("08:11:59", days=2), FOUR_TEN, last, of=away).findings == ()


def test_a_suspension_of_one_rule_moves_no_other_rules_silence() -> None:
    away = home(suspensions=[paused("not_up", from_=DAY - timedelta(days=3), until=DAY)])
    assert found(look(at("14:00"), FOUR_TEN, stirred(at("10:00", days=-1)), of=away)) == [("inactivity", "")]


@pytest.mark.parametrize(("days", "noted"), [(0, True), (6.99, True), (7, False)])
def test_the_end_of_a_suspension_is_a_note_for_a_week(days: float, noted: bool) -> None:
    away = home(suspensions=[paused("not_up", "inactivity", until=DAY)])
    ended_on = home(suspensions=[paused("not_up", "inactivity", from_=DAY - timedelta(days=3), until=DAY)])
    assert look(at("00:00") + timedelta(days=days), plan(), stirred(at("10:00", days=-1)), of=away).notes == ()
    verdict = look(at("00:00") + timedelta(days=days), plan(), stirred(at("10:00", days=-1)), of=ended_on)
    assert [note.what for note in verdict.notes] == [SUSPENSION_OVER] * noted


def test_the_end_of_a_suspension_is_told_once_on_its_day_and_not_before() -> None:
    away = home(suspensions=[paused("not_up", "inactivity")])
    last = stirred(at("10:00", days=-1))
    before = look(at("23:59:59", days=1), UP, last, of=away)
    assert (before.notes, before.next_check_at) == ((), at("00:00", days=2))
    verdict = look(at("00:00", days=2), UP, last, of=away)
    (note,) = verdict.notes
    assert note.evidence["text_zh"] == "暂停已结束，规则恢复：inactivity,not_up"
    assert note.evidence["text_en"] == "The suspension is over, these rules hold again: inactivity,not_up"
    memory = remembered(Memory(), verdict, at("00:00", days=2))
    assert onsets(look(at("10:00", days=2), UP, last, of=away, memory=memory).notes, memory.noted) == ()


def test_two_suspensions_that_end_on_one_day_are_two_notes() -> None:
    away = home(suspensions=[paused("not_up"), paused("tamper")])
    verdict = look(at("08:00", days=2), UP, stirred(at("07:00", days=2)), of=away)
    assert len({note.key for note in verdict.notes}) == 2


def test_a_suspension_ends_as_the_day_begins_also_where_the_clock_skips_midnight() -> None:
    beirut = ZoneInfo("Asia/Beirut")  # 29 March 2026 begins at 01:00
    rest = paused("tamper", from_=date(2026, 3, 20), until=date(2026, 3, 29))
    known = state(reading("door-001", "tamper", datetime(2026, 3, 25, tzinfo=UTC), on=True))
    begins = datetime(2026, 3, 28, 22, 0, tzinfo=UTC)
    before = check(home(suspensions=[rest]), plan(tamper=True), known, begins - SECOND, beirut)
    assert (before.findings, before.notes, before.next_check_at) == ((), (), begins)
    after = check(home(suspensions=[rest]), plan(tamper=True), known, begins, beirut)
    assert found(after) == [("tamper", "door-001")]
    assert [note.what for note in after.notes] == [SUSPENSION_OVER]


# plans


def test_rules_that_are_not_named_are_off() -> None:
    verdict = look(at("12:00", days=30), plan(), stirred(at("10:00")), door(at("10:00"), open_=True))
    assert verdict.findings == ()
    assert verdict.next_check_at == at("12:00", days=30) + LONGEST_SLEEP


def test_true_takes_the_defaults_and_false_is_off() -> None:
    assert rules_from(dict.fromkeys(RULES, True)) == tuple(rule() for rule in RULES.values())
    assert rules_from(dict.fromkeys(RULES, False)) == ()


def test_the_built_in_plan_is_a_subset_of_the_rules_and_looser_than_their_defaults() -> None:
    chosen = [rule.kind.value for rule in BUILT_IN.rules]
    looser = {
        "inactivity": {"day": "5h", "night": "12h", "day_hours": "08:00-22:00"},
        "not_up": {"by": "10:00"},
        "not_returned": {"after": "13h"},
    }
    assert rules_from({name: looser.get(name, True) for name in chosen}) == BUILT_IN.rules
    assert set(RULES) - set(chosen) == {"door_left_open", "overstay", "night_exit", "missed_checkin"}


@pytest.mark.parametrize(
    ("rules", "path"),
    [
        ({"inactivity": {"day": "four hours"}}, ("inactivity", "day")),
        ({"inactivity": {"day": "0s"}}, ("inactivity", "day")),
        ({"inactivity": {"day_hours": "07:00"}}, ("inactivity", "day_hours")),
        ({"inactivity": {"dya": "4h"}}, ("inactivity", "dya")),
        ({"inactivity": 4}, ("inactivity",)),
        ({"inactivty": True}, ("inactivty",)),
        ({"not_up": {"by": "25:00"}}, ("not_up", "by")),
        ({"not_up": {"by": "09:30", "from": "09:30"}}, ("not_up", "from")),
        ({"door_left_open": {"places": []}}, ("door_left_open", "places")),
        ({"door_left_open": {"places": "entrance"}}, ("door_left_open", "places")),
        ({"device_silent": {"after": 7200}}, ("device_silent", "after")),
        ({"low_battery": {"below": 0}}, ("low_battery", "below")),
        ({"low_battery": {"below": True}}, ("low_battery", "below")),
        ({"low_battery": {"below": 15.5}}, ("low_battery", "below")),
        ({"tamper": {"for": "5m"}}, ("tamper", "for")),
        ({"inactivity": {"day": "-4h"}}, ("inactivity", "day")),
        ({"inactivity": {"night": "0h"}}, ("inactivity", "night")),
        ({"inactivity": {"at_rest": "0s"}}, ("inactivity", "at_rest")),
        ({"inactivity": {"day_hours": "07:00-25:00"}}, ("inactivity", "day_hours")),
        ({"overstay": {"for": "0m"}}, ("overstay", "for")),
        ({"overstay": {"places": [""]}}, ("overstay", "places")),
        ({"night_exit": {"window": "22:00-22:00"}}, ("night_exit", "window")),
        ({"night_exit": {"for": "10"}}, ("night_exit", "for")),
        ({"not_returned": {"after": "0s"}}, ("not_returned", "after")),
        ({"not_returned": {"by": "24:00"}}, ("not_returned", "by")),
        ({"not_returned": {"by": "9:30"}}, ("not_returned", "by")),
        ({"missed_checkin": {"by": "25:00"}}, ("missed_checkin", "by")),
        ({"missed_checkin": {"by": "00:00"}}, ("missed_checkin", "from")),
        ({"home_unobservable": {"unobservable_after": "0s"}}, ("home_unobservable", "unobservable_after")),
        ({"home_unobservable": {"gateway_after": 5}}, ("home_unobservable", "gateway_after")),
        ({"home_unobservable": {"stuck_after": "9000h"}}, ("home_unobservable", "stuck_after")),
        ({"low_battery": {"below": 101}}, ("low_battery", "below")),
        ({"sleepwalking": {"for": "5m"}}, ("sleepwalking",)),
    ],
)
def test_an_impossible_value_is_refused_by_its_place(rules: dict[str, object], path: tuple[str, ...]) -> None:
    with pytest.raises(ParameterError) as caught:
        rules_from(rules)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("away", "path"),
    [
        ({"settle": "0s"}, ("away", "settle")),
        ({"settle": "five minutes"}, ("away", "settle")),
        ({"after": "5m"}, ("away", "after")),
        (False, ("away",)),
        ("5m", ("away",)),
    ],
)
def test_an_impossible_way_to_judge_away_is_refused_by_its_place(away: object, path: tuple[str, ...]) -> None:
    with pytest.raises(ParameterError) as caught:
        away_from({"away": away})
    assert caught.value.path == path


def test_away_stands_among_the_rules_and_is_none() -> None:
    assert rules_from({"away": {"settle": "10m"}}) == ()
    assert away_from({"away": {"settle": "10m"}}) == Away(settle=timedelta(minutes=10))
    assert away_from({"away": True}) == away_from({}) == Away()


EVERYTHING = CarePlan(plan_id="all", rules=tuple(rule() for rule in RULES.values()))


def test_every_finding_is_told_in_both_languages() -> None:
    worn = [reading("bed-001", "battery", at("09:00"), battery=3), reading("door-001", "tamper", at("10:00"), on=True)]
    bath = [reading("bed-001", "presence", at("01:00"), on=False), stirred(at("01:10"))]
    blind = [reading(name, "online", at("10:00"), on=False) for name in ("pir-001", "bed-001", "pendant-001")]
    told = [
        *look(at("09:30"), EVERYTHING, *bath).findings,
        *look(at("12:00"), EVERYTHING, *blind, *worn).findings,
        *look(at("22:10"), EVERYTHING, stirred(at("09:00")), door(at("22:00"), open_=True)).findings,
        *look(at("12:00"), EVERYTHING, stirred(at("00:00", days=-1)), door(at("00:00"), open_=True)).findings,
    ]
    assert {finding.kind.value for finding in told} == set(RULES)
    for finding in told:
        for zh, en in (("text_zh", "text_en"), ("verdict_zh", "verdict_en")):
            assert any("\u4e00" <= letter <= "\u9fff" for letter in str(finding.evidence[zh]))
            assert str(finding.evidence[en]).isascii()


def test_a_pendant_may_be_low_too() -> None:
    low = reading(PENDANT.device_id, "heartbeat", at("10:00"), battery=2)
    assert found(look(at("10:00"), LOW, low)) == [("low_battery", "pendant-001")]
