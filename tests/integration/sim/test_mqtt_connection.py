"""The connection against real brokers, in both versions where the broker speaks both."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from lampkeep_sim.mqtt import (
    Connect,
    Connection,
    ConnectionLostError,
    ConnectRefusedError,
    DeadlinePassedError,
    Endpoint,
    InFlightFullError,
    MqttError,
    PacketTooLargeError,
    Property,
    Publish,
    Version,
    Will,
)
from support.mosquitto import Broker

WITHIN_S = 5.0


class Ear:
    """What a connection heard."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[Publish] = asyncio.Queue()
        self.lost: asyncio.Future[MqttError] = asyncio.get_running_loop().create_future()

    async def next(self) -> Publish:
        return await asyncio.wait_for(self.heard.get(), WITHIN_S)


@asynccontextmanager
async def connected(
    endpoint: Endpoint, client_id: str, *, ear: Ear | None = None, version: Version = Version.V311, **words: object
) -> AsyncIterator[Connection]:
    ear = ear or Ear()
    connect = Connect(client_id=client_id, username="acct", version=version, **words)  # type: ignore[arg-type]
    connection = await Connection.open(
        endpoint, connect, on_publish=ear.heard.put_nowait, on_lost=ear.lost.set_result, timeout_s=WITHIN_S
    )
    try:
        yield connection
    finally:
        connection.disconnect()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(ear.lost), WITHIN_S)


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[Endpoint]:
    """A server that says `answer` to whatever comes first, and nothing more."""
    ended: set[asyncio.Event] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        end = asyncio.Event()
        ended.add(end)
        await reader.readexactly(2)
        writer.write(answer)
        with suppress(ConnectionError):
            await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        end.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield Endpoint(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
    await asyncio.wait_for(asyncio.gather(*(end.wait() for end in ended)), WITHIN_S)
    server.close()
    await server.wait_closed()


async def test_a_publish_is_acknowledged_and_arrives(endpoint: Endpoint, version: Version) -> None:
    ear = Ear()
    async with (
        connected(endpoint, "hearer", ear=ear, version=version) as hearer,
        connected(endpoint, "speaker", version=version) as speaker,
    ):
        assert (await hearer.subscribe("lamp/+/x")).reason_codes == (1,)
        ack = await speaker.publish("lamp/a/x", b"\x00\xff payload")
        assert ack.reason_code in {0, 16}
        said = await ear.next()
        assert (said.topic, said.payload, said.qos, said.retain) == ("lamp/a/x", b"\x00\xff payload", 1, False)


async def test_a_thousand_publishes_all_arrive_in_order(endpoint: Endpoint, version: Version) -> None:
    ear = Ear()
    async with (
        connected(endpoint, "hearer", ear=ear, version=version) as hearer,
        connected(endpoint, "speaker", version=version) as speaker,
    ):
        await hearer.subscribe("lamp/many")
        for number in range(1000):
            if number % 20 == 19:
                await speaker.publish("lamp/many", str(number).encode())
            else:
                speaker.publish_nowait("lamp/many", str(number).encode())
        assert [int((await ear.next()).payload) for _ in range(1000)] == list(range(1000))


async def test_an_aborted_connection_leaves_its_will_and_a_clean_one_does_not(
    endpoint: Endpoint, version: Version
) -> None:
    ear = Ear()
    async with connected(endpoint, "hearer", ear=ear, version=version) as hearer:
        await hearer.subscribe("lamp/+/status")
        clean = Will(topic="lamp/clean/status", payload=b"off")
        async with connected(endpoint, "clean", version=version, will=clean):
            pass
        cut = Will(topic="lamp/cut/status", payload=b"off")
        async with connected(endpoint, "cut", version=version, will=cut) as connection:
            connection.abort()
        assert (await ear.next()).topic == "lamp/cut/status"


async def test_a_retained_publish_greets_whoever_subscribes_later(endpoint: Endpoint, version: Version) -> None:
    ear = Ear()
    async with (
        connected(endpoint, "speaker", version=version) as speaker,
        connected(endpoint, "hearer", ear=ear, version=version) as hearer,
    ):
        await speaker.publish("lamp/kept", b"on", retain=True)
        await hearer.subscribe("lamp/kept")
        said = await ear.next()
        assert (said.payload, said.retain) == (b"on", True)


async def test_a_second_connection_under_the_same_id_ends_the_first(endpoint: Endpoint, version: Version) -> None:
    ear = Ear()
    async with (
        connected(endpoint, "twin", ear=ear, version=version) as first,
        connected(endpoint, "twin", version=version) as second,
    ):
        assert isinstance(await asyncio.wait_for(asyncio.shield(ear.lost), WITHIN_S), ConnectionLostError)
        assert not first.is_open
        assert second.is_open
        with pytest.raises(ConnectionLostError):
            await first.publish("lamp/x", b"")


async def test_pings_keep_a_silent_connection_open(endpoint: Endpoint, version: Version) -> None:
    async with connected(endpoint, "silent", version=version, keep_alive_s=1) as connection:
        await asyncio.sleep(2.5)  # a broker closes after one and a half keep-alives without a packet
        assert connection.is_open


async def test_what_the_broker_allows_unacknowledged_is_a_bound(endpoint: Endpoint, version: Version) -> None:
    async with connected(endpoint, "eager", version=version) as connection:
        connection.receive_maximum = 3
        for _ in range(3):
            connection.publish_nowait("lamp/x", b"")
        with pytest.raises(InFlightFullError):
            connection.publish_nowait("lamp/x", b"")


async def test_a_packet_above_the_bound_ends_the_connection(endpoint: Endpoint, version: Version) -> None:
    ear = Ear()
    lost: asyncio.Future[MqttError] = asyncio.get_running_loop().create_future()
    words = Connect(client_id="small", username="acct", version=version)
    small = await Connection.open(
        endpoint, words, on_publish=ear.heard.put_nowait, on_lost=lost.set_result, max_packet_bytes=1000
    )
    await small.subscribe("lamp/big")
    async with connected(endpoint, "speaker", version=version) as speaker:
        await speaker.publish("lamp/big", bytes(5000))
        assert isinstance(await asyncio.wait_for(lost, WITHIN_S), PacketTooLargeError)
    assert ear.heard.empty()


@pytest.mark.mosquitto
async def test_a_stored_session_gets_what_came_while_it_was_away(mosquitto: Broker) -> None:
    endpoint, ear = Endpoint.from_url(mosquitto.url), Ear()
    stored = {"clean_start": False, "properties": {Property.SESSION_EXPIRY_S: 60}, "version": Version.V5}
    async with connected(endpoint, "sleeper", **stored) as sleeper:  # type: ignore[arg-type]
        await sleeper.subscribe("lamp/post")
    async with (
        connected(endpoint, "speaker", version=Version.V5) as speaker,
    ):
        await speaker.publish("lamp/post", b"while you were away")
    async with connected(endpoint, "sleeper", ear=ear, **stored):  # type: ignore[arg-type]
        assert (await ear.next()).payload == b"while you were away"


async def test_a_broker_of_the_older_version_says_so(nats: Broker) -> None:
    with pytest.raises(ConnectRefusedError) as refused:
        async with connected(Endpoint.from_url(nats.url), "new", version=Version.V5):
            pass
    assert refused.value.version_unsupported


async def test_nobody_listening_is_a_lost_connection() -> None:
    with pytest.raises(ConnectionLostError):
        async with connected(Endpoint(host="127.0.0.1", port=1), "nobody"):
            pass


async def test_a_server_that_never_answers_passes_the_deadline() -> None:
    words = Connect(client_id="patient", version=Version.V5)
    async with answering(b"") as endpoint:
        with pytest.raises(DeadlinePassedError):
            await Connection.open(endpoint, words, on_publish=lambda _: None, on_lost=lambda _: None, timeout_s=0.2)


async def test_a_server_that_stops_answering_is_noticed_by_its_missing_pong() -> None:
    ear = Ear()
    async with (
        answering(b"\x20\x02\x00\x00") as endpoint,
        connected(endpoint, "caller", ear=ear, keep_alive_s=1),
    ):
        assert "PINGREQ" in str(await asyncio.wait_for(asyncio.shield(ear.lost), WITHIN_S))


async def test_a_goodbye_that_waits_for_a_full_socket_pings_no_more() -> None:
    troubles: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))
    ended = asyncio.Event()

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(2)
        writer.write(b"\x20\x02\x00\x00")
        await ended.wait()
        writer.close()

    server = await asyncio.start_server(deaf, "127.0.0.1", 0)
    endpoint = Endpoint(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
    words = Connect(client_id="leaver", version=Version.V311, keep_alive_s=1)
    lost: asyncio.Future[MqttError] = asyncio.get_running_loop().create_future()
    connection = await Connection.open(endpoint, words, on_publish=lambda _: None, on_lost=lost.set_result)
    connection.publish_nowait("lamp/x", bytes(50_000_000), qos=0)
    connection.disconnect()
    await asyncio.sleep(0.7)  # a ping would have been due after half a keep-alive
    assert not lost.done(), "the socket is full, so the goodbye still waits"
    assert troubles == []
    connection.abort()
    await asyncio.wait_for(lost, WITHIN_S)
    ended.set()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0)


async def test_a_server_that_speaks_something_else_is_a_lost_connection() -> None:
    async with answering(b"HTTP/1.1 400 Bad Request\r\nServer: something else\r\n\r\n" + bytes(100)) as endpoint:
        with pytest.raises(MqttError):
            async with connected(endpoint, "stranger"):
                pass


@pytest.mark.parametrize("url", ["http://h", "mqtt://", "mqtt:h", "h:1883", "mqtt://h:port"])
def test_a_wrong_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"MQTT URL|[Pp]ort"):
        Endpoint.from_url(url)


def test_a_url_gives_host_port_and_credentials() -> None:
    endpoint = Endpoint.from_url("mqtt://me:p%40ss@[::1]:1999")
    assert (endpoint.host, endpoint.port, endpoint.username, endpoint.password) == ("::1", 1999, "me", "p@ss")
    assert Endpoint.from_url("mqtts://h").port == 8883
