"""`lampkeep replay --from-database` says of stored history what a recording of the same messages says."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.domain.vocabulary import URGENT_TYPES
from lampkeep.registry.apply import apply
from lampkeep.replay import run
from lampkeep.settings import Settings
from lampkeep_standalone.errors import UsageError
from lampkeep_standalone.replaying import Experiment, Stretch, replay_stored
from support.registry import NOW, opened
from support.taped import Tape, community
from support.watched import at

RULES = "inactivity: {day: 2h, night: 3h}, door_left_open: {for: 30m, places: [kitchen]}, low_battery: true"
KNOWN = community(RULES)
LATER = at("08:00", days=3)


def lived() -> Tape:
    """Two days of home-001, and somebody in home-002."""
    tape = Tape()
    for days in (0, 1):
        for hour in (8, 9, 10, 13, 14, 15, 16, 17, 20, 21):
            tape.say(f"{hour:02}:00", "pir-001", "motion", days=days, battery=30 - hour)
        tape.say("21:10", "fridge-001", "door", open=True, days=days).say("21:50", "pir-201", "motion", days=days)
        tape.say("22:00", "pendant-001", "sos", days=days)
    return tape


@pytest.fixture
async def stored(database_url: str) -> Settings:
    async with opened(database_url) as connection:
        await apply(connection, KNOWN, now=NOW)
        for line in lived().lines:
            await store(connection, json.loads(line))
    return Settings(database_url=database_url)


async def store(connection: AsyncConnection[DictRow], said: dict[str, Any]) -> None:
    """As ingest stores it, received a second later."""
    device = said["device"]
    homes = {one.id: home.id for home in KNOWN.homes for one in home.devices}
    table = "urgent_messages" if said["type"] in URGENT_TYPES else "observations"
    when = datetime.fromisoformat(said["at"])
    await connection.execute(
        f"insert into {table} (received_at, at, account, device_id, home_id, message_id, type, battery, data)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            when + timedelta(seconds=1),
            when,
            device,
            device,
            homes[device],
            said["id"],
            said["type"],
            said.get("battery"),
            json.dumps(said["data"]),
        ),
    )


def stretch(home: str = "home-001", *, start: str = "00:00", end: str = "22:00:01") -> Stretch:
    return Stretch(home_id=home, start=at(start), end=at(end, days=1))


async def printed(
    settings: Settings, capsys: pytest.CaptureFixture[str], asked: Stretch, **experiment: Any
) -> list[dict[str, Any]]:
    capsys.readouterr()
    await replay_stored(settings, None, asked, Experiment(**experiment), now=LATER)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def recorded(plan: str | None = None, **more: Any) -> list[dict[str, Any]]:
    """What a recording of home-001 alone says."""
    lines = [line for line in lived().lines if b"pir-201" not in line]
    found: list[dict[str, Any]] = json.loads(json.dumps(list(run(lines, KNOWN, plan, report=lambda _: None, **more))))
    return found


@pytest.mark.parametrize("plan", [None, "none", "default"])
async def test_history_raises_the_alerts_of_its_recording(
    stored: Settings, capsys: pytest.CaptureFixture[str], plan: str | None
) -> None:
    found = await printed(stored, capsys, stretch(end="22:00"), plan=plan)
    until_then = [one for one in recorded(plan)[:-1] if one["at"] < at("22:00", days=1).isoformat()[:19]]
    assert found[:-1] == until_then
    assert len(found) > 1
    assert found[-1]["summary"]["home_days"] == pytest.approx(1 + 14 / 24, abs=0.001)


async def test_only_the_time_asked_for_is_replayed(stored: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    *alerts, _ = await printed(stored, capsys, stretch(start="14:30"), plan="some")
    assert {one["at"] for one in alerts} == {
        one["at"] for one in recorded("some")[:-1] if one["at"] > "2026-11-22T06:3"
    }


async def test_the_clock_goes_on_to_the_end_asked_for_but_not_into_the_future(
    stored: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    (silence, _) = await printed(stored, capsys, stretch("home-002", start="21:45", end="12:00"))
    assert silence["kind"] == "inactivity"
    for end, home_days in ((at("21:50", days=2), 2.0), (at("12:00", days=9), 2 + 610 / 1440)):
        asked = Stretch(home_id="home-002", start=at("00:00"), end=end)
        assert (await printed(stored, capsys, asked))[-1]["summary"]["home_days"] == round(home_days, 3)


async def test_history_is_compared_and_collapses_are_played_in_it(
    stored: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    (found,) = await printed(stored, capsys, stretch(), compare=("some", "default"), collapses=20, seed=3)
    some, default = found["compare"]
    assert (some["plan"], default["plan"]) == ("some", "default")
    assert some["collapse"]["first"]["hours"]["p50"] < default["collapse"]["first"]["hours"]["p50"]
    *_, collapse, summary = await printed(stored, capsys, stretch(), plan="some", collapses=20, seed=3)
    assert {"plan": "some", **collapse, **summary} == some


async def test_a_local_time_is_that_of_the_community(stored: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    day = datetime(2026, 11, 22)  # noqa: DTZ001 - as somebody types it
    asked = Stretch(home_id="home-002", start=day, end=day + timedelta(days=1))
    assert (await printed(stored, capsys, asked))[-1]["summary"]["home_days"] == pytest.approx(130 / 1440, abs=0.001)


@pytest.mark.parametrize(
    ("asked", "experiment", "says"),
    [
        (stretch("home-009"), {}, "--home: no home 'home-009'"),
        (stretch(), {"plan": "best"}, "--plan: no plan 'best'"),
        (stretch(), {"compare": ("some", "best"), "collapses": 3}, "--compare: no plan 'best'"),
        (Stretch(home_id="home-001", start=at("10:00"), end=at("10:00")), {}, "--to"),
    ],
)
async def test_what_is_not_there_is_a_usage_error(
    stored: Settings, asked: Stretch, experiment: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        await replay_stored(stored, None, asked, Experiment(**experiment), now=LATER)
