"""`lampkeep sim` as its users run it: processes, exit codes, files, signals."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lampkeep_sim.control import tell
from lampkeep_sim.errors import UsageError
from lampkeep_sim.mqtt import Endpoint, Version
from support.mosquitto import Broker
from support.processes import ChildProcess, free_port
from support.station import Station, listening

SIM = [sys.executable, "-c", "from lampkeep_sim.cli import app; app()"]


@pytest.fixture
async def station(nats: Broker) -> AsyncIterator[Station]:
    async with listening(Endpoint.from_url(nats.url), Version.V311) as made:
        yield made


@asynccontextmanager
async def sim(nats: Broker, folder: Path, *words: str) -> AsyncIterator[ChildProcess]:
    """A running `lampkeep sim …`; its state is in `folder`."""
    env = {"LAMPKEEP_MQTT_URL": nats.url, "LAMPKEEP_SIM_STATE_DIR": str(folder / "state"), "LAMPKEEP_LOG": "json"}
    child = await ChildProcess.start([*SIM, *words], name="sim", env=env, folder=folder)
    try:
        yield child
    finally:
        await child.end()


async def ends(nats: Broker, folder: Path, *words: str) -> tuple[int, str]:
    """Run `lampkeep sim …` to its end; return its exit code and what it printed."""
    async with sim(nats, folder, *words) as child:
        return await child.wait(within_s=60), child.output


async def test_a_community_lives_until_it_is_stopped(nats: Broker, station: Station, tmp_path: Path) -> None:
    async with sim(nats, tmp_path, "run", "--homes", "3", "--speed", "3000", "--write-community", "c.yaml") as child:
        await station.until(lambda: len(station.heard) > 100, within_s=30)
        assert await child.stop() == 0
        kinds = {one.topic.split("/")[1] for one in station.heard}
        assert kinds == {"v1", "z2m"}
        assert (tmp_path / "c.yaml").read_text().startswith("lampkeep: v1")
        await station.until(
            lambda: station.said("lampkeep/v1/pendant-0001/pendant-0001/status")[-1] == {"v": 1, "online": False}
        )


async def test_a_life_ends_after_its_duration(nats: Broker, tmp_path: Path) -> None:
    code, _ = await ends(nats, tmp_path, "run", "--homes", "1", "--duration", "1s")
    assert code == 0


async def test_sos_is_pressed_at_its_rate_and_receipted(nats: Broker, station: Station, tmp_path: Path) -> None:
    code, output = await ends(
        nats, tmp_path, "run", "--homes", "5", "--sos-rate", "7200", "--speed", "60", "--duration", "4s"
    )
    assert code == 0
    ended = next(json.loads(line) for line in output.splitlines() if "run.ended" in line)
    assert 2 <= ended["receipts"] <= 20
    urgent = [one for one in station.heard if one.topic.endswith("/urgent") and b"sos" in one.payload]
    assert len(urgent) >= ended["receipts"]


async def test_a_collapsed_home_says_nothing_but_that_its_devices_live(
    nats: Broker, station: Station, tmp_path: Path
) -> None:
    async with sim(nats, tmp_path, "run", "--homes", "1", "--speed", "2000", "--start", "09:00") as child:
        await child.wait_for_line("run.started")
        await tell(tmp_path / "state", "collapse", "home-0001")
        await child.wait_for_line("home.collapsed")
        await asyncio.sleep(0.1)
        before = len(station.heard)
        await station.until(lambda: len(station.heard) > before + 15, within_s=30)
        later = [json.loads(one.payload) for one in station.heard[before:] if one.topic.endswith("/observation")]
        assert {body["type"] for body in later} == {"heartbeat"}
        await tell(tmp_path / "state", "recover", "home-0001")
        await station.until(
            lambda: any(b'"motion"' in one.payload for one in station.heard[before + 15 :]), within_s=30
        )


async def test_a_silenced_device_is_offline_by_its_will(nats: Broker, station: Station, tmp_path: Path) -> None:
    status = "lampkeep/v1/pendant-0001/pendant-0001/status"
    async with sim(nats, tmp_path, "run", "--homes", "1") as child:
        await child.wait_for_line("run.started")
        await station.until(lambda: station.said(status)[-1:] == [{"v": 1, "online": True}])
        assert (await ends(nats, tmp_path, "silence", "pendant-0001"))[0] == 0
        await station.until(lambda: station.said(status)[-1] == {"v": 1, "online": False})
        await tell(tmp_path / "state", "wake", "pendant-0001")
        await station.until(lambda: station.said(status)[-1] == {"v": 1, "online": True})
        with pytest.raises(UsageError, match="this simulator has no nobody"):
            await tell(tmp_path / "state", "silence", "nobody")


async def test_a_second_run_lives_without_control(nats: Broker, tmp_path: Path) -> None:
    async with sim(nats, tmp_path, "run", "--homes", "1") as first:
        await first.wait_for_line("run.started")
        code, output = await ends(nats, tmp_path, "run", "--homes", "1", "--duration", "1s")
        assert code == 0
        assert "control.taken" in output
        await tell(tmp_path / "state", "collapse", "home-0001")


async def test_a_press_prints_how_long_its_receipt_took(nats: Broker, station: Station, tmp_path: Path) -> None:
    code, output = await ends(nats, tmp_path, "press", "pendant-9", "--account", "gw-9", "--id", "press-9")
    assert code == 0
    assert output.startswith("receipt device=pendant-9 id=press-9 latency_ms=")
    assert [body["type"] for body in station.said("lampkeep/v1/gw-9/pendant-9/urgent")] == ["sos"]


async def test_a_recording_is_played_from_the_accounts_of_its_community(
    nats: Broker, station: Station, tmp_path: Path
) -> None:
    (tmp_path / "c.yaml").write_text("homes: [{id: h, devices: [{id: d1, kind: door, account: gw-p}]}]")
    lines = [
        {"device": "d1", "v": 1, "id": f"p{number}", "type": "door", "at": f"2026-01-01T00:00:{number:02d}Z"}
        for number in range(30)
    ]
    (tmp_path / "r.jsonl").write_text("\n".join(json.dumps(line | {"data": {"open": True}}) for line in lines))
    code, output = await ends(nats, tmp_path, "play", "r.jsonl", "--community", "c.yaml", "--speed", "0")
    assert code == 0
    assert json.loads(output.splitlines()[-1])["acknowledged"] == 30
    await station.until(lambda: len(station.said("lampkeep/v1/gw-p/d1/observation")) == 30)
    first = station.said("lampkeep/v1/gw-p/d1/observation")[0]
    assert (first["id"], first["at"]) == ("p0", "2026-01-01T00:00:00.000Z")


async def test_a_recorded_life_can_be_played_back(nats: Broker, station: Station, tmp_path: Path) -> None:
    code, output = await ends(nats, tmp_path, "record", "life.jsonl", "--homes", "1", "--days", "1")
    assert code == 0
    count = json.loads(output)["messages"]
    code, output = await ends(nats, tmp_path, "play", "life.jsonl", "--speed", "0", "--rebase", "end")
    assert code == 0
    assert json.loads(output.splitlines()[-1])["messages"] == count > 200


async def test_people_answer_webhooks_until_they_are_stopped(nats: Broker, tmp_path: Path) -> None:
    async with sim(nats, tmp_path, "respond", "--http", "127.0.0.1:0", "--accept", "1", "--decline", "0") as child:
        await child.wait_for_line('"what":"ready"')
        child.send(signal.SIGINT)
        assert await child.wait(within_s=10) == 0


MISTAKES = {
    "run --duration soon": "--duration: 'soon' is no duration",
    "run --start noon": "--start: noon is no time of day",
    "run --community missing.yaml": "missing.yaml: cannot read",
    "run --mqtt http://h": "--mqtt: must begin with mqtt://",
    "run --responders nowhere": "nowhere is no HOST:PORT",
    "run --accept 0.9 --decline 0.9": "more than everybody",
    "run --speed -1": "--speed",
    "press p --kind door": "--kind: door is no urgent message",
    "play missing.jsonl": "missing.jsonl: cannot read",
    "respond --api http://h": "--api needs --api-token",
    "walk": "No such command",
}
MISSING = {
    "run --homes 1": "no broker at 127.0.0.1",
    "press p --deadline 0.2": "no receipt for p within 0.2 s",
    "collapse home-0001": "no simulator runs",
}
SEVERAL = """
import sys
from lampkeep_sim.cli import app
for words in sys.argv[1:]:
    print("<<<", words, file=sys.stderr)
    try:
        app(words.split())
    except SystemExit as end:
        print(">>>", end.code, file=sys.stderr)
"""


@pytest.mark.parametrize(("commands", "expected"), [(MISTAKES, 2), (MISSING, 1)])
async def test_what_goes_wrong_has_its_exit_code_and_says_so_without_a_traceback(
    tmp_path: Path, commands: dict[str, str], expected: int
) -> None:
    """All in one process: starting Python costs more than the rest."""
    env = {"LAMPKEEP_MQTT_URL": f"mqtt://127.0.0.1:{free_port()}", "LAMPKEEP_SIM_STATE_DIR": str(tmp_path / "none")}
    child = await ChildProcess.start([sys.executable, "-c", SEVERAL, *commands], name="sim", env=env, folder=tmp_path)
    try:
        assert await child.wait(within_s=60) == 0
        for words, said in commands.items():
            printed, code = child.output.split(f"<<< {words}\n")[1].split("<<<")[0].split(">>> ")
            assert said in printed
            assert int(code) == expected
        assert "Traceback" not in child.output
    finally:
        await child.end()
