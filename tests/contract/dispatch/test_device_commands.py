"""What the way down to devices promises, held against the fake and against a real broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiomqtt
import pytest

from lampkeep.ports import Command, Delivered, DeviceCommands, Retry
from lampkeep.testing import FakeDeviceCommands
from lampkeep_dispatch.commands import RECONNECT_S, MqttCommands
from support.mosquitto import Broker

COMMAND = Command(account="acc", device_id="pendant-001", payload=b'{"v":1}', expires_in_s=60)


async def connected(url: str, stack: AsyncExitStack) -> MqttCommands:
    commands = MqttCommands(url, client_id=lambda: "lampkeep-dispatch-test")
    task = asyncio.create_task(commands.run())

    async def stop() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(stop)
    async with asyncio.timeout(20):
        while not commands.up:  # noqa: ASYNC110 - the connection is not ours to signal
            await asyncio.sleep(0.02)
    return commands


@pytest.fixture(params=["fake", "mqtt"])
async def commands(request: pytest.FixtureRequest, broker: Broker) -> AsyncIterator[DeviceCommands]:
    if request.param == "fake":
        yield FakeDeviceCommands()
        return
    async with AsyncExitStack() as stack:
        yield await connected(broker.url, stack)


async def test_a_command_that_was_handed_over_is_delivered(commands: DeviceCommands) -> None:
    assert isinstance(await commands.send(COMMAND, timeout_s=3), Delivered)


async def test_a_device_hears_its_command(broker: Broker) -> None:
    host, _, port = broker.url.rpartition("/")[2].rpartition(":")
    async with AsyncExitStack() as stack:
        commands = await connected(broker.url, stack)
        device = await stack.enter_async_context(aiomqtt.Client(host, int(port), identifier="a-device"))
        await device.subscribe("lampkeep/v1/acc/pendant-001/command", qos=1)
        assert isinstance(await commands.send(COMMAND, timeout_s=3), Delivered)
        async with asyncio.timeout(5):
            message = await anext(aiter(device.messages))
        assert message.payload == b'{"v":1}'


async def test_without_a_broker_it_is_to_be_tried_again() -> None:
    commands = MqttCommands("mqtt://127.0.0.1:9", client_id=lambda: "lampkeep-dispatch-test")
    assert isinstance(await commands.send(COMMAND, timeout_s=1), Retry)


async def test_a_broker_of_the_older_protocol_is_met_again_at_once() -> None:
    met: list[int] = []

    async def old_broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        level = (await reader.readexactly(9))[8]  # fixed header of two bytes, then the name: 00 04 MQTT and the level
        met.append(level)
        writer.write(b"\x20\x03\x00\x84\x00" if level == 5 else b"\x20\x02\x00\x00")
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(old_broker, "127.0.0.1", 0)
    began = asyncio.get_running_loop().time()
    async with server, AsyncExitStack() as stack:
        await connected(f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}", stack)
        took = asyncio.get_running_loop().time() - began
    assert met == [5, 4]
    assert took < RECONNECT_S / 2, "a refusal was answered with a pause"
