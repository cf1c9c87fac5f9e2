"""What `lampkeep replay` refuses, prints side by side, and shows on a terminal."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lampkeep_standalone import replaying
from lampkeep_standalone.commands import app
from lampkeep_standalone.errors import UsageError
from lampkeep_standalone.progress import Progress
from support.taped import COMMUNITY, Tape

STORED = ["--home", "home-001", "--from", "2026-11-01", "--to", "2026-11-02"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def recorded(tmp_path: Path) -> list[str]:
    """The words that replay a day on which somebody stirs each hour until 20:00."""
    tape = Tape()
    for hour in range(8, 21):
        tape.say(f"{hour:02}:00", "pir-001", "motion")
    (tmp_path / "home.jsonl").write_bytes(b"\n".join(tape.say("23:59", "pir-002", "heartbeat").lines))
    (tmp_path / "home.yaml").write_text(COMMUNITY.replace("RULES", "inactivity: {day: 2h, night: 3h}"))
    return ["replay", str(tmp_path / "home.jsonl"), "--community", str(tmp_path / "home.yaml")]


def refused(words: list[str]) -> str:
    """The one line that says what is wrong."""
    done = CliRunner().invoke(app, words, standalone_mode=False)
    assert isinstance(done.exception, UsageError), (done.exception, done.output)
    line = str(done.exception)
    assert len(line.splitlines()) == 1
    return line


def printed(words: list[str]) -> list[dict[str, Any]]:
    done = CliRunner().invoke(app, words, standalone_mode=False, catch_exceptions=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "a recording needs FILE and --community"),
        (["x.jsonl"], "a recording needs --community"),
        (["x.jsonl", "--community", "x.yaml", "--home", "home-001"], "--home: goes with --from-database"),
        (["x.jsonl", "--community", "x.yaml", "--data-dir", "x"], "--data-dir: goes with --from-database"),
        (["--from-database", "--home", "home-001"], "--from-database needs --from and --to"),
        (["--from-database", *STORED, "--community", "x.yaml"], "--community: does not go with --from-database"),
        (["--from-database", "x.jsonl", *STORED], "FILE: does not go with --from-database"),
        (["--from-database", *STORED[:3], "yesterday", *STORED[4:]], "--from: 'yesterday' is no time"),
        (["x.jsonl", "--community", "x.yaml", "--seed", "1"], "--seed goes with --collapse"),
        (["x", "--community", "x", "--plan", "a", "--compare", "a", "b"], "leave --plan out"),
    ],
)
def test_options_that_do_not_go_together_are_refused_in_one_line(words: list[str], says: str) -> None:
    assert says in refused(["replay", *words])


def test_an_unknown_plan_is_refused_before_anything_is_read(recorded: list[str]) -> None:
    assert refused([*recorded, "--plan", "best"]).startswith("--plan: no plan 'best'")
    assert refused([*recorded, "--compare", "some", "best"]).startswith("--compare: no plan 'best'")
    assert refused([*recorded, "--plan", "best", "--collapse", "3"]).startswith("--plan: no plan 'best'")


def test_collapses_are_drawn_of_a_regular_file_only(recorded: list[str]) -> None:
    assert "regular file" in refused(["replay", "/dev/null", *recorded[2:], "--collapse", "3"])
    assert "No such file" in refused(["replay", "/no/such/file", *recorded[2:], "--collapse", "3"])


def test_the_summary_is_the_last_line_and_the_collapses_stand_before_it(recorded: list[str]) -> None:
    *alerts, collapse, summary = printed([*recorded, "--collapse", "30"])
    assert [alert["kind"] for alert in alerts] == ["inactivity"]
    assert collapse["collapse"]["count"] == 30
    assert summary["summary"]["alerts"] == {"inactivity": 1}
    assert printed([*recorded, "--collapse", "30", "--seed", "0"])[-2] == collapse
    assert printed([*recorded, "--collapse", "30", "--seed", "1"])[-2] != collapse


def test_a_comparison_is_one_object_and_no_alerts(recorded: list[str]) -> None:
    (found,) = printed([*recorded, "--compare", "some", "default", "--collapse", "30"])
    some, default = found["compare"]
    assert (some["plan"], some["summary"]["alerts"]) == ("some", {"inactivity": 1})
    assert default["plan"] == "default"
    assert default["collapse"]["first"]["hours"]["p50"] > some["collapse"]["first"]["hours"]["p50"]


def test_two_plans_stand_side_by_side_in_the_table() -> None:
    def outcome(plan: str, **alerts: int) -> dict[str, Any]:
        return {"plan": plan, "summary": {"home_days": 27.78, "alerts": alerts, "per_home_day": 0.25}}

    rows = replaying.table([outcome("a", inactivity=4, not_up=1), outcome("much-longer", inactivity=10)])
    assert [row.split() for row in rows] == [
        ["a", "much-longer"],
        ["home-days", "27.8", "27.8"],
        ["inactivity", "4", "10"],
        ["not_up", "1", "0"],
        ["alerts", "a", "home-day", "0.2500", "0.2500"],
    ]
    assert len({len(row) for row in rows}) == 1


def test_the_table_shows_delays_and_what_was_not_noticed() -> None:
    hours = {"p50": 4.04, "p90": 11.5, "max": None}
    told = {
        "plan": "a",
        "summary": {"home_days": 1.0, "alerts": {}, "per_home_day": 0.0},
        "collapse": {"hidden_by_away": 7, "first": {"hours": hours}},
    }
    assert [row.split("  ")[-1].strip() for row in replaying.table([told])[-4:]] == [
        "4.0 h",
        "11.5 h",
        "not noticed",
        "7",
    ]


def test_progress_is_silent_where_stderr_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = io.StringIO()
    monkeypatch.setattr("sys.stderr", stderr)
    bar = Progress("replaying")
    assert list(bar.of_lines(io.BytesIO(b"a\nb\n"), 4)) == [b"a\n", b"b\n"]
    bar.reached(0.5)
    bar.clear()
    assert stderr.getvalue() == ""


def test_progress_on_a_terminal_tells_the_share_that_was_read_and_is_taken_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stderr = Terminal()
    monkeypatch.setattr("sys.stderr", stderr)
    lines = [b"x" * 9 + b"\n"] * 4
    assert list(Progress("replaying").of_lines(io.BytesIO(b"".join(lines)), 40)) == lines
    assert "replaying [##########" in stderr.getvalue()
    assert "25%" in stderr.getvalue()
    assert stderr.getvalue().endswith("\r\x1b[K")
