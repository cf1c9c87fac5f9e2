"""Communities: a made-up one is right by the services' own reader, and the simulator takes from any what it needs."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from lampkeep.contracts.community import parse
from lampkeep_sim.community import community_from, duration, read_community
from lampkeep_sim.errors import UsageError
from lampkeep_sim.load.parish import load_community_yaml
from lampkeep_sim.made_up import as_yaml, made_up


@pytest.mark.parametrize("homes", [1, 7, 60])
def test_a_made_up_community_is_accepted_by_the_services(homes: int) -> None:
    text = as_yaml(made_up(homes, 1, hook="http://127.0.0.1:9099/hook", secret="s"))
    assert len(parse(text, "made-up.yaml").homes) == homes


def test_the_community_of_a_load_run_is_accepted_by_the_services() -> None:
    assert len(parse(load_community_yaml(3, "http://127.0.0.1:9099/hook"), "load.yaml").homes) == 3


def test_a_made_up_community_walks_every_way_in() -> None:
    community = community_from(made_up(6, 1, hook="http://h/", secret="s"))
    own = [one for one in community.devices() if one.account == one.device_id]
    behind = [one for one in community.devices() if one.account != one.device_id]
    assert own
    assert {bool(one.z2m) for one in behind} == {True, False}
    assert all(one.account == one.device_id for one in community.devices() if one.kind == "pendant")


def test_names_in_it_are_good_in_topics_of_every_broker() -> None:
    """NATS takes no blanks in topics and no dots in client ids."""
    community = community_from(made_up(60, 1, hook="http://h/", secret="s"))
    names = [name for one in community.devices() for name in (one.device_id, one.account, one.z2m or "x")]
    assert all(re.fullmatch(r"[a-z0-9_-]+", name) for name in names)
    ids = [one.device_id for one in community.devices()]
    assert len(ids) == len(set(ids))


def test_the_same_seed_makes_up_the_same_people() -> None:
    def made(seed: int) -> str:
        return as_yaml(made_up(5, seed, hook="http://h/", secret="s"))

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_a_file_gives_devices_their_accounts_names_and_beats(tmp_path: Path) -> None:
    file = tmp_path / "community.yaml"
    file.write_text(
        """
lampkeep: v1
timezone: UTC
responders:
  - {id: wang, name: W, role: grid_worker, channels: [{kind: webhook, url: "http://h/", secret: s3}]}
homes:
  - id: home-1
    devices:
      - {id: pendant-1, kind: pendant}
      - {id: door-1, kind: door, place: entrance, account: gw-1, z2m: "Front door", heartbeat_every: 30m}
"""
    )
    community = read_community(file)
    pendant, door = community.devices()
    assert (pendant.account, pendant.z2m, pendant.heartbeat_every) == ("pendant-1", None, None)
    assert (door.account, door.z2m, door.heartbeat_every) == ("gw-1", "Front door", timedelta(minutes=30))
    assert community.secrets == {"wang": "s3"}
    assert str(community.zone) == "UTC"


@pytest.mark.parametrize("text", ["[", "homes: [{}]", "homes: [{id: h, devices: [{id: d}]}]", "timezone: Mars", "- 1"])
def test_a_file_that_makes_no_sense_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"bad\.yaml"):
        read_community(file)


def test_durations_have_their_units() -> None:
    assert [duration(text) for text in ("90s", "5m", "6h", "2d")] == [
        timedelta(seconds=90),
        timedelta(minutes=5),
        timedelta(hours=6),
        timedelta(days=2),
    ]
    with pytest.raises(ValueError, match="5 minutes"):
        duration("5 minutes")
