"""What dispatch makes of verdicts: the resident is asked first, an absence is a note, a dark area is one alert."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from lampkeep.clock import ManualClock
from support.dispatching import Bench, bench_on, community

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
"""12:00 in Shanghai."""

ASKS = '{inactivity: {day: 4h, night: 10h, day_hours: "07:00-22:00", prompt: 5m}}'
WORKER = "[{to: [grid_worker], after: 0s}]"


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    async with bench_on(database_url, clock=ManualClock(NOON)) as opened:
        yield opened


def later(bench: Bench, **by: float) -> None:
    assert isinstance(bench.clock, ManualClock)
    bench.clock.advance(timedelta(**by))


async def says(bench: Bench, device: str, type_: str, *, on: bool = True, home: str = "home-001") -> None:
    """What ingest leaves of one reading, which makes its home due now."""
    column = "on_at" if on else "off_at"
    await bench.connection.execute(
        f"insert into device_state (device_id, type, home_id, seen_at, {column})"
        " values (%(device)s, %(type)s, %(home)s, %(now)s, array[%(now)s::timestamptz])"
        f" on conflict (device_id, type) do update set seen_at = %(now)s,"
        f" {column} = newest(device_state.{column}, excluded.{column}, 32)",
        {"device": device, "type": type_, "home": home, "now": bench.clock.now()},
    )
    await look(bench)


async def look(bench: Bench) -> None:
    await bench.connection.execute(
        "update home_watch set next_check_at = least(next_check_at, %s)", [bench.clock.now()]
    )


async def asked(bench: Bench) -> dict[str, Any]:
    """Silence until the resident is asked; the prompt that the pendant got."""
    await bench.apply(community(bench.desk, rules=ASKS, steps=WORKER))
    await says(bench, "pir-001", "motion")
    await bench.start()
    later(bench, hours=4, seconds=1)
    await bench.eventually("select 1 from alerts where state = 'pre_alarm'")
    await bench.eventually("select 1 from notifications where reason = 'prompt' and state = 'delivered'")
    (command,) = bench.commands.sent
    prompt: dict[str, Any] = orjson.loads(command.payload)
    assert (command.device_id, prompt["type"]) == ("pendant-001", "prompt")
    return prompt


async def test_the_resident_is_asked_first_and_any_activity_is_an_answer(bench: Bench) -> None:
    prompt = await asked(bench)
    assert prompt["expires_at"].startswith("2026-11-22T08:05:01")
    later(bench, minutes=2)
    await says(bench, "pir-001", "motion")
    row = await bench.eventually("select alert_id, state, outcome from alerts where closed_at is not null")
    assert (row["state"], row["outcome"]) == ("cancelled", None)
    assert prompt["alert"] == row["alert_id"]
    assert await bench.timeline() == ["pre_alarm", "cancelled"]
    assert bench.desk.calls == []


async def test_no_answer_opens_the_alert_when_the_prompt_ends(bench: Bench) -> None:
    await asked(bench)
    later(bench, minutes=5)
    (call, *_) = await bench.desk.wait_for(bool)
    assert (call.body["alert"]["kind"], call.body["alert"]["priority"]) == ("inactivity", "welfare")
    row = await bench.eventually("select state, opened_at from alerts")
    assert row == {"state": "open", "opened_at": NOON + timedelta(hours=4, minutes=5, seconds=1)}


async def test_not_well_opens_it_at_once_as_a_matter_of_life(bench: Bench) -> None:
    await asked(bench)
    later(bench, minutes=1)
    await says(bench, "pendant-001", "prompt_answer", on=False)
    (call, *_) = await bench.desk.wait_for(bool)
    assert (call.body["alert"]["kind"], call.body["alert"]["priority"]) == ("inactivity", "life")
    assert "opened" in await bench.timeline()


async def test_a_silence_while_away_is_a_note_and_no_alert(bench: Bench) -> None:
    rules = "{inactivity: {day: 4h, night: 10h}, not_returned: {after: 6h}}"
    text = community(bench.desk, rules=rules, steps=WORKER)
    door = "      - {id: smoke-001, kind: smoke, account: gw-001}\n"
    await bench.apply(text.replace(door, door + "      - {id: door-001, kind: door, place: entrance}\n"))
    await says(bench, "pir-001", "motion")
    await bench.start()
    later(bench, minutes=1)
    await says(bench, "door-001", "door")
    later(bench, hours=4)
    noted = await bench.eventually("select what, evidence, over_at from notes")
    assert (noted["what"], noted["evidence"]["verdict"], noted["over_at"]) == ("inactivity", "away", None)
    assert await bench.rows("select 1 from alerts") == []
    later(bench, hours=2)
    (call, *_) = await bench.desk.wait_for(bool)
    assert call.body["alert"]["kind"] == "not_returned"
    await says(bench, "pir-001", "motion")
    assert (await bench.eventually("select what from notes where over_at is not null"))["what"] == "inactivity"


async def test_time_that_nobody_watched_is_no_silence(bench: Bench) -> None:
    rules = '{inactivity: {day: 4h, night: 10h, day_hours: "07:00-22:00"}}'
    await bench.apply(community(bench.desk, rules=rules, steps=WORKER))
    await says(bench, "pir-001", "motion")
    outage = [NOON + timedelta(hours=1), NOON + timedelta(hours=3)]
    await bench.connection.execute("insert into unwatched (began_at, ended_at, reason) values (%s, %s, 'test')", outage)
    await bench.start()
    later(bench, hours=5, minutes=59)
    await look(bench)
    await bench.eventually("select 1 from home_watch where checked_at = %s", bench.clock.now())
    assert await bench.rows("select 1 from alerts") == []
    later(bench, minutes=2)
    await bench.eventually("select 1 from alerts where kind = 'inactivity'")


def with_gateways(bench: Bench, homes: int) -> str:
    text = community(bench.desk, homes=homes, rules="{home_unobservable: true}")
    for number in range(1, homes + 1):
        smoke = f"      - {{id: smoke-{number:03d}, kind: smoke, account: gw-{number:03d}}}\n"
        text = text.replace(smoke, smoke + f"      - {{id: gw-{number:03d}, kind: gateway}}\n")
    return text


async def go_dark(bench: Bench, numbers: range, *, online: bool = False) -> None:
    for number in numbers:
        await says(bench, f"gw-{number:03d}", "online", on=online, home=f"home-{number:03d}")


async def test_a_gateways_last_will_makes_one_technical_alert_that_clears_by_itself(bench: Bench) -> None:
    await bench.apply(with_gateways(bench, 2))
    await bench.start()
    await go_dark(bench, range(1, 2))
    later(bench, minutes=4)
    await look(bench)
    await bench.eventually("select 1 from home_watch where checked_at = %s", bench.clock.now())
    assert await bench.rows("select 1 from alerts") == []
    later(bench, minutes=2)
    row = await bench.eventually("select kind, priority, home_id, evidence from alerts")
    assert (row["kind"], row["priority"], row["home_id"]) == ("home_unobservable", "technical", "home-001")
    assert row["evidence"]["because"][0]["what"] == "gateway_offline"
    later(bench, minutes=1)
    await go_dark(bench, range(1, 2), online=True)
    await bench.eventually("select 1 from alerts where state = 'resolved'")


async def test_an_area_that_goes_dark_is_one_system_alert_and_clears_with_its_last_home(bench: Bench) -> None:
    await bench.apply(with_gateways(bench, 8))
    await bench.start()
    await go_dark(bench, range(1, 7))
    await bench.eventually("select 1 from home_watch where unobservable_since is not null having count(*) = 6")
    later(bench, minutes=6)
    await bench.eventually("select 1 from findings where kind = 'home_unobservable' having count(*) = 6")
    active = await bench.rows("select kind, priority, home_id, area_id, evidence from alerts where closed_at is null")
    assert [(one["kind"], one["priority"], one["home_id"]) for one in active] == [("system", "operational", None)]
    assert active[0]["evidence"]["dark_homes"] == 6
    later(bench, minutes=1)
    await go_dark(bench, range(1, 6), online=True)
    await bench.eventually("select 1 from findings where kind = 'home_unobservable' having count(*) = 1")
    assert len(await bench.rows("select 1 from alerts where closed_at is null")) == 1
    await go_dark(bench, range(6, 7), online=True)
    await bench.eventually("select 1 from alerts where kind = 'system' and state = 'resolved'")


async def test_homes_told_one_by_one_before_there_were_enough_go_on_under_the_areas_alert(bench: Bench) -> None:
    await bench.apply(with_gateways(bench, 8))
    await bench.start()
    await go_dark(bench, range(1, 4))
    later(bench, minutes=6)
    await bench.eventually("select 1 from alerts where kind = 'home_unobservable' having count(*) = 3")
    await go_dark(bench, range(4, 7))
    await bench.eventually("select 1 from home_watch where unobservable_since is not null having count(*) = 6")
    later(bench, minutes=6)
    await bench.eventually("select 1 from findings where kind = 'home_unobservable' having count(*) = 6")
    active = await bench.rows("select kind from alerts where closed_at is null")
    assert active == [{"kind": "system"}]
    assert await bench.rows("select distinct alert_id is not null as kept from findings") == [{"kept": True}]
