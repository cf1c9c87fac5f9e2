"""The lanes in front of a database that is not there: what waits, what is let go, how much at most."""

import pytest

from lampkeep.clock import ManualClock
from lampkeep_ingest import observation_lane, urgent_lane
from lampkeep_ingest.database import Link
from lampkeep_ingest.inbox import Received
from lampkeep_ingest.observation_lane import ObservationLane
from lampkeep_ingest.registry import SharedDirectory
from lampkeep_ingest.testing import FakeInbox
from lampkeep_ingest.urgent_lane import UrgentLane
from support.ingest_messages import NOW, body

NOWHERE = "postgresql://127.0.0.1:1/none"
PRESS, DOOR = "lampkeep/v1/p/p/urgent", "lampkeep/v1/gw-1/door-1/observation"


class Running(FakeInbox):
    async def run(self) -> None:
        self.connect()


class Lanes:
    def __init__(self) -> None:
        clock = ManualClock(NOW)
        directory = SharedDirectory(clock)
        self.urgent = UrgentLane(Link(NOWHERE, application="test"), directory, clock)
        self.urgent_inbox = FakeInbox(self.urgent.take, clock)
        self.inboxes: list[Running] = []
        self.observation = ObservationLane(
            Link(NOWHERE, application="test"),
            directory,
            self.urgent,
            clock,
            inbox=lambda take: self._inbox(take, clock),
            urgent_began_s=lambda: float("-inf"),
        )
        self.observation_inbox = self.inboxes[0]
        self.urgent_inbox.connect()
        self.observation_inbox.connect()

    def _inbox(self, take: object, clock: ManualClock) -> Running:
        assert callable(take)

        def on_message(message: Received) -> None:
            take(message)

        self.inboxes.append(Running(on_message, clock))
        return self.inboxes[-1]


@pytest.fixture
def lanes() -> Lanes:
    return Lanes()


async def test_what_waits_for_the_database_is_not_acknowledged(lanes: Lanes) -> None:
    lanes.urgent_inbox.deliver(PRESS, body("sos"))
    lanes.observation_inbox.deliver(DOOR, body())
    assert (lanes.urgent.backlog, lanes.urgent_inbox.unacknowledged) == (1, 1)
    assert (lanes.observation.backlog, lanes.observation_inbox.unacknowledged) == (1, 1)
    assert lanes.urgent.oldest_at == lanes.observation.oldest_at == NOW


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("lampkeep/v1/p/p/command", b'{"v":1,"type":"receipt","ref":"a"}'),
        ("lampkeep/z2m/gw-1/bridge/info", b"{}"),
        (PRESS, body("sos")),
    ],
)
async def test_what_is_not_the_observation_lanes_is_let_go_at_once(lanes: Lanes, topic: str, payload: bytes) -> None:
    lanes.observation_inbox.deliver(topic, payload)
    assert (lanes.observation.backlog, lanes.urgent.backlog, lanes.observation_inbox.unacknowledged) == (0, 0, 0)


async def test_an_urgent_message_on_the_observation_topic_does_not_wait_for_a_batch(lanes: Lanes) -> None:
    lanes.observation_inbox.deliver("lampkeep/v1/p/p/observation", body("sos"))
    assert (lanes.observation.backlog, lanes.urgent.backlog) == (0, 1)


async def test_a_bridges_state_without_anything_urgent_is_let_go_by_the_urgent_lane_unread(lanes: Lanes) -> None:
    lanes.urgent_inbox.deliver("lampkeep/z2m/gw-1/Lamp", b'{"contact":true, no JSON')
    lanes.urgent_inbox.deliver("lampkeep/z2m/gw-1/Button", b'{"action":"emergency"}')
    assert (lanes.urgent.backlog, lanes.urgent_inbox.unacknowledged) == (1, 1)


async def test_of_a_large_message_only_the_head_waits(lanes: Lanes) -> None:
    kept: list[Received] = []

    def on_message(message: Received) -> None:
        kept.append(message)
        lanes.urgent.take(message)

    lanes.urgent_inbox._on_message = on_message
    lanes.urgent_inbox.deliver(PRESS, b"x" * 200_000)
    assert (len(kept[0].payload), kept[0].size) == (4096, 200_000)


async def test_reconnects_do_not_make_the_queue_grow_without_end(lanes: Lanes) -> None:
    per_connection = observation_lane.MOST_WAITING // 4
    for n in range(per_connection):
        lanes.observation_inbox.deliver(DOOR, body(message_id=f"{n}"))
        lanes.urgent_inbox.deliver(PRESS, body("sos", message_id=f"{n}"))
    for _ in range(9):
        for inbox in (lanes.observation_inbox, lanes.urgent_inbox):
            inbox.disconnect()
            inbox.connect()
    assert lanes.observation.backlog <= observation_lane.MOST_WAITING
    assert lanes.urgent.backlog <= urgent_lane.MOST_WAITING
    for inbox in (lanes.observation_inbox, lanes.urgent_inbox):
        assert inbox.unacknowledged == per_connection
