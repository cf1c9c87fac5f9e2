"""Devices on the air: who they say they are, how they resend, and how they come back."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

from lampkeep_sim.community import DeviceSpec
from lampkeep_sim.fleet import Fleet
from lampkeep_sim.message import Message
from lampkeep_sim.mqtt import Endpoint, Version
from lampkeep_sim.pressing import press
from lampkeep_sim.session import Link, probe
from support.mosquitto import Broker
from support.station import listening


def a_device(kind: str = "pendant", **fields: str) -> DeviceSpec:
    device_id = f"{kind}-{uuid4().hex[:8]}"
    return DeviceSpec(device_id=device_id, kind=kind, **({"account": device_id} | fields))  # type: ignore[arg-type]


@asynccontextmanager
async def on_air(endpoint: Endpoint, version: Version, *devices: DeviceSpec) -> AsyncIterator[Fleet]:
    fleet = Fleet.of_devices(devices, Link(endpoint=endpoint, version=version), random.Random(1))
    async with fleet:
        assert await fleet.connected(10) == 0
        yield fleet


async def test_a_device_says_that_it_is_online_and_takes_its_leave(endpoint: Endpoint, version: Version) -> None:
    device = a_device()
    status = f"lampkeep/v1/{device.device_id}/{device.device_id}/status"
    async with listening(endpoint, version) as station:
        async with on_air(endpoint, version, device):
            await station.until(lambda: station.said(status) == [{"v": 1, "online": True}])
        await station.until(lambda: station.said(status) == [{"v": 1, "online": True}, {"v": 1, "online": False}])


async def test_a_silenced_device_leaves_its_will_and_comes_back_when_woken(
    endpoint: Endpoint, version: Version
) -> None:
    device = a_device()
    status = f"lampkeep/v1/{device.device_id}/{device.device_id}/status"
    said = f"lampkeep/v1/{device.device_id}/{device.device_id}/observation"
    async with listening(endpoint, version) as station, on_air(endpoint, version, device) as fleet:
        fleet.silence(device.device_id)
        await station.until(lambda: station.said(status)[-1:] == [{"v": 1, "online": False}])
        fleet.send(device.device_id, Message(message_id="1", type="heartbeat"))
        fleet.wake(device.device_id)
        await station.until(lambda: station.said(status)[-1:] == [{"v": 1, "online": True}])
        fleet.send(device.device_id, Message(message_id="2", type="heartbeat"))
        await station.until(lambda: station.said(said))
        assert [body["id"] for body in station.said(said)] == ["2"], "what a silent device would have said is not said"


async def test_an_sos_is_sent_again_under_its_id_until_the_receipt_comes(endpoint: Endpoint, version: Version) -> None:
    device = a_device()
    topic = f"lampkeep/v1/{device.device_id}/{device.device_id}/urgent"
    async with listening(endpoint, version, deaf_for=1) as station, on_air(endpoint, version, device) as fleet:
        fleet.send(device.device_id, Message(message_id="press-1", type="sos"))
        await station.until(lambda: fleet.link.tally.receipts == 1)
        assert [body["id"] for body in station.said(topic)] == ["press-1", "press-1"]
        assert fleet.link.tally.resent == 1


async def test_a_receipt_for_another_message_is_not_taken_for_ones_own(endpoint: Endpoint, version: Version) -> None:
    device = a_device()
    topic = f"lampkeep/v1/{device.device_id}/{device.device_id}"
    async with listening(endpoint, version, deaf_for=99) as station, on_air(endpoint, version, device) as fleet:
        fleet.send(device.device_id, Message(message_id="mine", type="sos"))
        await station.until(lambda: station.said(f"{topic}/urgent"))
        station.command(topic, {"v": 1, "type": "receipt", "ref": "another"})
        station.command(topic, {"v": 1, "type": "progress", "alert": "a", "state": "notified"})
        await station.until(lambda: len(station.said(f"{topic}/urgent")) == 2)
        assert fleet.link.tally.receipts == 0


async def test_a_gateway_speaks_for_the_devices_behind_it(endpoint: Endpoint, version: Version) -> None:
    gateway = f"gw-{uuid4().hex[:8]}"
    door = a_device("door", account=gateway)
    async with listening(endpoint, version) as station, on_air(endpoint, version, door) as fleet:
        fleet.send(door.device_id, Message(message_id="1", type="door", content={"open": True}))
        topic = f"lampkeep/v1/{gateway}/{door.device_id}"
        await station.until(lambda: station.said(f"{topic}/observation"))
        assert station.said(f"{topic}/status") == [{"v": 1, "online": True}]
        assert list(fleet.accounts) == [gateway], "one session for all of them"


async def test_a_zigbee_bridge_speaks_its_own_language(endpoint: Endpoint, version: Version) -> None:
    gateway = f"gw-{uuid4().hex[:8]}"
    door = a_device("door", account=gateway, z2m="front_door")
    base = f"lampkeep/z2m/{gateway}"
    async with listening(endpoint, version) as station, on_air(endpoint, version, door) as fleet:
        fleet.send(door.device_id, Message(message_id="1", type="door", battery=70, content={"open": True}))
        await station.until(lambda: station.said(f"{base}/front_door"))
        assert station.said(f"{base}/front_door") == [
            {"contact": False, "battery": 70, "battery_low": False, "linkquality": 120}
        ]
        assert station.said(f"{base}/bridge/state") == [{"state": "online"}]
        assert station.said(f"{base}/front_door/availability") == [{"state": "online"}]
        fleet.silence(gateway)
        await station.until(lambda: station.said(f"{base}/bridge/state")[-1] == {"state": "offline"})


async def test_what_a_device_could_not_send_goes_out_when_the_broker_is_back(private_broker: Broker) -> None:
    device = a_device("door")
    endpoint = Endpoint.from_url(private_broker.url)
    link = Link(endpoint=endpoint)
    await probe(link)
    said = f"lampkeep/v1/{device.device_id}/{device.device_id}/observation"
    async with on_air(endpoint, link.version, device) as fleet:
        session = fleet.accounts[device.account].session
        await private_broker.stop()
        async with listening_again(private_broker, fleet, device.device_id) as numbers:
            pass
        async with listening(endpoint, link.version) as station:
            fleet.send(device.device_id, Message(message_id="after", type="heartbeat"))
            await session.up.wait()
            await station.until(lambda: any(body["id"] == "after" for body in station.said(said)))
        assert await fleet.settled(10)
        assert fleet.link.tally.acknowledged >= len(numbers) + 1
        assert fleet.link.tally.dropped == 0


@asynccontextmanager
async def listening_again(broker: Broker, fleet: Fleet, device_id: str) -> AsyncIterator[list[str]]:
    """Say something while the broker is away, and start it again."""
    numbers = [f"away-{number}" for number in range(20)]
    for number in numbers:
        fleet.send(device_id, Message(message_id=number, type="heartbeat"))
    await broker.start()
    yield numbers


async def test_sessions_learn_the_version_of_the_broker_by_themselves(endpoint: Endpoint, version: Version) -> None:
    devices = [a_device() for _ in range(5)]
    link = Link(endpoint=endpoint)
    async with Fleet.of_devices(devices, link, random.Random(1)) as fleet:
        assert await fleet.connected(10) == 0
    assert link.tally.refused == 0


async def test_one_press_by_hand_tells_how_long_the_receipt_took(endpoint: Endpoint, version: Version) -> None:
    device = a_device()
    async with listening(endpoint, version) as station:
        receipt = await press(device.device_id, device.account, Link(endpoint=endpoint, version=version))
        assert receipt is not None
        assert timedelta(0) < timedelta(seconds=receipt.latency_s) < timedelta(seconds=2)
        assert receipt.sends == 1
        own = f"lampkeep/v1/{device.device_id}/{device.device_id}"
        await station.until(lambda: station.said(f"{own}/command"))
        assert station.said(f"{own}/status") == [], "a press by hand leaves the retained status alone"


async def test_a_press_that_nobody_answers_ends_at_its_deadline(endpoint: Endpoint, version: Version) -> None:
    device = a_device()
    link = Link(endpoint=endpoint, version=version)
    assert await press(device.device_id, device.account, link, deadline_s=0.3) is None
