"""Inactivity beyond its formula: time left out, rest, a home that cannot be seen, and while the resident is away."""

from datetime import datetime, timedelta

import pytest

from lampkeep.domain.findings import HomeVerdict, Memory, Verdict, onsets, remembered
from lampkeep.domain.home import Suspension
from lampkeep.domain.home_state import Reading
from lampkeep.domain.rules import check
from lampkeep.domain.spans import FOREVER, Span
from support.watched import (
    DAY,
    ZONE,
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

MICROSECOND = timedelta(microseconds=1)
FOUR_TEN = plan(inactivity={"day": "4h", "night": "10h", "day_hours": "07:00-22:00", "at_rest": "14h"})
GATEWAY = device("gw-001", "gateway")
BEHIND = home(
    GATEWAY,
    device("pir-001", "motion", "bathroom", account="gw-001"),
    device("door-001", "door", "entrance"),
    device("bed-001", "presence", "bedroom", account="gw-001"),
    device("pendant-001", "pendant"),
)
"""A home that is lost with its gateway."""


def gateway(when: datetime, *, on: bool) -> Reading:
    return reading("gw-001", "online", when, on=on)


def bed(when: datetime, *, taken: bool) -> Reading:
    return reading("bed-001", "presence", when, on=taken)


def span(start: str, end: str, *, days: int = 0) -> Span:
    return at(start), at(end, days=days)


def test_it_fires_at_the_instant_and_not_a_microsecond_before() -> None:
    odd = at("20:00") + 7 * MICROSECOND
    # 7 microseconds less of two hours of day are worth 17.5 of ten hours of night
    assert first("inactivity", FOUR_TEN, stirred(odd)) == at("03:00", days=1) + 18 * MICROSECOND
    assert first("inactivity", FOUR_TEN, stirred(at("10:00"))) == at("14:00")


def test_each_silence_is_told_and_each_once() -> None:
    twice = every("inactivity", FOUR_TEN, stirred(at("10:00")), stirred(at("15:30")), until=at("06:00", days=1))
    assert twice == [at("14:00"), at("19:30")]


# time that we did not watch


def test_time_that_we_did_not_watch_is_left_out() -> None:
    assert first("inactivity", FOUR_TEN, stirred(at("10:00")), unwatched=(span("11:00", "12:00"),)) == at("15:00")


def test_of_time_in_the_night_as_much_of_the_night_is_left_out() -> None:
    away = (span("23:00", "01:00", days=1),)
    assert first("inactivity", FOUR_TEN, stirred(at("20:00")), unwatched=away) == at("05:00", days=1)


def test_of_an_outage_of_days_nothing_is_taken_for_silence() -> None:
    outage = (span("10:30", "10:30", days=4),)
    assert first("inactivity", FOUR_TEN, stirred(at("10:00")), unwatched=outage) == at("14:00", days=4)


def test_while_we_do_not_watch_nothing_is_found() -> None:
    given = {"unwatched": ((at("11:00"), FOREVER),)}
    assert every("inactivity", FOUR_TEN, stirred(at("10:00")), until=at("10:00", days=9), **given) == []


def test_an_outage_before_the_silence_or_at_its_end_changes_nothing() -> None:
    for outage in (span("08:00", "10:00"), span("14:00", "16:00")):
        assert first("inactivity", FOUR_TEN, stirred(at("10:00")), unwatched=(outage,)) == at("14:00")


def test_an_outage_that_began_before_the_silence_is_left_out_from_its_beginning() -> None:
    assert first("inactivity", FOUR_TEN, stirred(at("10:00")), unwatched=(span("09:00", "10:30"),)) == at("14:30")


# time in which the home could not be seen


def test_time_in_which_the_home_could_not_be_seen_is_left_out() -> None:
    lost = [stirred(at("10:00")), gateway(at("11:00"), on=False), gateway(at("12:00"), on=True)]
    assert first("inactivity", FOUR_TEN, *lost, of=BEHIND) == at("15:00")


def test_what_was_both_unseen_and_unwatched_is_left_out_once() -> None:
    lost = [stirred(at("10:00")), gateway(at("11:00"), on=False), gateway(at("12:00"), on=True)]
    assert first("inactivity", FOUR_TEN, *lost, of=BEHIND, unwatched=(span("11:30", "13:00"),)) == at("16:00")


def test_what_was_unseen_is_remembered_when_its_messages_are_forgotten() -> None:
    memory = Memory(unseen=(span("11:00", "12:00"),))
    assert look(at("15:00") - MICROSECOND, FOUR_TEN, stirred(at("10:00")), memory=memory).findings == ()
    assert found(look(at("15:00"), FOUR_TEN, stirred(at("10:00")), memory=memory)) == [("inactivity", "")]


def test_what_was_unseen_long_before_the_silence_is_forgotten() -> None:
    two_days_ago = (at("08:00", days=-2), at("09:00", days=-2))
    memory = Memory(unseen=(two_days_ago, span("09:30", "10:30")))
    verdict = look(at("12:00"), FOUR_TEN, stirred(at("10:00")), memory=memory)
    assert verdict.unseen == (span("09:30", "10:30"),)


def test_a_home_that_cannot_be_seen_is_remembered_until_now() -> None:
    verdict = look(at("12:00"), FOUR_TEN, stirred(at("10:00")), gateway(at("11:00"), on=False), of=BEHIND)
    assert verdict.unseen == (span("11:00", "12:00"),)


def test_a_home_that_cannot_be_seen_for_as_long_as_a_silence_may_last_is_a_knock() -> None:
    lost = [stirred(at("10:00")), gateway(at("11:00"), on=False)]
    assert first("inactivity", FOUR_TEN, *lost, of=BEHIND) == at("15:00")
    finding = only(look(at("15:00"), FOUR_TEN, *lost, of=BEHIND))
    assert finding.since == at("11:00")
    assert finding.evidence["text_zh"] == "自11:00起4小时看不到家中情况，请上门查看"
    assert finding.evidence["text_en"] == "The home cannot be seen for 4 h, since 11:00: please knock"


def test_a_knock_counts_by_the_formula_too() -> None:
    lost = [stirred(at("19:00")), gateway(at("20:00"), on=False)]
    assert first("inactivity", FOUR_TEN, *lost, of=BEHIND) == at("03:00", days=1)


def test_a_sign_of_the_resident_puts_the_knock_off() -> None:
    lost = [stirred(at("10:00")), gateway(at("11:00"), on=False), reading("pendant-001", "checkin", at("13:00"))]
    assert first("inactivity", FOUR_TEN, *lost, of=BEHIND) == at("17:00")


def test_time_that_we_did_not_watch_puts_the_knock_off() -> None:
    lost = [stirred(at("10:00")), gateway(at("11:00"), on=False)]
    assert first("inactivity", FOUR_TEN, *lost, of=BEHIND, unwatched=(span("12:00", "12:20"),)) == at("15:20")


def test_a_silence_that_was_told_is_not_told_again_when_sight_is_lost_or_comes_back() -> None:
    told = [
        stirred(at("10:00")),
        gateway(at("15:00"), on=False),
        gateway(at("23:00"), on=True),
        gateway(at("08:00", days=1), on=False),
    ]
    assert every("inactivity", FOUR_TEN, *told, of=BEHIND, until=at("12:00", days=3)) == [at("14:00")]


def test_a_knock_that_was_told_is_not_told_again_when_sight_comes_back() -> None:
    told = [stirred(at("10:00")), gateway(at("11:00"), on=False), gateway(at("16:00"), on=True)]
    assert every("inactivity", FOUR_TEN, *told, of=BEHIND, until=at("12:00", days=3)) == [at("15:00")]


# at rest


def test_at_rest_it_waits_for_its_own_limit() -> None:
    assert first("inactivity", FOUR_TEN, stirred(at("19:00")), bed(at("20:00"), taken=True)) == at("10:00", days=1)


def test_a_limit_at_rest_that_is_shorter_than_the_formula_shortens_nothing() -> None:
    brief = plan(inactivity={"day": "4h", "night": "10h", "at_rest": "2h"})
    assert first("inactivity", brief, bed(at("20:00"), taken=True)) == at("03:00", days=1)


def test_activity_elsewhere_ends_the_rest_and_its_limit() -> None:
    up = [bed(at("20:00"), taken=True), stirred(at("20:00:01"))]
    assert first("inactivity", FOUR_TEN, *up) < at("03:01", days=1)


def test_who_gets_up_is_allowed_less() -> None:
    up = [bed(at("20:00"), taken=True), bed(at("07:00", days=1), taken=False)]
    assert first("inactivity", FOUR_TEN, *up) == at("11:00", days=1)


def test_time_left_out_puts_the_limit_at_rest_off_too() -> None:
    asleep = bed(at("20:00"), taken=True)
    assert first("inactivity", FOUR_TEN, asleep, unwatched=(span("23:00", "01:00", days=1),)) == at("12:00", days=1)


def test_a_bed_that_is_taken_in_a_home_that_cannot_be_seen_is_no_rest() -> None:
    lost = [bed(at("20:00"), taken=True), gateway(at("20:00") + MICROSECOND, on=False)]
    assert first("inactivity", FOUR_TEN, *lost, of=BEHIND) < at("03:01", days=1)


# away


LEFT = [stirred(at("08:00")), door(at("08:10"), open_=True), door(at("08:11"), open_=False)]
AWAY = {"inactivity": {"day": "4h", "night": "10h"}}
BOTH = plan(**AWAY, not_returned={"after": "15h"})


def notes(verdict: Verdict) -> list[tuple[str, str]]:
    return [(note.what, note.subject) for note in verdict.notes]


def test_while_the_resident_is_away_a_silence_is_a_note() -> None:
    assert notes(look(at("12:11") - MICROSECOND, BOTH, *LEFT)) == []
    verdict = look(at("12:11"), BOTH, *LEFT)
    assert (found(verdict), notes(verdict)) == ([], [("inactivity", "")])
    assert verdict.verdict is HomeVerdict.AWAY


def test_the_note_says_what_the_finding_would_and_why_it_is_one() -> None:
    (note,) = look(at("12:11"), BOTH, *LEFT).notes
    assert note.evidence["text_zh"] == "自08:11（大门）起4小时没有动静"
    assert note.evidence["text_en"] == "Nobody has stirred for 4 h, since 08:11 (entrance)"
    assert note.evidence["verdict"] == "away"


def test_a_note_that_goes_on_is_told_once() -> None:
    memory = remembered(Memory(), look(at("12:11"), BOTH, *LEFT), at("12:11"))
    later = look(at("16:00"), BOTH, *LEFT, memory=memory)
    assert notes(later) == [("inactivity", "")]
    assert onsets(later.notes, memory.noted) == ()
    assert later.notes[0].evidence == {}


def test_with_not_returned_in_the_plan_that_rule_raises_the_alert() -> None:
    assert every("not_returned", BOTH, *LEFT, until=at("08:00", days=4)) == [at("23:11")]
    assert every("inactivity", BOTH, *LEFT, until=at("08:00", days=4)) == []


def test_without_it_the_silence_is_an_alert_after_twelve_hours() -> None:
    assert every("inactivity", plan(**AWAY), *LEFT, until=at("08:00", days=4)) == [at("20:11")]


def test_with_not_returned_suspended_the_silence_is_bounded_too() -> None:
    rest = Suspension(
        rules=frozenset({"not_returned"}), from_day=DAY, until_day=DAY + timedelta(days=30), reason="holiday"
    )
    of = home(suspensions=[rest])
    assert every("inactivity", BOTH, *LEFT, of=of, until=at("08:00", days=4)) == [at("20:11")]


def test_what_we_did_not_watch_puts_that_bound_off() -> None:
    assert first("inactivity", plan(**AWAY), *LEFT, unwatched=(span("10:00", "12:00"),)) == at("22:11")


def test_a_silence_that_was_told_before_the_door_stays_told() -> None:
    told = [stirred(at("08:00")), door(at("12:30"), open_=True), door(at("12:31"), open_=False)]
    assert every("inactivity", BOTH, *told, until=at("20:00", days=1)) == [at("12:00")]


def test_who_comes_home_and_falls_silent_is_an_alert() -> None:
    back = [door(at("17:00"), open_=True), door(at("17:01"), open_=False), stirred(at("17:02"))]
    assert first("inactivity", BOTH, *LEFT, *back) == at("21:02")


def test_within_the_time_to_settle_nothing_is_lowered() -> None:
    quick = plan(inactivity={"day": "4m", "night": "4m"})
    assert found(look(at("08:15"), quick, *LEFT)) == [("inactivity", "")]


def test_not_up_is_a_note_too() -> None:
    early = [door(at("04:00"), open_=True), door(at("04:01"), open_=False)]
    verdict = look(at("09:30"), plan(not_up={"by": "09:30"}, not_returned=True), *early)
    assert (found(verdict), notes(verdict)) == ([], [("not_up", "")])


@pytest.mark.parametrize(
    ("rule", "given"), [("door_left_open", {"for": "30m"}), ("missed_checkin", {"by": "11:00"}), ("tamper", True)]
)
def test_no_other_rule_is_lowered(rule: str, given: object) -> None:
    told = [*LEFT, reading("door-001", "tamper", at("08:30"), on=True), door(at("08:40"), open_=True)]
    verdict = look(at("12:00"), plan(**{rule: given}), *told)
    assert verdict.verdict is HomeVerdict.AWAY
    assert [kind for kind, _ in found(verdict)] == [rule]


def test_it_is_looked_at_again_when_the_note_becomes_an_alert() -> None:
    verdict = check(home(), plan(**AWAY), state(*LEFT), at("20:10"), ZONE, memory=Memory(noted=NOTED))
    assert verdict.findings == ()
    assert verdict.next_check_at <= at("20:11")


NOTED = {("inactivity", ""): at("12:11")}
