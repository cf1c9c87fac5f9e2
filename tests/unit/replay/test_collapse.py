"""Collapses: when they are, how long they take to be noticed, and what hides them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from lampkeep.replay import compare, draw_collapses, run
from lampkeep.replay.collapse import Collapse, draw, figures
from support.taped import Tape, community
from support.watched import at

HOUR = timedelta(hours=1)
NOT_NOTICED = {"p50": None, "p90": None, "max": None}


def day(*, motion: Sequence[str] = ()) -> Tape:
    """Somebody stirs at the full hours from 08:00 to 20:00 and at `motion`, on two days."""
    tape = Tape()
    for days in (0, 1):
        for clock in sorted([*(f"{hour:02}:00" for hour in range(8, 21)), *motion]):
            tape.say(clock, "pir-001", "motion", days=days)
    return tape


def fallen(rules: str, tape: Tape, *when: datetime, home: str = "home-001", plan: str | None = None) -> dict[str, Any]:
    """What is told of collapses at `when`."""
    collapses = [Collapse(one, home) for one in when]
    *_, told, _ = run(tape.lines, community(rules), plan, collapses=collapses, report=lambda _: None)
    found: dict[str, Any] = told["collapse"]
    return found


def hours(found: dict[str, Any]) -> float | None:
    took: float | None = found["first"]["hours"]["max"]
    return took


def test_a_collapse_is_noticed_when_the_silence_since_the_last_activity_is_too_long() -> None:
    found = fallen("inactivity: {day: 4h}", day(), at("10:30"))
    assert found == {
        "count": 1,
        "noticed": 1,
        "hidden_by_away": 0,
        "first": {"count": 1, "hours": {"p50": 3.5, "p90": 3.5, "max": 3.5}},
        "by_kind": {"inactivity": {"count": 1, "hours": {"p50": 3.5, "p90": 3.5, "max": 3.5}}},
    }


def test_each_rule_is_told_and_the_first_counts() -> None:
    found = fallen('inactivity: {day: 4h}, not_up: {by: "09:30"}', day(), at("10:30"))
    assert found["by_kind"]["not_up"]["hours"]["max"] == 23.0
    assert hours(found) == 3.5


def test_an_alert_that_stands_already_notices_nothing() -> None:
    tape = Tape().say("09:00", "fridge-001", "door", open=True)
    for clock in ("10:00", "11:00", "12:00", "13:00", "14:00"):
        tape.say(clock, "pir-001", "motion")
    found = fallen("door_left_open: {for: 30m, places: [kitchen]}, inactivity: {day: 4h}", tape, at("12:30"))
    assert list(found["by_kind"]) == ["inactivity"]
    assert hours(found) == 3.5


def test_a_collapse_that_no_rule_sees_is_not_noticed_and_longer_than_all_others() -> None:
    found = fallen("low_battery: true", day(), at("10:30"))
    assert (found["noticed"], found["first"]) == (0, {"count": 0, "hours": NOT_NOTICED})


def test_an_alert_about_a_device_notices_nobody() -> None:
    assert fallen("device_silent: true", day().say("20:30", "pir-002", "heartbeat"), at("10:30"))["noticed"] == 0


def test_devices_go_on_reporting_so_that_the_home_is_not_taken_for_blind() -> None:
    tape = Tape()
    for hour in range(8, 20):
        tape.say(f"{hour:02}:00", "pir-002", "motion").say(f"{hour:02}:30", "pir-002", "heartbeat")
    found = fallen("inactivity: {day: 4h}, home_unobservable: true", tape, at("10:45"))
    assert found["by_kind"].keys() == {"inactivity"}
    assert hours(found) == 3.25


def left(tape: Tape) -> Tape:
    return tape.say("20:10", "door-001", "door", open=True, days=1).say("20:11", "door-001", "door", open=False, days=1)


def test_behind_a_door_that_moved_last_only_not_returned_is_left() -> None:
    tape = left(day()).say("20:20", "pir-001", "motion", days=1)
    found = fallen("inactivity: {day: 4h}, not_returned: {after: 12h}", tape, at("20:12", days=1))
    assert found["hidden_by_away"] == 1
    assert found["by_kind"].keys() == {"not_returned"}
    assert hours(found) == round(12 - 1 / 60, 2)


def test_without_not_returned_a_hidden_collapse_is_a_silence_after_its_default() -> None:
    tape = left(day()).say("20:20", "pir-001", "motion", days=1)
    found = fallen("inactivity: {day: 4h, night: 4h}", tape, at("20:12", days=1))
    assert found["hidden_by_away"] == 1
    assert found["by_kind"].keys() == {"inactivity"}
    assert hours(found) == round(12 - 1 / 60, 2)


def test_collapses_leave_the_replay_as_it_is() -> None:
    tape, known = left(day(motion=["13:20", "13:40"])), community("inactivity: {day: 30m}, not_up: true")
    drawn = draw_collapses(tape.lines, known, 40)
    *alerts, told, summary = run(tape.lines, known, collapses=drawn, report=lambda _: None)
    assert told["collapse"]["count"] == 40
    assert [*alerts, summary] == list(run(tape.lines, known, report=lambda _: None))


def test_collapses_of_one_home_say_nothing_of_another() -> None:
    tape = day()
    for minute in range(0, 720, 10):
        tape.say(f"{8 + minute // 60:02}:{minute % 60:02}", "pir-201", "motion")
    tape.lines.sort(key=lambda line: line.partition(b'"at": ')[2])
    assert hours(fallen("inactivity: {day: 4h}", tape, at("10:15"), home="home-001")) == 3.75
    assert hours(fallen("inactivity: {day: 4h}", tape, at("10:15"), home="home-002")) == round(4 - 5 / 60, 2)


def test_two_plans_are_compared_over_the_same_collapses_in_one_reading() -> None:
    known, lines = community("inactivity: {day: 2h}"), day().lines
    drawn = draw_collapses(lines, known, 20)
    found = compare(iter(lines), known, ("some", "default"), collapses=drawn, report=lambda _: None)["compare"]
    assert [one["plan"] for one in found] == ["some", "default"]
    for one in found:
        *_, told, summary = run(lines, known, one["plan"], collapses=drawn, report=lambda _: None)
        assert one == {"plan": one["plan"], **told, **summary}
    assert found[0]["collapse"]["first"]["hours"]["p50"] < found[1]["collapse"]["first"]["hours"]["p50"]


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    known, lines = community(""), day().lines
    first = draw_collapses(lines, known, 50, seed=1)
    assert first == draw_collapses(lines, known, 50, seed=1)
    assert first != draw_collapses(lines, known, 50, seed=2)
    assert first == sorted(first)
    assert all(at("08:00") <= one.at < at("20:00", days=1) for one in first)


def test_collapses_are_drawn_in_proportion_to_time() -> None:
    spans = {
        "home-a": [(at("08:00"), at("09:00"))],
        "home-b": [(at("08:00"), at("08:30")), (at("10:00"), at("12:30"))],
    }
    drawn = draw(spans, 4000, seed=0)
    of_a = sum(one.home_id == "home-a" for one in drawn)
    late = sum(one.home_id == "home-b" and one.at >= at("10:00") for one in drawn)
    assert of_a == pytest.approx(1000, abs=100)
    assert late == pytest.approx(2500, abs=130)
    assert all(any(start <= one.at < end for start, end in spans[one.home_id]) for one in drawn)


def test_where_nobody_was_awake_none_is_drawn() -> None:
    assert draw_collapses(Tape().say("08:00", "pir-001", "motion").lines, community(""), 10) == []


def test_figures_are_ranks_and_not_noticed_is_the_longest() -> None:
    took = [HOUR * hour for hour in range(1, 10)]
    assert figures([*took, None]) == {"count": 9, "hours": {"p50": 5.0, "p90": 9.0, "max": None}}
    assert figures(took[:1]) == {"count": 1, "hours": {"p50": 1.0, "p90": 1.0, "max": 1.0}}
    assert figures([]) == {"count": 0, "hours": NOT_NOTICED}
