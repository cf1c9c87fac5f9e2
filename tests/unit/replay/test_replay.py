"""Replay: which alerts, when, once each, and the closing line."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from lampkeep.replay import UnknownPlanError, run
from support.taped import Tape, community
from support.watched import at


def play(rules: str, tape: Tape, plan: str | None = None) -> list[dict[str, Any]]:
    return list(run(tape.lines, community(rules), plan, report=lambda _: None))


def told(rules: str, tape: Tape) -> list[tuple[str, str]]:
    """(UTC instant, kind) of every alert."""
    return [(alert["at"], alert["kind"]) for alert in play(rules, tape)[:-1]]


def clock(text: str, *, days: int = 0) -> str:
    return at(text, days=days).isoformat().replace("+00:00", "Z")


def test_a_silence_is_one_alert_at_the_instant_at_which_it_became_too_long() -> None:
    tape = Tape().say("10:00", "pir-001", "motion", active=True).say("20:00", "pir-001", "motion", active=True)
    alert, summary = play("inactivity: {day: 4h}", tape)
    assert list(alert) == ["at", "home", "kind", "priority", "verdict", "evidence"]
    assert (alert["at"], alert["home"], alert["kind"]) == (clock("14:00"), "home-001", "inactivity")
    assert (alert["priority"], alert["verdict"]) == ("welfare", "silent")
    assert alert["evidence"]["last_place"] == "bathroom"
    assert summary == {"summary": {"home_days": 0.417, "alerts": {"inactivity": 1}, "per_home_day": 2.4}}
    json.dumps(alert)


def test_each_silence_is_an_alert_of_its_own() -> None:
    tape = Tape()
    for hour in ("08:00", "12:30", "17:00", "22:00"):
        tape.say(hour, "pir-001", "motion", active=True)
    assert told("inactivity: {day: 4h}", tape) == [
        (clock("12:00"), "inactivity"),
        (clock("16:30"), "inactivity"),
        (clock("21:00"), "inactivity"),
    ]


def test_unchanged_reports_do_not_hide_a_silence() -> None:
    tape = Tape().say("09:59", "fridge-001", "door", open=True).say("10:00", "fridge-001", "door", open=False)
    for minute in range(0, 300, 10):
        tape.say(f"{10 + minute // 60}:{minute % 60:02}:30", "fridge-001", "door", open=False, battery=90)
    assert told("inactivity: {day: 4h}", tape) == [(clock("14:00"), "inactivity")]


def test_a_door_opened_while_the_home_sleeps_is_found_on_time() -> None:
    tape = Tape().say("10:00", "pir-001", "motion").say("10:07", "door-001", "door", open=True)
    tape.say("11:00", "door-001", "door", open=False).say("12:00", "door-001", "door", open=True)
    tape.say("12:29:59", "door-001", "door", open=False).say("13:00", "pir-001", "motion")
    assert told("door_left_open: {for: 30m}", tape) == [(clock("10:37"), "door_left_open")]


def test_a_tampered_device_a_low_battery_and_a_last_will_are_found_on_time() -> None:
    tape = Tape().say("10:00", "pir-001", "motion").say("10:07", "door-001", "tamper", active=True)
    tape.say("10:08", "pir-001", "motion", battery=3).say("10:09", "pir-002", "heartbeat")
    tape.say("13:00", "pir-001", "motion")
    assert told("tamper: true, low_battery: true, device_silent: true", tape) == [
        (clock("10:07"), "tamper"),
        (clock("10:08"), "low_battery"),
        (clock("12:09"), "device_silent"),
    ]


def test_a_second_device_joins_the_alert_of_the_first() -> None:
    tape = Tape().say("10:00", "door-001", "door", open=True).say("10:10", "door-002", "door", open=True)
    tape.say("12:00", "pir-001", "motion")
    assert told("door_left_open: true", tape) == [(clock("10:30"), "door_left_open")]


def test_a_door_closed_and_left_open_again_is_an_alert_again() -> None:
    tape = Tape().say("10:00", "door-001", "door", open=True).say("10:31", "door-001", "door", open=False)
    tape.say("10:32", "door-001", "door", open=True).say("12:00", "pir-001", "motion")
    assert told("door_left_open: true", tape) == [
        (clock("10:30"), "door_left_open"),
        (clock("11:02"), "door_left_open"),
    ]


def test_what_goes_on_at_the_end_of_the_recording_is_judged_up_to_its_last_instant() -> None:
    tape = Tape().say("10:00", "pir-001", "motion").say("14:00", "pir-201", "motion")
    assert told("inactivity: {day: 4h}", tape) == [(clock("14:00"), "inactivity")]


def test_only_homes_that_said_something_are_watched() -> None:
    tape = Tape().say("08:00", "pir-001", "motion").say("20:00", "pir-201", "motion")
    *alerts, summary = play("inactivity: {day: 4h}", tape)
    assert [alert["home"] for alert in alerts] == ["home-001"]
    assert summary["summary"]["home_days"] == 0.5


def test_a_press_is_an_alert_and_further_presses_join_it() -> None:
    tape = Tape().say("10:00", "pendant-001", "sos").say("10:05", "pendant-001", "sos").say("10:14", "pir-001", "fall")
    tape.say("10:30", "pendant-001", "smoke")
    assert told("", tape) == [(clock("10:00"), "sos"), (clock("10:30"), "smoke")]


def test_a_test_press_a_cancel_and_an_all_clear_raise_nothing() -> None:
    tape = Tape().say("10:00", "pendant-001", "sos", test=True).say("10:20", "pir-001", "smoke", active=False)
    assert told("", tape) == []


def test_a_test_press_is_activity() -> None:
    tape = Tape().say("10:00", "pir-001", "motion").say("12:00", "pendant-001", "sos", test=True)
    tape.say("15:00", "pir-001", "motion")
    assert told("inactivity: {day: 4h}", tape) == []


def test_a_press_of_a_stranger_is_an_sos_without_a_home() -> None:
    alert, summary = play("", Tape().say("10:00", "pendant-009", "fall"))
    assert (alert["home"], alert["kind"], alert["priority"]) == (None, "sos", "life")
    assert summary["summary"]["alerts"] == {"sos": 1}


def test_observations_of_strangers_are_counted_and_left_out() -> None:
    reports: list[str] = []
    tape = Tape().say("10:00", "pir-009", "motion").say("10:01", "pir-001", "motion")
    assert len(list(run(tape.lines, community(""), None, report=reports.append))) == 1
    assert reports == ["1 lines of device 'pir-009' left out: it is in no home of the community file"]


def test_order_within_five_minutes_and_duplicates_change_nothing() -> None:
    tape = Tape()
    for hour in range(24):
        tape.say(f"{hour:02}:00", "door-001", "door", open=hour % 5 == 0, battery=100 - 4 * hour)
        tape.say(f"{hour:02}:03", "pir-001", "motion", active=hour % 7 == 0)
        tape.say(f"{hour:02}:04", "pir-002", "heartbeat")
    rules = "inactivity: {day: 2h, night: 3h}, door_left_open: true, device_silent: true, low_battery: true"
    shaken = Tape()
    shaken.lines = [
        line for three in zip(*[iter(tape.lines)] * 3, strict=True) for line in (*reversed(three), three[1])
    ]
    assert play(rules, shaken) == play(rules, tape)
    assert len(play(rules, tape)) > 5


def test_an_empty_recording_has_no_days() -> None:
    assert play("", Tape()) == [{"summary": {"home_days": 0.0, "alerts": {}, "per_home_day": 0.0}}]


def test_another_plan_may_be_tried() -> None:
    tape = Tape().say("08:00", "pir-001", "motion").say("20:00", "pir-201", "motion")
    assert len(play("inactivity: {day: 4h}", tape)) == 2
    assert len(play("inactivity: {day: 4h}", tape, "none")) == 1
    assert {alert["kind"] for alert in play("", tape, "default")[:-1]} == {"device_silent", "inactivity"}


def test_a_plan_that_is_nowhere_is_refused_at_once() -> None:
    with pytest.raises(UnknownPlanError, match="no plan 'best'"):
        run([], community(""), "best")


def test_alerts_come_while_the_recording_is_read() -> None:
    def endless() -> Iterator[bytes]:
        for minute in range(10**9):
            tape = Tape().say("08:00", "pir-001", "motion")
            when = (at("08:00") + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z")
            yield json.dumps(json.loads(tape.lines[0]) | {"at": when, "id": str(minute), "type": "heartbeat"}).encode()

    assert next(run(endless(), community("inactivity: {day: 4h}")))["kind"] == "inactivity"
