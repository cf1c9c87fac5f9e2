from pathlib import Path

from lampkeep.contracts.community.parse import parse
from lampkeep_standalone import demo


def test_the_demos_community_is_right_and_tells_everybody_at_the_simulator(tmp_path: Path) -> None:
    made = demo.prepare(tmp_path / "demo.yaml")
    community = parse(made.community.read_bytes(), "demo.yaml")
    hooks = {channel.url for responder in community.responders for channel in responder.channels}
    assert hooks == {f"http://{made.responders}/hook"}
    assert len(community.homes) == 8


def test_the_port_of_the_last_start_stays(tmp_path: Path) -> None:
    first = demo.prepare(tmp_path / "demo.yaml")
    assert demo.prepare(tmp_path / "demo.yaml") == first


def test_the_simulator_gets_no_secret_on_its_command_line(tmp_path: Path) -> None:
    made = demo.prepare(tmp_path / "demo.yaml")
    words = made.simulator(api="http://127.0.0.1:1", passwords=tmp_path / "mqtt-accounts")
    assert words[:2] == ["sim", "run"]
    assert not [word for word in words if "token" in word or "@" in word]
