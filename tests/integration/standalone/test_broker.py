"""The embedded broker, driven by paho as a device would (MQTT 3.1.1)."""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from lampkeep_standalone.embedded.accounts import SERVICES, passwords
from lampkeep_standalone.embedded.broker import EmbeddedBroker
from lampkeep_standalone.embedded.loopback import free_port

DEADLINE_S = 8.0


class Device:
    """A paho client that remembers what it heard and whether it was let in."""

    def __init__(self, port: int, client_id: str, *, clean: bool = True, account: str = "", password: str = "") -> None:
        self.heard: list[tuple[str, bytes, bool]] = []
        self.refused = False
        self.acknowledges = True
        self.granted: list[bool] = []
        self._changed = threading.Condition()
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=clean,
            manual_ack=True,
            protocol=mqtt.MQTTv311,
        )
        self.port = port
        self.client.username_pw_set(account or "anybody", password or "anything")
        self.client.on_message = self._on_message
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = self._on_subscribe

    def _on_message(self, client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
        if self.acknowledges:
            client.ack(message.mid, message.qos)
        with self._changed:
            self.heard.append((message.topic, bytes(message.payload), message.retain))
            self._changed.notify_all()

    def _on_connect(self, *what: object) -> None:
        with self._changed:
            self.refused = bool(getattr(what[3], "is_failure", False))
            self._changed.notify_all()

    def _on_subscribe(self, *what: object) -> None:
        codes = what[3]
        assert isinstance(codes, list)
        with self._changed:
            self.granted += [not code.is_failure for code in codes]
            self._changed.notify_all()

    def connect(self) -> None:
        self.client.connect("127.0.0.1", self.port)
        self.client.loop_start()
        self.wait(lambda: self.client.is_connected() or self.refused)

    def subscribe(self, topic: str) -> bool:
        before = len(self.granted)
        self.client.subscribe(topic, 1)
        self.wait(lambda: len(self.granted) > before)
        return self.granted[-1]

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.client.publish(topic, payload, 1, retain=retain).wait_for_publish(DEADLINE_S)

    def wait(self, until: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(until, DEADLINE_S), f"not within {DEADLINE_S} s; heard {self.heard}"

    def drop(self) -> None:
        """Break the connection without a DISCONNECT."""
        connection = self.client.socket()
        assert isinstance(connection, socket.socket)
        self.client.loop_stop()
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def device(broker: EmbeddedBroker, client_id: str, **options: object) -> Iterator[Device]:
    port = int(broker.url.rpartition(":")[2])
    one = Device(port, client_id, **options)  # type: ignore[arg-type]
    one.connect()
    try:
        yield one
    finally:
        one.close()


async def in_thread(story: Callable[[], None]) -> None:
    """Paho blocks; the broker's door needs the loop meanwhile."""
    await asyncio.wait_for(asyncio.to_thread(story), 60)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[EmbeddedBroker]:
    async with EmbeddedBroker(tmp_path / "broker", port=free_port()) as started:
        yield started


async def test_any_credentials_are_accepted_and_a_message_arrives(broker: EmbeddedBroker) -> None:
    def story() -> None:
        with device(broker, "lampkeep.ingest") as ingest, device(broker, "pendant.1", account="x") as pendant:
            ingest.subscribe("lampkeep/v1/+/+/urgent")
            pendant.publish("lampkeep/v1/p/p/urgent", b"{}")
            ingest.wait(lambda: ingest.heard == [("lampkeep/v1/p/p/urgent", b"{}", False)])

    await in_thread(story)


async def test_its_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / '读 "x" \\y'
    async with EmbeddedBroker(folder, port=free_port()):
        assert (folder / "store" / "jetstream").is_dir()


async def test_a_zigbee_name_with_a_space_arrives_as_it_is_written(broker: EmbeddedBroker) -> None:
    def story() -> None:
        with device(broker, "ingest") as ingest, device(broker, "bridge") as bridge:
            ingest.subscribe("lampkeep/z2m/#")
            ingest.subscribe("exactly/Front door")
            bridge.publish("lampkeep/z2m/gw-001/Front door", b"1")
            bridge.publish("exactly/Front door", b"2")
            # Two subscriptions: NATS keeps the order within each alone.
            arrived = [("exactly/Front door", b"2", False), ("lampkeep/z2m/gw-001/Front door", b"1", False)]
            ingest.wait(lambda: sorted(ingest.heard) == arrived)

    await in_thread(story)


async def test_a_last_will_with_a_space_in_its_topic_is_sent_when_the_line_breaks(broker: EmbeddedBroker) -> None:
    def story() -> None:
        port = int(broker.url.rpartition(":")[2])
        with device(broker, "ingest") as ingest:
            ingest.subscribe("lampkeep/#")
            lost = Device(port, "pendant-001")
            lost.client.will_set("lampkeep/v1/p/my pendant/status", b'{"v":1,"online":false}', 1, retain=True)
            lost.connect()
            lost.drop()
            ingest.wait(lambda: bool(ingest.heard))
            assert ingest.heard == [("lampkeep/v1/p/my pendant/status", b'{"v":1,"online":false}', False)]

    await in_thread(story)


async def test_a_retained_message_reaches_a_later_subscriber_marked_so(broker: EmbeddedBroker) -> None:
    def story() -> None:
        with device(broker, "pendant") as pendant, device(broker, "ingest") as ingest:
            pendant.publish("lampkeep/v1/p/p/status", b"online", retain=True)
            ingest.subscribe("lampkeep/v1/+/+/status")
            ingest.wait(lambda: ingest.heard == [("lampkeep/v1/p/p/status", b"online", True)])

    await in_thread(story)


async def test_what_is_not_acknowledged_comes_again_within_the_ack_wait(broker: EmbeddedBroker) -> None:
    def story() -> None:
        with device(broker, "ingest", clean=False) as ingest, device(broker, "pendant") as pendant:
            ingest.acknowledges = False
            ingest.subscribe("lampkeep/#")
            pendant.publish("lampkeep/v1/p/p/urgent", b"sos")
            begun = time.monotonic()
            ingest.wait(lambda: len(ingest.heard) >= 2)
            assert time.monotonic() - begun < 4

    await in_thread(story)


async def test_a_stored_session_keeps_messages_over_the_brokers_sigkill(tmp_path: Path) -> None:
    port = free_port()
    async with EmbeddedBroker(tmp_path, port=port) as broker:

        def before() -> None:
            with device(broker, "ingest", clean=False) as ingest:
                ingest.subscribe("lampkeep/#")
            with device(broker, "pendant") as pendant:
                for number in range(50):
                    pendant.publish("lampkeep/v1/p/p/urgent", str(number).encode())

        def after() -> None:
            with device(broker, "ingest", clean=False) as ingest:
                ingest.wait(lambda: len({payload for _, payload, _ in ingest.heard}) == 50)

        await in_thread(before)
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        assert await broker.exited() == -signal.SIGKILL
        begun = time.monotonic()
        await broker.start()
        assert time.monotonic() - begun < 2
        await in_thread(after)


async def test_a_payload_of_256_kib_goes_through(broker: EmbeddedBroker) -> None:
    def story() -> None:
        with device(broker, "ingest") as ingest, device(broker, "pendant") as pendant:
            ingest.subscribe("lampkeep/#")
            pendant.publish("lampkeep/v1/p/p/urgent", b"x" * 512 * 1024)
            ingest.wait(lambda: [len(payload) for _, payload, _ in ingest.heard] == [512 * 1024])

    await in_thread(story)


class TestWithCredentials:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "mqtt-accounts.json"

    @pytest.fixture
    async def guarded(self, tmp_path: Path, file: Path) -> AsyncIterator[EmbeddedBroker]:
        given = passwords(file, ["gw-001", "gw-002"])
        async with EmbeddedBroker(tmp_path / "broker", port=free_port(), passwords=given) as started:
            yield started

    async def test_an_account_speaks_for_itself_and_hears_its_commands(
        self, guarded: EmbeddedBroker, file: Path
    ) -> None:
        def story() -> None:
            known = passwords(file, ["gw-001", "gw-002"])
            with (
                device(guarded, "i", account=SERVICES, password=known[SERVICES]) as ingest,
                device(guarded, "g", account="gw-001", password=known["gw-001"]) as gateway,
            ):
                assert ingest.subscribe("lampkeep/#")
                assert gateway.subscribe("lampkeep/v1/gw-001/+/command")
                gateway.publish("lampkeep/v1/gw-001/door-001/observation", b"1")
                gateway.publish("lampkeep/z2m/gw-001/Front door", b"2")
                ingest.wait(lambda: [payload for _, payload, _ in ingest.heard] == [b"1", b"2"])
                ingest.publish("lampkeep/v1/gw-001/door-001/command", b"receipt")
                gateway.wait(lambda: bool(gateway.heard))

        await in_thread(story)

    async def test_a_publish_or_a_will_for_another_account_reaches_nobody(
        self, guarded: EmbeddedBroker, file: Path
    ) -> None:
        def story() -> None:
            known = passwords(file, ["gw-001", "gw-002"])
            port = int(guarded.url.rpartition(":")[2])
            with (
                device(guarded, "i", account=SERVICES, password=known[SERVICES]) as ingest,
                device(guarded, "g", account="gw-001", password=known["gw-001"]) as gateway,
            ):
                ingest.subscribe("lampkeep/#")
                gateway.publish("lampkeep/v1/gw-002/door-001/urgent", b"foreign")
                liar = Device(port, "liar", account="gw-001", password=known["gw-001"])
                liar.client.will_set("lampkeep/v1/gw-002/gw-002/status", b"foreign will", 1)
                liar.connect()
                liar.drop()
                gateway.publish("lampkeep/v1/gw-001/door-001/urgent", b"own")
                ingest.wait(lambda: any(payload == b"own" for _, payload, _ in ingest.heard))
                assert [payload for _, payload, _ in ingest.heard] == [b"own"]

        await in_thread(story)

    async def test_nobody_listens_in_on_another_account(self, guarded: EmbeddedBroker, file: Path) -> None:
        def story() -> None:
            known = passwords(file, ["gw-001", "gw-002"])
            with device(guarded, "g", account="gw-001", password=known["gw-001"]) as gateway:
                assert not gateway.subscribe("lampkeep/v1/gw-002/+/command")
                assert not gateway.subscribe("#")

        await in_thread(story)

    async def test_a_wrong_password_is_refused(self, guarded: EmbeddedBroker) -> None:
        def story() -> None:
            with device(guarded, "g", account="gw-001", password="wrong") as gateway:
                assert gateway.refused

        await in_thread(story)

    async def test_the_same_client_id_of_another_account_throws_nobody_out(
        self, guarded: EmbeddedBroker, file: Path
    ) -> None:
        def story() -> None:
            known = passwords(file, ["gw-001", "gw-002"])
            with (
                device(guarded, "same", account=SERVICES, password=known[SERVICES]) as ingest,
                device(guarded, "same", account="gw-002", password=known["gw-002"]) as gateway,
            ):
                ingest.subscribe("lampkeep/#")
                gateway.publish("lampkeep/v1/gw-002/x/observation", b"1")
                ingest.wait(lambda: bool(ingest.heard))

        await in_thread(story)

    async def test_a_new_account_is_let_in_and_a_removed_one_is_thrown_out(
        self, guarded: EmbeddedBroker, file: Path
    ) -> None:
        def before() -> None:
            with device(guarded, "g", account="gw-003", password="unknown yet") as gateway:
                assert gateway.refused

        def after() -> None:
            known = passwords(file, ["gw-002", "gw-003"])
            deadline = time.monotonic() + DEADLINE_S
            refused = True
            while refused and time.monotonic() < deadline:
                with device(guarded, "g", account="gw-003", password=known["gw-003"]) as gateway:
                    refused = gateway.refused
            assert not refused
            with device(guarded, "h", account="gw-001", password=once) as gateway:
                assert gateway.refused

        await in_thread(before)
        once = passwords(file, ["gw-001", "gw-002"])["gw-001"]
        guarded.admit(passwords(file, ["gw-002", "gw-003"]))
        await in_thread(after)

    def test_passwords_are_kept_and_only_their_owner_may_read_them(self, file: Path) -> None:
        first = passwords(file, ["gw-001"])
        assert passwords(file, ["gw-001", "gw-002"])["gw-001"] == first["gw-001"]
        assert file.stat().st_mode & 0o777 == 0o600
