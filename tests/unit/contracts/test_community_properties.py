"""Properties of the community file: what is written is read back, and no text breaks the reader."""

import io
import json
from datetime import date
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from lampkeep.contracts.community import CommunityError, parse
from lampkeep.contracts.community.fields import format_duration
from lampkeep.contracts.community.rules import SUSPENDABLE
from lampkeep.domain.times import parse_duration
from lampkeep.domain.vocabulary import DeviceKind, Role

IDS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,5}", fullmatch=True)
NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=8).filter(str.strip)
DURATIONS = st.builds(lambda n, unit: f"{n}{unit}", st.integers(1, 500), st.sampled_from("smh"))
TIMES = st.builds(lambda hour, minute: f"{hour:02}:{minute:02}", st.integers(0, 23), st.integers(0, 59))
DAYS = st.dates(min_value=date(1900, 1, 1), max_value=date(2099, 1, 1))


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with any of `fields`."""
    return st.fixed_dictionaries({}, optional=fields)


def several(strategy: st.SearchStrategy[Any], *, key: str = "id") -> st.SearchStrategy[list[Any]]:
    """A few objects, no two of one id."""
    return st.lists(strategy, max_size=3, unique_by=lambda one: one[key])


RULES = some(
    inactivity=st.just(True) | some(day=DURATIONS, night=DURATIONS),
    low_battery=st.just(True) | some(below=st.integers(1, 90)),
    door_left_open=st.just(True) | some(**{"for": DURATIONS, "places": st.lists(NAMES, min_size=1, max_size=2)}),
    missed_checkin=st.just(True) | some(by=TIMES, prompt=DURATIONS),
    tamper=st.booleans(),
)


@st.composite
def communities(draw: st.DrawFn) -> dict[str, Any]:
    """The body of a consistent community."""
    areas = draw(st.lists(st.fixed_dictionaries({"id": IDS, "name": NAMES}), min_size=1, max_size=4, unique_by=_id))
    for number, area in enumerate(areas[1:], start=1):
        if draw(st.booleans()):
            area["parent"] = areas[draw(st.integers(0, number - 1))]["id"]
    of_areas = st.sampled_from([area["id"] for area in areas])
    role = st.sampled_from([one.value for one in Role])
    responder = st.fixed_dictionaries({"id": IDS, "name": NAMES, "role": role}, optional={"areas": of_areas.map(_one)})
    responders = draw(several(responder))
    step = st.fixed_dictionaries(
        {"to": role.map(_one)}, optional={"deliver_within": DURATIONS, "repeat_every": DURATIONS}
    )
    policies = draw(several(st.fixed_dictionaries({"id": IDS, "steps": st.lists(step, min_size=1, max_size=3)})))
    named = st.just({}) if not policies else some(default=st.sampled_from([one["id"] for one in policies]))
    plan = st.fixed_dictionaries({"id": IDS}, optional={"rules": RULES, "policies": named})
    plans = draw(st.lists(plan, min_size=1, max_size=3, unique_by=_id))
    family = [one["id"] for one in responders if one["role"] == "family"]
    ids = draw(st.lists(IDS, min_size=6, max_size=6, unique=True))
    homes = [
        {
            "id": home_id,
            "area": draw(of_areas),
            "plan": draw(st.sampled_from([one["id"] for one in plans])),
            "residents": [{"id": home_id, "name": draw(NAMES), "born": draw(DAYS).isoformat()}],
            "devices": [{"id": home_id, "kind": draw(st.sampled_from([one.value for one in DeviceKind]))}],
            "family": family,
            "suspend": [{"rules": [draw(st.sampled_from(sorted(SUSPENDABLE)))], "until": draw(DAYS).isoformat()}],
            "location": [draw(st.floats(-90, 90)), draw(st.floats(-180, 180))],
            "emergency_consent": draw(st.booleans()),
        }
        for home_id in ids[: draw(st.integers(0, 6))]
    ]
    return {
        "lampkeep": "v1",
        "areas": areas,
        "responders": responders,
        "policies": policies,
        "plans": plans,
        "homes": homes,
    }


def _id(one: dict[str, Any]) -> Any:
    return one["id"]


def spelled(body: dict[str, Any]) -> str:
    """YAML 1.2 in block style, by a writer that is not ours."""
    out = io.StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.dump(body, out)
    return out.getvalue()


def mistake_in(text: str | bytes) -> CommunityError | None:
    """What is wrong with a file; None where it is a community."""
    try:
        parse(text, "FILE")
    except CommunityError as error:
        return error
    return None


def _one(value: str) -> list[str]:
    return [value]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(communities())
def test_a_community_is_read_back_from_its_own_spelling(body: dict[str, Any]) -> None:
    community = parse(json.dumps(body, ensure_ascii=False), "FILE")
    again = parse(json.dumps(community.body(), ensure_ascii=False), "FILE")
    assert again == community
    assert again.body() == community.body()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(communities())
def test_block_style_and_flow_style_are_the_same(body: dict[str, Any]) -> None:
    block = spelled(body)
    assert parse(block, "FILE") == parse(json.dumps(body, ensure_ascii=False), "FILE")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(communities(), st.data())
def test_whatever_is_put_into_a_file_is_read_or_told(body: dict[str, Any], data: st.DataObject) -> None:
    """Anything in any place: never another error than a CommunityError, and always with lines."""
    text = spelled(body)
    at = data.draw(st.integers(0, len(text)))
    junk = data.draw(
        st.text(max_size=5) | st.sampled_from(["*a", "&a ", "!x ", "{", "[", "- ", "\t", "<<: ", "12", "~"])
    )
    error = mistake_in(text[:at] + junk + text[at:])
    assert error is None or (error.mistakes and all(one.line for one in error.mistakes))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_told(raw: bytes) -> None:
    error = mistake_in(raw)
    assert error is None or str(error).startswith("FILE:")


@given(DURATIONS)
def test_durations_are_spelled_back(text: str) -> None:
    assert parse_duration(format_duration(parse_duration(text))) == parse_duration(text)


@given(st.lists(IDS, min_size=2, max_size=5, unique=True), st.data())
def test_a_circle_of_areas_of_any_length_is_told(ids: list[str], data: st.DataObject) -> None:
    entry = data.draw(st.integers(0, len(ids) - 1))
    parents = [*ids[1:], ids[entry]]
    assume(len(ids) > 1)
    areas = [{"id": one, "name": "x", "parent": parent} for one, parent in zip(ids, parents, strict=True)]
    error = mistake_in(json.dumps({"areas": areas}))
    assert error is not None
    assert ["circle" in one.message for one in error.mistakes] == [True]
