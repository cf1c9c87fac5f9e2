"""Due homes to alerts: what begins is told once, what ends is told or resolves itself."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from psycopg.types.json import Json

from lampkeep.clock import ManualClock
from support.dispatching import Bench, bench_on, community

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
"""12:00 in Shanghai."""


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    async with bench_on(database_url, clock=ManualClock(NOON)) as opened:
        yield opened


def later(bench: Bench, **by: float) -> None:
    assert isinstance(bench.clock, ManualClock)
    bench.clock.advance(timedelta(**by))


async def battery(bench: Bench, percent: int) -> None:
    """What ingest does with a battery message."""
    now = bench.clock.now()
    await bench.connection.execute(
        "insert into device_state (device_id, type, home_id, seen_at, percent, percent_at)"
        " values ('pir-001', 'battery', 'home-001', %(now)s, %(percent)s, %(now)s)"
        " on conflict (device_id, type) do update set seen_at = %(now)s, percent = %(percent)s, percent_at = %(now)s",
        {"now": now, "percent": percent},
    )
    await bench.connection.execute("update home_watch set next_check_at = least(next_check_at, %s)", [now])


async def motion(bench: Bench) -> None:
    now = bench.clock.now()
    await bench.connection.execute(
        "insert into device_state (device_id, type, home_id, seen_at, on_at)"
        " values ('pir-001', 'motion', 'home-001', %(now)s, array[%(now)s::timestamptz])"
        " on conflict (device_id, type) do update set on_at = newest(device_state.on_at, excluded.on_at, 12)",
        {"now": now},
    )


async def test_silence_raises_one_alert_and_its_end_is_told(bench: Bench) -> None:
    rules = '{inactivity: {day: 4h, night: 10h, day_hours: "07:00-22:00"}}'
    await bench.apply(community(bench.desk, rules=rules, steps="[{to: [grid_worker], after: 0s}]"))
    await motion(bench)
    await bench.start()
    later(bench, hours=3, minutes=59)
    await bench.eventually("select 1 from service_heartbeats where beat_at = %s", bench.clock.now())
    assert await bench.rows("select 1 from alerts") == []
    later(bench, minutes=2)
    (call, *_) = await bench.desk.wait_for(bool)
    assert call.body["alert"]["kind"] == "inactivity"
    assert call.body["evidence"]["last_place"] == "bathroom"
    assert call.body["alert"]["pressed_at"] is None
    later(bench, minutes=10)
    await bench.eventually("select 1 from home_watch where checked_at > %s", NOON + timedelta(hours=4, minutes=5))
    assert len(await bench.rows("select 1 from alerts")) == 1
    await motion(bench)
    later(bench, minutes=6)
    calls = await bench.desk.wait_for(lambda calls: any(call.path == "/ops" for call in calls))
    assert next(call.body["reason"] for call in calls if call.path == "/ops") == "update"
    assert await bench.rows("select state from alerts") == [{"state": "open"}]
    assert await bench.rows("select 1 from findings") == []


async def test_a_low_battery_resolves_itself_when_it_is_over(bench: Bench) -> None:
    await bench.apply(community(bench.desk, rules="{low_battery: {below: 15}}"))
    await bench.start()
    await battery(bench, 9)
    calls = await bench.desk.wait_for(lambda calls: {call.path for call in calls} >= {"/wang", "/ops"})
    assert calls[0].body["alert"]["kind"] == "low_battery"
    later(bench, hours=1)
    await battery(bench, 100)
    row = await bench.eventually("select state, outcome from alerts where closed_at is not null")
    assert row == {"state": "resolved", "outcome": "other"}
    assert await bench.rows("select 1 from findings") == []


async def test_a_finding_that_stands_is_not_raised_again_after_its_alert_was_closed(bench: Bench) -> None:
    await bench.apply(community(bench.desk, rules="{low_battery: {below: 15}}"))
    await bench.start()
    await battery(bench, 9)
    await bench.desk.wait_for(bool)
    await bench.connection.execute(
        "update alerts set state = 'resolved', outcome = 'other', closed_at = %s, next_due_at = null", [NOON]
    )
    later(bench, hours=2)
    await bench.eventually("select 1 from home_watch where checked_at = %s", bench.clock.now())
    assert len(await bench.rows("select 1 from alerts")) == 1


async def test_where_a_rule_raised_it_pendants_and_buttons_are_told(bench: Bench) -> None:
    await bench.apply(community(bench.desk, rules="{low_battery: {below: 15}}"))
    await bench.start()
    await battery(bench, 9)
    await bench.eventually("select 1 from notifications where reason = 'progress' and state = 'delivered'")
    assert {command.device_id for command in bench.commands.sent} == {"pendant-001"}


async def test_a_home_that_cannot_be_checked_keeps_no_other_from_being_seen(bench: Bench) -> None:
    await bench.apply(community(bench.desk, homes=2, rules="{low_battery: {below: 15}}"))
    await bench.connection.execute(
        "insert into device_state (device_id, type, home_id, seen_at, percent, percent_at)"
        " values ('pir-001', 'battery', 'home-001', %(now)s, 5, %(now)s),"
        " ('pir-002', 'battery', 'home-002', %(now)s, 5, %(now)s)",
        {"now": NOON},
    )
    await bench.connection.execute("update homes set suspend = '[{\"rules\": 5}]' where home_id = 'home-001'")
    await bench.start()
    await bench.eventually("select 1 from alerts where home_id = 'home-002'")


async def test_a_quiet_home_costs_no_alert_and_is_looked_at_again_later(bench: Bench) -> None:
    await bench.apply(community(bench.desk, homes=120, rules="{low_battery: {below: 15}}"))
    await bench.start()
    await bench.eventually("select 1 from home_watch having bool_and(next_check_at > %s)", NOON)
    assert await bench.rows("select 1 from alerts") == []


async def drained(bench: Bench, until: datetime) -> None:
    """What ingest's heartbeat says."""
    await bench.connection.execute(
        "insert into service_heartbeats (service, instance, beat_at, detail) values ('ingest', '1', %(at)s, %(detail)s)"
        " on conflict (service, instance) do update set beat_at = excluded.beat_at, detail = excluded.detail",
        {"at": bench.clock.now(), "detail": Json({"watched_until": {"observation": until.isoformat()}})},
    )


async def test_time_that_nobody_watched_is_not_judged(bench: Bench) -> None:
    await bench.apply(community(bench.desk, rules="{inactivity: {day: 4h, night: 10h}}"))
    await motion(bench)
    await drained(bench, NOON)
    service = await bench.start()
    later(bench, hours=5)
    async with asyncio.timeout(10):
        while not service.rules.rests:  # noqa: ASYNC110 - the worker's state, not an event
            await asyncio.sleep(0.01)
    assert await bench.rows("select 1 from alerts") == []
    assert await bench.rows("select 1 from home_watch where checked_at is not null") == []
    await motion(bench)
    await drained(bench, bench.clock.now())
    await bench.eventually("select 1 from home_watch where checked_at is not null")
    assert await bench.rows("select 1 from alerts") == [], "the backlog held the activity"
