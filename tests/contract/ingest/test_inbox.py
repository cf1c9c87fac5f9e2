"""One suite for the inbox of a real broker and for the fake that stands for it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

import aiomqtt
import pytest

from lampkeep.clock import SystemClock
from lampkeep_ingest.inbox import Inbox, Received
from lampkeep_ingest.mqtt_inbox import Endpoint, MqttInbox, Session
from lampkeep_ingest.testing import FakeInbox
from support.ingest_running import client, eventually
from support.mosquitto import Broker

TOPIC = "lampkeep/v1/p/p/urgent"
DOWN = "lampkeep/v1/p/p/command"
RECEIVE_MAXIMUM = 5


class Rig(Protocol):
    """An inbox, its broker, and what came in."""

    inbox: Inbox
    came: list[Received]

    async def connect(self) -> None: ...
    async def disconnect(self) -> None: ...
    async def publish(self, topic: str, payload: bytes) -> None: ...
    async def sent(self) -> list[tuple[str, bytes]]: ...


class FakeRig:
    def __init__(self) -> None:
        self.came: list[Received] = []
        self.fake = FakeInbox(self.came.append, SystemClock())
        self.inbox: Inbox = self.fake

    async def connect(self) -> None:
        self.fake.connect()

    async def disconnect(self) -> None:
        self.fake.disconnect()

    async def publish(self, topic: str, payload: bytes) -> None:
        self.fake.deliver(topic, payload)

    async def sent(self) -> list[tuple[str, bytes]]:
        return [(topic, payload) for topic, payload, _ in self.fake.published]


class RealRig:
    def __init__(self, url: str, device: aiomqtt.Client) -> None:
        self.came: list[Received] = []
        self.real = MqttInbox(
            Endpoint.parse(url),
            Session(client_id="contract", filters=("lampkeep/v1/+/+/urgent",), receive_maximum=RECEIVE_MAXIMUM),
            on_message=self.came.append,
            clock=SystemClock(),
        )
        self.inbox: Inbox = self.real
        self.device = device
        self.down: list[tuple[str, bytes]] = []
        self._run: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        self._run = asyncio.create_task(self.real.run())

        async def is_connected() -> bool:
            return self.real.connected_s is not None

        await eventually(is_connected)

    async def disconnect(self) -> None:
        if self._run is not None:
            self._run.cancel()
            with suppress(asyncio.CancelledError):
                await self._run

    async def publish(self, topic: str, payload: bytes) -> None:
        await self.device.publish(topic, payload, qos=1, timeout=10)

    async def sent(self) -> list[tuple[str, bytes]]:
        return self.down

    async def read(self) -> None:
        async for message in self.device.messages:
            assert isinstance(message.payload, bytes)
            self.down.append((message.topic.value, message.payload))


@asynccontextmanager
async def a_real_rig(url: str) -> AsyncIterator[RealRig]:
    async with client(url) as device:
        await device.subscribe(DOWN, qos=1)
        made = RealRig(url, device)
        reader = asyncio.create_task(made.read())
        try:
            yield made
        finally:
            await made.disconnect()
            reader.cancel()
            with suppress(asyncio.CancelledError, aiomqtt.MqttError):
                await reader


@pytest.fixture
async def real(broker: Broker) -> AsyncIterator[RealRig]:
    async with a_real_rig(broker.url) as made:
        yield made


@pytest.fixture(params=["fake", "real"])
async def rig(request: pytest.FixtureRequest, broker: Broker) -> AsyncIterator[Rig]:
    if request.param == "fake":
        yield FakeRig()
        return
    async with a_real_rig(broker.url) as made:
        yield made


async def have(rig: Rig, n: int) -> list[Received]:
    async def enough() -> list[Received] | None:
        return rig.came if len(rig.came) >= n else None

    found: list[Received] = await eventually(enough)
    assert len(found) == n
    return list(found)


def soon(look: Callable[[], bool]) -> Coroutine[Any, Any, Any]:
    async def asked() -> bool:
        return look()

    return eventually(asked)


async def test_a_message_is_handed_over_as_it_was_published(rig: Rig) -> None:
    await rig.connect()
    await rig.publish(TOPIC, b"help \xff")
    (message,) = await have(rig, 1)
    assert (message.topic, message.payload, message.size) == (TOPIC, b"help \xff", 6)
    assert (message.retained, message.repeated) == (False, False)
    assert message.packet_id > 0
    assert message.inbox is rig.inbox


async def test_what_is_not_acknowledged_comes_again_with_the_next_connection_and_what_is_does_not(rig: Rig) -> None:
    await rig.connect()
    for payload in (b"1", b"2", b"3"):
        await rig.publish(TOPIC, payload)
    first = await have(rig, 3)
    rig.inbox.acknowledge([first[0], first[2]])
    await asyncio.sleep(0.2)  # the broker has read the acknowledgements
    await rig.disconnect()
    await rig.connect()
    again = (await have(rig, 4))[-1]
    assert again.payload == b"2"
    assert again.connection > first[1].connection
    assert rig.inbox.comes_again(first[1])
    assert not rig.inbox.comes_again(again)


async def test_an_acknowledgement_of_an_earlier_connection_is_none(rig: Rig) -> None:
    await rig.connect()
    await rig.publish(TOPIC, b"1")
    (first,) = await have(rig, 1)
    await rig.disconnect()
    await rig.connect()
    await have(rig, 2)
    rig.inbox.acknowledge([first])
    await asyncio.sleep(0.2)
    await rig.disconnect()
    await rig.connect()
    assert [message.payload for message in await have(rig, 3)] == [b"1"] * 3


async def test_what_is_published_while_it_is_away_comes_with_the_next_connection(rig: Rig) -> None:
    await rig.connect()
    await rig.disconnect()
    for payload in (b"1", b"2"):
        await rig.publish(TOPIC, payload)
    await rig.connect()
    assert [message.payload for message in await have(rig, 2)] == [b"1", b"2"]


async def test_a_command_goes_out_while_there_is_a_connection_and_not_without(rig: Rig) -> None:
    assert rig.inbox.publish(DOWN, b"early", expires_in_s=60) is False
    await rig.connect()
    assert rig.inbox.publish(DOWN, b"now", expires_in_s=60) is True

    async def came() -> bool:
        return bool(await rig.sent())

    await eventually(came)
    assert await rig.sent() == [(DOWN, b"now")]
    await rig.disconnect()
    assert rig.inbox.publish(DOWN, b"late", expires_in_s=60) is False


@pytest.mark.mosquitto
async def test_no_more_is_in_hand_than_the_receive_maximum(real: RealRig) -> None:
    await real.connect()
    for n in range(3 * RECEIVE_MAXIMUM):
        await real.publish(TOPIC, b"%d" % n)
    await have(real, RECEIVE_MAXIMUM)
    await asyncio.sleep(0.3)
    assert len(real.came) == real.real.in_hand == RECEIVE_MAXIMUM
    assert real.real.saturated_s > 0
    real.real.acknowledge(real.came)
    await have(real, 2 * RECEIVE_MAXIMUM)


async def test_a_broker_that_delivers_again_what_is_in_hand_is_not_heard_twice(real: RealRig) -> None:
    await real.connect()
    await real.publish(TOPIC, b"1")
    await have(real, 1)
    await asyncio.sleep(2.5)  # NATS waits 2 s for an acknowledgement
    assert len(real.came) == 1


async def test_the_newest_version_that_the_broker_knows_is_spoken(real: RealRig, broker: Broker) -> None:
    await real.connect()
    assert real.real.state == ("connected (MQTT 5)" if broker.kind == "mosquitto" else "connected (MQTT 3.1.1)")


async def test_a_lost_connection_is_made_again_and_mqtt_5_is_not_given_up_for_it(private_broker: Broker) -> None:
    async with client(private_broker.url) as device:
        rig = RealRig(private_broker.url, device)
        await rig.connect()
        before = rig.real.state
        await private_broker.stop()
        await soon(lambda: rig.real.connected_s is None)
        assert rig.real.state == "no connection"
        await asyncio.sleep(1)  # a few attempts fail
        await private_broker.start()
        await soon(lambda: rig.real.connected_s is not None)
        assert rig.real.state == before
        await rig.disconnect()


@pytest.mark.parametrize("url", ["http://h", "mqtt://", "h:1883", ""])
def test_a_url_of_another_kind_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="mqtt://host") as refused:
        Endpoint.parse(url)
    assert "secret" not in str(refused.value)


def test_a_url_names_host_port_and_account() -> None:
    endpoint = Endpoint.parse("mqtts://lamp%40keep:s%2Fecret@broker.example")
    assert (endpoint.host, endpoint.port, endpoint.tls) == ("broker.example", 8883, True)
    assert (endpoint.username, endpoint.password) == ("lamp@keep", "s/ecret")
