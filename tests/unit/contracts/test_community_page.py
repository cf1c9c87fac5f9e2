"""docs/community-file.md says what the code does."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from lampkeep.contracts.community import (
    AreaSpec,
    ChannelSpec,
    Community,
    DeviceSpec,
    HomeSpec,
    PlanSpec,
    PolicySpec,
    ResidentSpec,
    ResponderSpec,
    RosterSpec,
    ShiftSpec,
    StepSpec,
    SuspendSpec,
    parse,
)
from lampkeep.contracts.community.rules import ALWAYS_ON, Rules
from lampkeep.contracts.community.values import not_watched

PAGE = (Path(__file__).parents[3] / "docs" / "community-file.md").read_text(encoding="utf-8")

MODELS: list[type[BaseModel]] = [
    AreaSpec,
    ChannelSpec,
    Community,
    DeviceSpec,
    HomeSpec,
    PlanSpec,
    PolicySpec,
    ResidentSpec,
    ResponderSpec,
    RosterSpec,
    ShiftSpec,
    StepSpec,
    SuspendSpec,
]


def keys(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def test_the_pages_example_is_right_and_watched() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    community = parse(example, "the page")
    assert len(community.homes) == 1
    assert not_watched(community.plans[0].body()) == []


@pytest.mark.parametrize("model", MODELS)
def test_every_key_is_on_the_page(model: type[BaseModel]) -> None:
    assert {key for key in keys(model) if f"`{key}`" not in PAGE} == set()


def test_every_rule_is_on_the_page_with_its_parameters() -> None:
    found = re.findall(r"^\| (`[a-z_`, ]+) \| ([^|]+) \|$", PAGE.partition("| rule | parameters |")[2], re.MULTILINE)
    rows = {name: set(re.findall(r"`(\w+)`", told)) for names, told in found for name in re.findall(r"`(\w+)`", names)}
    rules = {name: field for name, field in Rules.model_fields.items() if name not in (*ALWAYS_ON, "sos_cancel")}
    for name, field in rules.items():
        model = next(one for one in getattr(field.annotation, "__args__", ()) if isinstance(one, type))
        assert rows[name] == keys(model), name
