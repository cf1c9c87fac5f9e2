"""The locks: exact, hashed, without an address, and of one mind."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", (ROOT / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_has_a_version_and_a_hash(name: str) -> None:
    requirements = re.split(r"\n(?=\S)", re.sub(r"^ *#.*\n", "", (ROOT / name).read_text(), flags=re.MULTILINE))
    assert len(requirements) == len(pins(name)) > 3
    assert all("--hash=sha256:" in requirement for requirement in requirements)


@pytest.mark.parametrize("name", LOCKS)
def test_no_lock_names_an_address_or_a_place_on_a_machine(name: str) -> None:
    assert not re.search(r"://|--find-links|--(extra-)?index-url|^/|file:", (ROOT / name).read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-build.lock"])
def test_development_uses_what_is_delivered(name: str) -> None:
    assert pins(name).items() <= pins("requirements-dev.lock").items()
