"""An echo: the copy of a press that the observation lane's session has as well."""

import asyncio
from contextlib import suppress

from prometheus_client import REGISTRY

from lampkeep.clock import SystemClock
from lampkeep_ingest.database import Link
from lampkeep_ingest.decode import decode
from lampkeep_ingest.inbox import Received
from lampkeep_ingest.registry import SharedDirectory
from lampkeep_ingest.said import Urgent
from lampkeep_ingest.testing import FakeInbox
from lampkeep_ingest.urgent_lane import UrgentLane
from support.ingest_messages import body
from support.processes import until

PRESS = "lampkeep/v1/p/p/urgent"


def figures() -> tuple[float, float]:
    """Urgent messages counted and timed so far."""
    results = ("stored", "duplicate", "rejected")
    counted = [REGISTRY.get_sample_value("lampkeep_messages_total", {"lane": "urgent", "result": r}) for r in results]
    timed = REGISTRY.get_sample_value("lampkeep_message_store_seconds_count", {"lane": "urgent"})
    return sum(one or 0 for one in counted), timed or 0


async def test_an_echo_is_neither_counted_nor_timed(database_url: str) -> None:
    clock = SystemClock()
    link = Link(database_url, application="test")
    lane = UrgentLane(link, SharedDirectory(clock), clock)

    def echo(message: Received) -> None:
        said = decode(message.topic, message.payload)
        assert isinstance(said, Urgent)
        lane.offer(message, said, echo=True)

    inboxes = [FakeInbox(on_message, clock) for on_message in (lane.take, echo)]
    counted, timed = figures()
    work = asyncio.create_task(lane.run())
    for inbox in inboxes:
        inbox.connect()
        inbox.deliver(PRESS, body("sos"))
        assert await until(lambda inbox=inbox: inbox.unacknowledged == 0 and lane.backlog == 0, within_s=10)  # type: ignore[misc]
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work
    await link.close()
    assert [len(inbox.published) for inbox in inboxes] == [1, 0]
    assert figures() == (counted + 1, timed + 1)
