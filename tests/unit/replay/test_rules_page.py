"""The worked timelines of docs/rules.md are true: each is replayed."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from lampkeep.contracts.community.parse import parse
from lampkeep.domain.care_plan import AWAY, BUILT_IN, PROMPT, RULES
from lampkeep.domain.findings import HomeVerdict
from lampkeep.domain.parameters import Parameters
from lampkeep.domain.whereabouts import Away
from lampkeep.replay import run
from support.watched import at

PAGE = (Path(__file__).parents[3] / "docs" / "rules.md").read_text(encoding="utf-8")
SECTIONS = {part.split("\n", 1)[0].strip("` "): part for part in PAGE.split("\n## ")[1:]}
TIMELINES = [
    (name, text) for name, part in SECTIONS.items() for text in re.findall(r"```timeline\n(.*?)```", part, re.DOTALL)
]

COMMUNITY = """
lampkeep: v1
areas: [{id: a, name: A}]
responders: [{id: w, name: W, role: grid_worker, areas: [a]}]
policies: [{id: p, steps: [{to: [grid_worker], after: 0s}]}]
plans:
  - {id: worked, rules: {RULES}, policies: {default: p}}
  - {id: none, policies: {default: p}}
homes:
  - id: home-001
    area: a
    plan: worked
    devices:
      - {id: door-001, kind: door, place: entrance}
      - {id: pir-001, kind: motion, place: bathroom}
      - {id: pir-002, kind: motion, place: kitchen, heartbeat_every: 30m}
      - {id: bed-001, kind: presence, place: bedroom}
      - {id: pendant-001, kind: pendant}
  - {id: home-002, area: a, plan: none, devices: [{id: the-end, kind: button}]}
"""

WORDS: dict[str, dict[str, Any]] = {
    "open": {"type": "door", "data": {"open": True}},
    "closed": {"type": "door", "data": {"open": False}},
    "occupied": {"type": "presence", "data": {"occupied": True}},
    "free": {"type": "presence", "data": {"occupied": False}},
    "well": {"type": "checkin", "data": {}},
    "moved": {"type": "motion", "data": {"active": True}},
    "heartbeat": {"type": "heartbeat", "data": {}},
    "tampered": {"type": "tamper", "data": {"active": True}},
    "mended": {"type": "tamper", "data": {"active": False}},
    "pressed": {"type": "sos", "data": {}},
    "end": {"type": "heartbeat", "data": {}},
}

PARSED: dict[str, Any] = RULES | {AWAY: Away}


def instant(words: list[str]) -> datetime:
    """Take `+1 03:00` or `03:00` from the front of `words`."""
    days = int(words.pop(0)) if words[0].startswith("+") else 0
    return at(words.pop(0), days=days)


def message(number: int, when: datetime, words: list[str]) -> bytes:
    device, *said = words if len(words) > 1 else ("the-end", *words)
    told = {"type": "battery", "battery": int(said[1]), "data": {}} if said[0] == "battery" else WORDS[said[0]]
    common = {"device": device, "v": 1, "id": str(number), "at": when.isoformat().replace("+00:00", "Z")}
    return json.dumps(common | told).encode()


@pytest.mark.parametrize(("name", "text"), TIMELINES, ids=[name for name, _ in TIMELINES])
def test_the_timeline_is_true(name: str, text: str) -> None:
    head, *rows = text.strip().splitlines()
    lines, expected = [], []
    for number, row in enumerate(rows):
        words = row.split()
        when = instant(words)
        if words[0] == "->":
            expected.append((when, *words[1:]))
        else:
            lines.append(message(number, when, words))
    community = parse(COMMUNITY.replace("RULES", head.removeprefix("rules: ")), "docs/rules.md")
    *alerts, _ = run(lines, community, report=pytest.fail)
    raised = [(datetime.fromisoformat(alert["at"]), alert["kind"], alert["verdict"]) for alert in alerts]
    said = [(*row, alert[2])[:3] for row, alert in zip(expected, raised, strict=False)]
    assert raised == said + expected[len(raised) :]


def test_every_rule_has_a_section_with_a_timeline() -> None:
    assert {name for name, _ in TIMELINES} == {*RULES, PROMPT, "Urgent messages"}


@pytest.mark.parametrize("verdict", HomeVerdict)
def test_every_verdict_is_explained(verdict: HomeVerdict) -> None:
    assert f"\n| `{verdict}` | " in SECTIONS["The verdict of a home"]


@pytest.mark.parametrize("name", [*RULES, AWAY])
def test_the_table_of_a_rule_names_its_parameters(name: str) -> None:
    assert set(table(name)) == {slot.rstrip("_") for slot in PARSED[name].__slots__}


@pytest.mark.parametrize("name", [*RULES, AWAY])
def test_the_defaults_in_the_table_of_a_rule_are_its_defaults(name: str) -> None:
    given = {parameter: default for parameter, default in table(name).items() if default is not None}
    assert PARSED[name].parse(Parameters(given)) == PARSED[name]()


def test_the_page_says_which_rules_are_in_the_plan_default() -> None:
    marked = re.findall(r"^\| \[`(\w+)`\]\(#\w+\) \|.*\| yes \|$", PAGE, re.MULTILINE)
    assert marked == [rule.kind.value for rule in BUILT_IN.rules]


def table(name: str) -> dict[str, object]:
    """The parameters in the table of a rule, each with its default; None where it has none."""
    rows = [row.split("|") for row in SECTIONS[name].splitlines() if row.startswith("| `")]
    found = {cells[1].strip(" `"): re.search("`(.*?)`", cells[3]) for cells in rows}
    return {parameter: value(default[1]) if default else None for parameter, default in found.items()}


def value(written: str) -> object:
    """A default as the file spells it: a list of words, a number, or a text."""
    if written.startswith("["):
        return written.strip("[]").split(", ")
    return int(written) if written.isdecimal() else written.strip('"')
