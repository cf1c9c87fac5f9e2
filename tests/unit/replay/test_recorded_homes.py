"""Two real homes, recorded by others, under four plans: false alarms per home-day against the delay of detection.

`make replay-homes` prints the table. The recordings stay beside the repository (see the README there): nobody came to
harm in them, so every alert about a person is a false one, but for `not_returned`, which is right about absences.
"""

import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from lampkeep.contracts.community.parse import parse
from lampkeep.domain.vocabulary import AlertKind, Priority
from lampkeep.replay import draw_collapses, play_all
from lampkeep.replay.collapse import figures
from lampkeep.replay.plays import Play

RECORDED = Path(__file__).parents[4] / "shared" / "data"
COLLAPSES = 300

PEOPLE = {Priority.LIFE, Priority.WELFARE}
OWN = "own"
PLANS = {
    "tight": "inactivity: {day: 3h, night: 10h}, away: true, not_returned: true",
    "loose": "inactivity: {day: 6h, night: 12h}, away: true, not_returned: true",
}
"""Beside the file's own and the built-in one; `rules` of each."""

pytestmark = pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recorded homes in {RECORDED}")


@dataclass(slots=True, kw_only=True)
class Row:
    """One plan over one home, or over all."""

    days: float = 0.0
    false_alarms: int = 0
    not_returned: int = 0
    delays: list[timedelta | None]

    def __add__(self, other: "Row") -> "Row":
        return Row(
            days=self.days + other.days,
            false_alarms=self.false_alarms + other.false_alarms,
            not_returned=self.not_returned + other.not_returned,
            delays=self.delays + other.delays,
        )

    @property
    def false_alarms_a_day(self) -> float:
        return self.false_alarms / self.days

    @property
    def hours(self) -> dict[str, float]:
        found: dict[str, float] = figures(self.delays)["hours"]
        return found

    def told(self, plan: str, home: str) -> str:
        return (
            f"{plan:8} {home:8} {self.days:9.1f} {self.false_alarms_a_day:14.3f} {self.not_returned / self.days:14.3f} "
            f"{self.hours['p50']:9.1f} {self.hours['p90']:9.1f}"
        )


HEAD = f"{'plan':8} {'home':8} {'home-days':>9} {'false a day':>14} {'not_returned':>14} {'p50 h':>9} {'p90 h':>9}"


def rows(yaml: Path, plans: dict[str, str]) -> dict[str, Row]:
    """What each plan does to one home, by the plan's name."""
    added = "".join(
        f"\n  - {{id: {name}, rules: {{{rules}}}, policies: {{default: watch}}}}" for name, rules in plans.items()
    )
    community = parse(yaml.read_text().replace("\nplans:", f"\nplans:{added}", 1), str(yaml))
    lines = yaml.with_suffix(".jsonl").read_bytes().splitlines()
    drawn = draw_collapses(lines, community, COLLAPSES)
    assert len(drawn) == COLLAPSES
    names = [OWN, "default", *plans]
    reports: list[str] = []
    plays = play_all(
        lines,
        community,
        [None if name == OWN else name for name in names],
        collapses=drawn,
        report=reports.append,
    )
    assert reports == []
    return {name: row(play) for name, play in zip(names, plays, strict=True)}


def row(play: Play) -> Row:
    about_people = {kind: count for kind, count in play.counts.items() if AlertKind(kind).priority in PEOPLE}
    not_returned = about_people.pop("not_returned", 0)
    return Row(
        days=play.home_days,
        false_alarms=sum(about_people.values()),
        not_returned=not_returned,
        delays=list(play.delays),
    )


def table(plans: dict[str, str]) -> tuple[list[str], dict[str, Row]]:
    """The lines to print, and each plan over all homes."""
    homes = {yaml.stem: rows(yaml, plans) for yaml in sorted(RECORDED.glob("home-*.yaml"))}
    lines, total = [HEAD], {}
    for name in (OWN, "default", *plans):
        found = {home: of_plans[name] for home, of_plans in homes.items()}
        total[name] = sum(found.values(), start=Row(delays=[]))
        lines += [one.told(name, home) for home, one in found.items()]
        lines.append(total[name].told(name, "all"))
    return lines, total


@pytest.mark.timeout(300)
def test_the_built_in_plan_keeps_false_alarms_rare_and_detection_quick() -> None:
    lines, total = table(PLANS)
    sys.stdout.write("\n".join(["", *lines, ""]))
    assert total["default"].false_alarms_a_day <= 0.15
    assert total["default"].hours["p50"] <= 6.0
    assert total["tight"].hours["p50"] < total["default"].hours["p50"] < total["loose"].hours["p50"]
