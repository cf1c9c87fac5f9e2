"""Killed in the middle of 200 presses: nothing receipted is lost, nothing is raised twice, everybody is told.

Devices resend under the same id until their receipt comes, as the contract asks of them.
"""

import asyncio
import time
from collections import Counter

import pytest

from support.desk import ACCEPTED, Desk
from support.mosquitto import Broker
from support.system import Device, System, run_system

PRESSES = 200
SPREAD_S = 8.0
KILL_AFTER_S = 3.0
RESEND_EVERY_S = 1.0
SETTLED_WITHIN_S = 60.0


def a_crowd(homes: int) -> str:
    """A community of `homes` homes with a pendant each; the worker is asked at once and once only."""
    rows = "\n".join(
        f"  - {{id: home-{n:03}, area: grid, plan: plain, residents: [{{id: r-{n:03}, name: R{n}}}],"
        f" devices: [{{id: pendant-{n:03}, kind: pendant}}]}}"
        for n in range(homes)
    )
    return f"""\
lampkeep: v1
areas: [{{id: grid, name: Grid}}]
responders:
  - {{id: worker, name: Worker, role: grid_worker, areas: [grid],
     channels: [{{kind: webhook, url: "DESK/worker", secret: s3cret}}]}}
policies:
  - id: once
    steps: [{{to: [grid_worker], after: 0s, deliver_within: 5s}}]
plans: [{{id: plain, policies: {{default: once}}}}]
homes:
{rows}
"""


async def press_until_receipted(device: Device, start: float, message_id: str) -> None:
    await asyncio.sleep(max(0.0, start - time.monotonic()))
    deadline = time.monotonic() + SETTLED_WITHIN_S
    while time.monotonic() < deadline:
        await device.urgent(message_id=message_id)
        try:
            await device.receipt(message_id, within_s=RESEND_EVERY_S)
        except AssertionError:
            continue
        return
    raise AssertionError(f"{device.device_id}: no receipt within {SETTLED_WITHIN_S} s")


@pytest.mark.parametrize("victims", [["ingest"], ["dispatch"], ["api"], ["ingest", "dispatch", "api"]])
async def test_killed_in_the_middle_of_presses_every_press_has_one_alert_and_a_delivery(
    database_url: str, broker: Broker, desk: Desk, victims: list[str]
) -> None:
    desk.default = ACCEPTED
    async with run_system(database_url, broker, desk, a_crowd(PRESSES)) as system:
        devices = [system.device(f"pendant-{n:03}") for n in range(PRESSES)]
        for some in (devices[at : at + 50] for at in range(0, PRESSES, 50)):
            await asyncio.gather(*(device.__aenter__() for device in some))
        start = time.monotonic() + 0.2
        presses = [
            asyncio.create_task(press_until_receipted(device, start + SPREAD_S * n / PRESSES, f"press-{n}"))
            for n, device in enumerate(devices)
        ]
        await asyncio.sleep(KILL_AFTER_S)
        for name in victims:
            await system.services[name].kill()
        unstored = await _receipted_but_not_stored(system, devices)
        assert not unstored
        await asyncio.sleep(0.5)
        for name in victims:
            await system.services[name].start()
        await asyncio.gather(*presses)
        await _everybody_told(system)
        for name in victims:
            await system.services[name].ready()
        await _one_alert_each(system)
        assert not await _receipted_but_not_stored(system, devices)
        await asyncio.gather(*(device.__aexit__(None, None, None) for device in devices))


async def _receipted_but_not_stored(system: System, devices: list[Device]) -> set[str]:
    receipted = {command["ref"] for device in devices for command in device.commands if command["type"] == "receipt"}
    stored = {row["message_id"] for row in await system.rows("select message_id from urgent_messages")}
    return receipted - stored


async def _everybody_told(system: System) -> None:
    deadline = time.monotonic() + SETTLED_WITHIN_S
    homes: set[str] = set()
    while len(homes) < PRESSES:
        homes = {call.body["alert"]["home_id"] for call in system.told("worker", "step")}
        assert time.monotonic() < deadline, f"{PRESSES - len(homes)} homes were told to nobody"
        await asyncio.sleep(0.1)


async def _one_alert_each(system: System) -> None:
    rows = await system.rows("select home_id, occurrence_count from alerts")
    assert Counter(row["home_id"] for row in rows) == {f"home-{n:03}": 1 for n in range(PRESSES)}
    assert {row["occurrence_count"] for row in rows} == {1}
    asked = Counter(call.notification_id for call in system.told("worker", "step"))
    assert len(asked) == PRESSES, "a press was told under two notification ids"
    stored = await system.rows("select message_id, count(*) as n from urgent_messages group by 1")
    assert {row["n"] for row in stored} == {1}


async def test_nothing_is_delivered_after_its_stand_down_but_under_the_same_id(
    database_url: str, broker: Broker, desk: Desk
) -> None:
    async with run_system(database_url, broker, desk, a_crowd(20)) as system:
        devices = [system.device(f"pendant-{n:03}") for n in range(20)]
        for device in devices:
            await device.__aenter__()
            await device.receipt(await device.urgent())
        await asyncio.gather(*(_take(system, f"home-{n:03}") for n in range(20)), _crash(system))
        await asyncio.sleep(5)
        seen: dict[str, set[str]] = {}
        over: set[str] = set()
        for call in system.told("worker"):
            alert_id = call.body["alert"]["id"]
            if call.body["reason"] == "stand_down":
                over.add(alert_id)
            elif alert_id in over:
                assert call.notification_id in seen[alert_id]
            seen.setdefault(alert_id, set()).add(call.notification_id)
        for device in devices:
            await device.__aexit__(None, None, None)


async def _take(system: System, home: str) -> None:
    alert = await system.the_alert(home=home, within_s=20)
    await system.act(alert["id"], "on-the-way")


async def _crash(system: System) -> None:
    await asyncio.sleep(0.2)
    await system.services["dispatch"].kill()
    await asyncio.sleep(0.3)
    await system.services["dispatch"].start()
