"""What no message says: silence, a morning without movement, an open door, an empty battery; with short plans."""

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from support.communities import with_watched_home
from support.system import System, eventually


@pytest.fixture
async def system(system: System) -> System:
    """A product that has begun to watch; just after the start rules rest for a moment."""
    await system.watching()
    return system


LATENESS_S = 2.0
"""The rules are looked at when due; the safety poll is 1 s."""


async def test_silence_raises_inactivity_and_activity_before_it_does_not(system: System) -> None:
    community = with_watched_home('inactivity: {day: 5s, night: 5s, day_hours: "07:00-22:00"}')
    await system.apply(community)
    async with system.device("pir-009") as pir:
        for _ in range(4):
            await pir.observe("motion")
            await asyncio.sleep(2)
        assert not await system.alerts(home="home-009")
        await eventually(lambda: system.told("worker", "step"), within_s=3 + LATENESS_S + 1)
        alert = await system.the_alert(home="home-009")
        assert (alert["kind"], alert["priority"]) == ("inactivity", "welfare")
        body = system.told("worker", "step")[0].body
        assert body["evidence"]["last_place"] == "bathroom"
        await asyncio.sleep(1.5)
        assert len(await system.alerts(home="home-009")) == 1


async def test_nobody_up_by_the_hour_raises_not_up(system: System) -> None:
    soon = datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai")) + timedelta(seconds=65)
    due = soon.replace(second=0, microsecond=0)
    community = with_watched_home(f'not_up: {{by: "{due:%H:%M}"}}')
    await system.apply(community)
    wait = (due - datetime.now(UTC)).total_seconds()
    await asyncio.sleep(max(0.0, wait - 1))
    assert not await system.alerts(home="home-009")
    await eventually(lambda: system.told("worker", "step"), within_s=1 + LATENESS_S + 1)
    assert (await system.the_alert(home="home-009"))["kind"] == "not_up"


async def test_a_low_battery_raises_one_technical_alert(system: System) -> None:
    community = with_watched_home("low_battery: {below: 15}")
    await system.apply(community)
    async with system.device("pir-009") as pir:
        await pir.observe("battery", battery=40)
        await pir.observe("motion", battery=9)
        await pir.observe("motion", battery=8)
        await eventually(lambda: system.told("worker", "step"), within_s=LATENESS_S + 1)
        alert = await system.the_alert(home="home-009")
        assert (alert["kind"], alert["priority"]) == ("low_battery", "technical")
        await asyncio.sleep(5)
        assert not system.told("line"), "a technical alert never reaches the line"


async def test_an_open_entrance_raises_after_its_time_and_a_closed_one_does_not(system: System) -> None:
    community = with_watched_home("door_left_open: {for: 3s}")
    await system.apply(community)
    async with system.device("door-009") as door:
        await door.observe("door", data={"open": True})
        await asyncio.sleep(1.5)
        await door.observe("door", data={"open": False})
        await asyncio.sleep(3)
        assert not await system.alerts(home="home-009")
        await door.observe("door", data={"open": True})
        await eventually(lambda: system.told("worker", "step"), within_s=3 + LATENESS_S)
        assert (await system.the_alert(home="home-009"))["kind"] == "door_left_open"


async def test_tampering_is_told_at_once(system: System) -> None:
    community = with_watched_home("tamper: true")
    await system.apply(community)
    async with system.device("door-009") as door:
        await door.observe("tamper", data={"active": True})
        await eventually(lambda: system.told("worker", "step"), within_s=LATENESS_S + 1)
        assert (await system.the_alert(home="home-009"))["kind"] == "tamper"


async def test_a_device_that_misses_its_beats_is_silent(system: System) -> None:
    community = with_watched_home("device_silent: {after: 3s}").replace(
        "{id: pir-009, kind: motion, place: bathroom}",
        "{id: pir-009, kind: motion, place: bathroom, heartbeat_every: 1s}",
    )
    await system.apply(community)
    async with system.device("pir-009") as pir:
        for _ in range(5):
            await pir.observe("heartbeat")
            await asyncio.sleep(1)
        assert not await system.alerts(home="home-009")
        await eventually(lambda: system.told("worker", "step"), within_s=3 + LATENESS_S + 1)
        alert = await system.the_alert(home="home-009")
        assert alert["kind"] == "device_silent"


async def test_an_sos_on_the_wrong_topic_is_urgent_all_the_same(system: System) -> None:
    async with system.device("pendant-001") as pendant:
        message_id = await pendant.observe("sos")
        await pendant.receipt(message_id)
        await eventually(lambda: system.told("worker", "step"), within_s=3)
    assert (await system.the_alert())["kind"] == "sos"
