"""`lampkeep baseline` and `lampkeep commission` on what the database has of a home."""

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.types.json import Json

from lampkeep.clock import SystemClock
from lampkeep.domain.home_state import Reading
from lampkeep.registry import objects
from lampkeep.registry.objects import Kind
from lampkeep.replay.history import said_in_home
from lampkeep.replay.lines import Urgent
from lampkeep.replay.recording import Recording
from lampkeep.settings import Settings
from lampkeep_standalone.commissioning import commission
from lampkeep_standalone.errors import StandaloneError, UsageError
from lampkeep_standalone.home_history import Source
from lampkeep_standalone.learning import baseline
from support.registry import applied, opened, rows
from support.watched import ZONE

HALF_HOUR = timedelta(minutes=30)
UNSUSPENDED = {
    '    suspend: [{rules: [inactivity, not_up], from: "2026-12-01", until: "2026-12-08", reason: hospital}]\n': "",
    ", heartbeat_every: 30m": "",
}

Said = tuple[datetime, str, str, dict[str, Any]]
"""Instant, device, type and data."""


class HomeInDatabase:
    """The first home of the example, whose stored history a test writes, and what the commands print of it."""

    def __init__(self, url: str, connection: AsyncConnection[DictRow], capsys: pytest.CaptureFixture[str]) -> None:
        self.connection = connection
        self._settings = Settings(database_url=url)
        self._capsys = capsys

    async def store(self, said: Iterable[Said], *, marks: tuple[str, ...] = ()) -> None:
        """Store observations and presses as ingest does; devices have the account gw-001."""
        values = [
            {"at": at, "device": device, "type": type_, "data": Json(data), "id": f"m{n}", "marks": list(marks)}
            for n, (at, device, type_, data) in enumerate(said)
        ]
        async with self.connection.cursor() as cursor:
            for table in ("observations", "urgent_messages"):
                await cursor.executemany(
                    f"insert into {table} (received_at, at, account, device_id, home_id, message_id, type, data, marks)"
                    " values (%(at)s, %(at)s, 'gw-001', %(device)s, 'home-001', %(id)s, %(type)s, %(data)s, %(marks)s)",
                    [one for one in values if (one["type"] == "sos") is (table == "urgent_messages")],
                )

    async def baseline(self, *, days: int = 90, apply: bool = False) -> dict[str, Any]:
        """What was printed, its lines as one object."""
        await baseline(self._settings, Source(), "home-001", days=days, budget=0.0333, apply=apply)
        return {name: value for line in self._printed() for name, value in line.items()}

    async def commission(self) -> list[dict[str, Any]]:
        """What was printed, line by line."""
        await commission(self._settings, Source(), "home-001", days=14)
        return self._printed()

    async def plan_of(self, home_id: str) -> str:
        """The plan that the registry has for a home."""
        stored = await objects.get(self.connection, Kind.HOME, home_id)
        assert stored is not None
        return str(stored.body["plan"])

    def _printed(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._capsys.readouterr().out.splitlines()]


@pytest.fixture
async def home(database_url: str, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[HomeInDatabase]:
    async with opened(database_url) as connection:
        await applied(connection, UNSUSPENDED)
        yield HomeInDatabase(database_url, connection, capsys)


def lived_in(days: int) -> list[Said]:
    """So many days until now: somebody stirs every half hour from 6 to 22 local time, but for two hours at noon."""
    now = SystemClock().now()
    ticks = [now - n * HALF_HOUR for n in range(days * 48 + 1)]
    hours = {at: at.astimezone(ZONE).hour for at in ticks}
    return [(at, "pir-001", "motion", {}) for at in reversed(ticks) if 6 <= hours[at] < 22 and not 12 <= hours[at] < 14]


async def test_baseline_proposes_and_changes_nothing(home: HomeInDatabase) -> None:
    await home.store(lived_in(20))
    told = await home.baseline()
    assert told["usual"]["wed"][12] == pytest.approx(2.5, abs=0.1)
    assert told["usual"]["wed"][2] == pytest.approx(8.5, abs=0.1)
    assert told["before"]["plan"] == "alone-frail"
    assert told["before"]["inactivity"] == {"day": "4h", "night": "10h", "day_hours": "07:00-22:00"}
    assert (told["before"]["false_alarms"], told["after"]["false_alarms"]) == (0, 0)
    assert told["after"]["noticed_after_h"] < told["before"]["noticed_after_h"]
    assert told["summary"]["applied"] is None
    assert await home.plan_of("home-001") == "alone-frail"
    assert [row["plan_id"] for row in await rows(home.connection, "select plan_id from plans")] == ["alone-frail"]


async def test_apply_gives_the_home_a_plan_of_its_own_and_then_keeps_it(home: HomeInDatabase) -> None:
    await home.store(lived_in(20))
    told = await home.baseline(apply=True)
    assert told["summary"]["applied"] == "alone-frail-home-001"
    assert await home.plan_of("home-001") == "alone-frail-home-001"
    assert await home.plan_of("home-002") == "alone-frail"
    shared, own = [
        await objects.get(home.connection, Kind.PLAN, id_) for id_ in ("alone-frail", told["summary"]["applied"])
    ]
    assert shared is not None
    assert own is not None
    assert own.body["rules"]["inactivity"] == told["after"]["inactivity"]
    others = {name: one for name, one in shared.body["rules"].items() if name != "inactivity"}
    assert {name: one for name, one in own.body["rules"].items() if name != "inactivity"} == others
    assert own.body["policies"] == shared.body["policies"]
    stored = await objects.get(home.connection, Kind.HOME, "home-001")
    assert stored is not None
    assert [one["id"] for one in stored.body["devices"]] == ["pendant-001", "door-001", "pir-001"]
    assert stored.body["residents"][0]["notes"] == "青霉素过敏"

    again = await home.baseline(apply=True)
    assert again["before"]["plan"] == again["summary"]["applied"] == "alone-frail-home-001"
    assert again["before"]["inactivity"] == again["after"]["inactivity"]
    assert len(await rows(home.connection, "select from plans")) == 2


async def test_a_plan_that_another_home_uses_is_not_bent(home: HomeInDatabase) -> None:
    await home.store(lived_in(20))
    await home.baseline(apply=True)
    other = await objects.get(home.connection, Kind.HOME, "home-002")
    assert other is not None
    body = {key: value for key, value in other.body.items() if key != "devices"} | {"plan": "alone-frail-home-001"}
    await objects.put(home.connection, Kind.HOME, "home-002", body, now=SystemClock().now())
    with pytest.raises(StandaloneError, match="used by home home-001, home home-002"):
        await home.baseline(apply=True)


async def test_the_newest_14_days_of_more_are_enough(home: HomeInDatabase) -> None:
    await home.store(lived_in(20))
    assert 14 <= (await home.baseline(days=14))["summary"]["days"] < 15


async def test_too_few_days_are_refused_with_their_number(home: HomeInDatabase) -> None:
    await home.store(lived_in(10))
    with pytest.raises(UsageError, match=r"home-001: 9\.\d days of history, and at least 14 are needed|10\.0 days"):
        await home.baseline()


async def test_a_home_that_is_not_there_is_a_usage_error(database_url: str) -> None:
    with pytest.raises(UsageError, match="no-such-home"):
        await commission(Settings(database_url=database_url), Source(), "no-such-home", days=14)


async def test_commission_reports_a_door_that_never_fired(home: HomeInDatabase) -> None:
    await home.connection.execute("update devices set registered_at = registered_at - interval '30 days'")
    await home.store(lived_in(20))
    found, last = await home.commission()
    assert (found["flaw"], found["device"], found["home"]) == ("never_fired", "door-001", "home-001")
    assert found["evidence"]["text_zh"] != found["evidence"]["text_en"]
    assert last["summary"]["suspicions"] == {"never_fired": 1}
    assert last["summary"]["days"] <= 14


async def test_the_database_gives_what_a_recording_gives(home: HomeInDatabase) -> None:
    end = SystemClock().now().replace(microsecond=0)
    said: list[Said] = [
        (end - timedelta(hours=5), "door-001", "door", {"open": True}),
        (end - timedelta(hours=4), "pir-001", "motion", {}),
        (end - timedelta(hours=3), "pir-001", "motion", {"active": False}),
        (end - timedelta(hours=2), "pendant-001", "sos", {"test": True}),
        (end - timedelta(hours=1), "pir-001", "tamper", {"active": True}),
    ]
    await home.store(reversed(said))
    await home.store([(end - timedelta(minutes=90), "door-001", "door", {"open": False})], marks=("retained",))
    lines = [
        json.dumps(
            {"v": 1, "id": f"m{n}", "device": device, "type": type_, "at": at.isoformat(), "data": data}
        ).encode()
        for n, (at, device, type_, data) in enumerate(said)
    ]
    start = end - timedelta(days=1)
    stored = [one async for one in said_in_home(home.connection, "home-001", start=start, end=end)]
    assert [(at, _without_home(one)) for at, one in stored] == [
        (at, one) if isinstance(one, Reading) else (at, replace(one, content={"test": True}))
        for at, one in Recording(lines, pytest.fail)
    ]


def _without_home(said: Reading | Urgent) -> Reading | Urgent:
    return replace(said, home_id="") if isinstance(said, Reading) else said
