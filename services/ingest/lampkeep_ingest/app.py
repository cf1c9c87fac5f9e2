"""`lampkeep ingest`: settings in, lanes and keeper wired, until it is told to stop."""

import asyncio
import math
import signal
from contextlib import suppress
from datetime import datetime
from typing import Any

import structlog

from lampkeep.clock import Clock, SystemClock
from lampkeep.db.slots import claim_slot
from lampkeep.health import Part, serve_health
from lampkeep.settings import Settings, SettingsError
from lampkeep_ingest import events, metrics, observation_lane, urgent_lane
from lampkeep_ingest.database import Link
from lampkeep_ingest.keeper import Keeper, listen
from lampkeep_ingest.mqtt_inbox import Endpoint, MqttInbox, Session
from lampkeep_ingest.observation_lane import ObservationLane, lane_link
from lampkeep_ingest.registry import SharedDirectory
from lampkeep_ingest.unwatched import Gap, Unwatched
from lampkeep_ingest.urgent_lane import UrgentLane
from lampkeep_ingest.watched import Drained

STOP_WITHIN_S = 8.0
"""For the end of all tasks; the contract gives the process 10 s."""


class Ingest:
    """One copy of ingest, wired; `run` works until it is cancelled."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """SettingsError where the database or the broker is not named rightly."""
        url = settings.require_database_url()
        try:
            endpoint = Endpoint.parse(settings.mqtt_url)
        except ValueError as error:
            raise SettingsError(str(error)) from error
        self._clock = clock
        self._url, self._instance = url, settings.instance
        self._links = {
            "urgent": Link(url, application="lampkeep-ingest-urgent"),
            "observation": lane_link(url),
            "keeper": Link(url, application="lampkeep-ingest-keeper", on_open=listen),
        }
        directory = SharedDirectory(clock)
        self._directory = directory
        self.urgent = UrgentLane(self._links["urgent"], directory, clock)
        self.urgent_inbox = MqttInbox(
            endpoint,
            Session(
                client_id="lampkeep-ingest-urgent",
                filters=urgent_lane.FILTERS,
                receive_maximum=urgent_lane.RECEIVE_MAXIMUM,
            ),
            on_message=self.urgent.take,
            clock=clock,
        )
        session = Session(
            client_id=observation_lane.CLIENT_ID,
            filters=observation_lane.FILTERS,
            receive_maximum=observation_lane.RECEIVE_MAXIMUM,
        )
        self.observation = ObservationLane(
            self._links["observation"],
            directory,
            self.urgent,
            clock,
            inbox=lambda take: MqttInbox(endpoint, session, on_message=take, clock=clock, asks_uptime=True),
            urgent_began_s=lambda: math.inf if self.urgent_inbox.began_s is None else self.urgent_inbox.began_s,
        )
        self.keeper = Keeper(
            self._links["keeper"],
            directory,
            clock,
            instance="",
            detail=self.detail,
            cleans=lambda: self.observation.is_held,
            gap=self.gap,
            drained_before=self.drained_before,
        )
        self._unwatched = Unwatched()
        self._urgent_drained, self._observation_drained = Drained(), Drained()
        metrics.BACKLOG.set_function(lambda: self.urgent.backlog + self.observation.backlog)

    async def run(self) -> None:
        """Until cancelled. The copy's number, and with it the name of its session, comes from the database."""
        try:
            async with claim_slot(self._url, "ingest", name=self._instance) as slot:
                self._call_us(slot.name)
                slot.moved.append(self._call_us)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self.keeper.run(), name="keeper")
                    tasks.create_task(self.urgent.run(), name="urgent-lane")
                    tasks.create_task(self.urgent_inbox.run(), name="urgent-inbox")
                    tasks.create_task(self.observation.run(), name="observation-lane")
        finally:
            for link in self._links.values():
                await link.close()

    def _call_us(self, name: str) -> None:
        """Take the name; where it changed, its new holder ends our session, and we come back under the new one."""
        self.urgent_inbox.rename(f"lampkeep-ingest-{name}-urgent")
        self.keeper.instance = name

    def drained_before(self, until: datetime | None) -> None:
        """Up to when any copy had drained the observation lane before this one began."""
        self._unwatched.until = until

    def gap(self) -> Gap | None:
        """The stretch that nobody watched, where a new connection of the lane has just ended one."""
        inbox = self.observation.inbox
        if not self.observation.is_held or not isinstance(inbox, MqttInbox):
            return None
        return self._unwatched.look(inbox, now=self._clock.now(), now_s=self._clock.monotonic())

    def detail(self) -> dict[str, Any]:
        """What the heartbeat says: for each lane the instant up to which it is drained; null where this copy cannot
        know (it has not been connected yet, or another copy holds the lane)."""
        now, now_s = self._clock.now(), self._clock.monotonic()
        urgent = self._urgent_drained.look(self.urgent_inbox, oldest_at=self.urgent.oldest_at, now=now, now_s=now_s)
        observation = None
        if self.observation.is_held and isinstance(self.observation.inbox, MqttInbox):
            observation = self._observation_drained.look(
                self.observation.inbox, oldest_at=self.observation.oldest_at, now=now, now_s=now_s
            )
        self._unwatched.until = observation or self._unwatched.until
        return {
            "watched_until": {"urgent": urgent, "observation": observation},
            "holds_observation": self.observation.is_held,
            "backlog": self.urgent.backlog + self.observation.backlog,
        }

    def parts(self) -> dict[str, Part]:
        """Each part's state, for `/readyz`."""
        trouble = self._links["keeper"].trouble or self._links["urgent"].trouble
        kind = self.keeper.flavour
        urgent = self.urgent_inbox
        return {
            "database": Part(ok=trouble is None and kind is not None, state=trouble or kind or "not looked at yet"),
            "registry": Part(ok=self._directory.refreshed_s is not None, state=f"{len(self._directory)} devices"),
            "broker": Part(ok=urgent.connected_s is not None, state=urgent.state),
            "urgent_lane": Part(ok=urgent.connected_s is not None, state=f"{self.urgent.backlog} waiting"),
            "observation_lane": self._observation_part(),
        }

    def _observation_part(self) -> Part:
        if not self.observation.is_held:
            # where nobody holds it nobody may have subscribed yet: the broker would keep nothing for us
            waits = self.observation.is_elsewhere
            trouble = self._links["observation"].trouble
            state = trouble or ("another copy holds it, ready to take over" if waits else "not taken yet")
            return Part(ok=trouble is None and waits, state=state)
        inbox = self.observation.inbox
        assert isinstance(inbox, MqttInbox)
        return Part(ok=inbox.connected_s is not None, state=f"held, {inbox.state}, {self.observation.backlog} waiting")


async def run(settings: Settings, *, clock: Clock | None = None) -> None:
    """Serve until SIGTERM, SIGINT or cancellation; what is not acknowledged by then is delivered again.

    SettingsError where a setting is missing or wrong, and where LAMPKEEP_HTTP cannot be bound.
    """
    ingest = Ingest(settings, clock or SystemClock())
    log = structlog.get_logger()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with serve_health(settings, ingest.parts) as (host, port):
            log.info(events.INGEST_STARTED, http=f"{host}:{port}")
            work = asyncio.create_task(ingest.run(), name="ingest")
            told = asyncio.create_task(stop.wait(), name="stop")
            try:
                await asyncio.wait((work, told), return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _end(work, told)
            log.info(events.INGEST_STOPPED)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel what still runs and wait for it; an error of one that ended by itself is raised."""
    for task in tasks:
        task.cancel()
    async with asyncio.timeout(STOP_WITHIN_S):
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
