"""One lane of the outbox: claims what is due, sends it, records what became of it, and keeps its claims alive.

There are two lanes in each process, one for `life` alerts and one for the rest, with nothing in common but the loop.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from zlib import crc32

import psycopg
import structlog

from lampkeep import failpoints
from lampkeep.clock import Clock
from lampkeep.contracts.commands import Progress, Prompt, command_payload, expiry_s
from lampkeep.contracts.notifications import body
from lampkeep.db.connections import DatabaseUnavailableError
from lampkeep.db.slots import Slot
from lampkeep.ports import Channel, Command, Delivered, DeviceCommands, Outgoing
from lampkeep_dispatch import events
from lampkeep_dispatch.alerts.decisions import CLAIM_GOOD_S, Decision, Desk, decide
from lampkeep_dispatch.alerts.effects import LEASE
from lampkeep_dispatch.database import Connection, Line
from lampkeep_dispatch.failures import failed
from lampkeep_dispatch.loops import POLL_S, wait
from lampkeep_dispatch.outbox.backoff import backoff
from lampkeep_dispatch.outbox.parcels import Drop, Fail, Parcel, Send, Wait, fate, parcel_from
from lampkeep_dispatch.outbox.record import Record, Recorded, Recorder, count
from lampkeep_dispatch.outbox.settle import settle
from lampkeep_dispatch.outbox.sweep import ATTEMPT_S, Attempt, Sweep, Swept
from lampkeep_dispatch.sql import QUERIES

IN_FLIGHT = 2048
"""Notifications held by a lane, some KiB each. Eight times its sockets: most of a crowd waits for a turn at its host or
for its record, and what is for another host must find a place meanwhile. At most 576 wait for or are at one host."""

CLAIM = 64
"""Claimed at once, so that several copies share a herd."""

RENEW_EVERY_S = 2.0
"""How often long rounds renew their claims: three times within a lease."""

RECORD_FOR_S = 60.0
"""How long a record is tried when the database is away; after that the claim has lapsed and it is sent again."""

BEHIND_S = 0.05
"""Before a device's next state is looked at again while an earlier one is under way."""

LONGEST_FOR_DEVICE = timedelta(seconds=5)
"""A command that the broker did not take is tried again within this: somebody looks at the lamp on the pendant."""

log = structlog.get_logger()


@dataclass(slots=True)
class Held:
    """A claim of this copy, and until when attempts may be started under it (monotonic)."""

    parcel: Parcel
    since: float
    good_until: float
    task: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How things get out: channels by kind, and commands to devices."""

    channels: Mapping[str, Channel]
    commands: DeviceCommands


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """The database connections of one lane."""

    claims: Line
    records: Line
    settlements: Sequence[Line]
    """Several, so that a crowd of refusals is handed over soon; one alert's decisions all run on the same."""

    def settlement(self, alert_id: str) -> Line:
        """Where this alert's decisions are made, in their order."""
        return self.settlements[crc32(alert_id.encode()) % len(self.settlements)]


class Outbox:
    """One lane. `desk` is set once both lanes exist: consequences of a notification may need either."""

    desk: Desk

    def __init__(self, *, urgent: bool, lines: Lines, ways: Ways, clock: Clock, slot: Slot) -> None:
        """Nothing runs yet; see `run`, `once` and `renew`."""
        self._urgent = urgent
        self._lines = lines
        self._ways = ways
        self._clock = clock
        self._slot = slot
        self._recorder = Recorder(lines.records, clock)
        self._held: dict[object, Held] = {}
        self.bell = asyncio.Event()

    # -- what decisions use

    @property
    def room(self) -> int:
        """How many more could be sent at once."""
        return max(0, IN_FLIGHT - len(self._held))

    def take(self, parcels: Sequence[Parcel]) -> None:
        """Send these claimed ones now."""
        for parcel in parcels:
            held = Held(parcel=parcel, since=self._clock.monotonic(), good_until=parcel.good_until)
            self._held[parcel.notification_id] = held
            held.task = asyncio.create_task(self._carry(held))
            held.task.add_done_callback(partial(self._let_go, parcel.notification_id))

    def look(self) -> None:
        """Something may be due."""
        self.bell.set()

    def _let_go(self, key: object, _task: asyncio.Task[None]) -> None:
        self._held.pop(key, None)

    # -- loops

    async def record(self) -> None:
        """Write records, for ever."""
        await self._recorder.run()

    async def once(self) -> float:
        """Claim what is due and send it; returns the seconds until something may be due again."""
        room = min(CLAIM, self.room)
        if room == 0:
            return RENEW_EVERY_S / 10
        parcels, next_s = await self._claim(room)
        self.take(parcels)
        return 0.0 if len(parcels) == room else next_s

    async def renew(self) -> None:
        """Keep the claims of long rounds, for ever; a claim that is lost stops its round."""
        never = asyncio.Event()
        while True:
            await wait(never, RENEW_EVERY_S)
            try:
                await self._renew_once()
            except DatabaseUnavailableError as error:
                log.warning(events.DATABASE_LOST, worker="renew", error=str(error))

    async def drained(self, timeout_s: float) -> None:
        """Wait for what is under way, at most `timeout_s`; then let go of it: its claims lapse by themselves."""
        tasks = [held.task for held in self._held.values() if held.task is not None]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=timeout_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _claim(self, limit: int) -> tuple[list[Parcel], float]:
        now = self._clock.now()
        good_until = self._clock.monotonic() + CLAIM_GOOD_S
        wanted = {
            "urgent": self._urgent,
            "now": now,
            "limit": limit,
            "instance": self._slot.name,
            "until": now + LEASE,
        }

        async def work(connection: Connection) -> tuple[list[Parcel], float]:
            claimed = await (await connection.execute(QUERIES["claim_notifications"], wanted)).fetchall()
            if not claimed:
                row = await (await connection.execute(QUERIES["next_notification"], wanted)).fetchone()
                at = row["at"] if row else None
                return [], POLL_S if at is None else max(0.001, (at - now).total_seconds())
            ids = [row["notification_id"] for row in claimed]
            rows = await (await connection.execute(QUERIES["parcels"], {"ids": ids, "now": now})).fetchall()
            parcels = [_read(row, good_until) for row in rows]
            for row, parcel in zip(rows, parcels, strict=True):
                if parcel is None:
                    await connection.execute(QUERIES["put_aside_notification"], row)
            return [parcel for parcel in parcels if parcel is not None], 0.001

        return await self._lines.claims.run(work)

    async def _renew_once(self) -> None:
        now, tick = self._clock.now(), self._clock.monotonic()
        old = [held for held in self._held.values() if tick - held.since >= RENEW_EVERY_S]
        if not old:
            return
        wanted = {
            "ids": [held.parcel.notification_id for held in old],
            "claims": [held.parcel.claim for held in old],
            "until": now + LEASE,
        }

        async def work(connection: Connection) -> set[object]:
            rows = await (await connection.execute(QUERIES["renew_claims"], wanted)).fetchall()
            return {row["notification_id"] for row in rows}

        kept = await self._lines.claims.run(work)
        for held in old:
            if held.parcel.notification_id in kept:
                held.good_until = tick + CLAIM_GOOD_S
            else:
                held.good_until = 0.0

    # -- one notification

    async def _carry(self, held: Held) -> None:
        """Send and record one notification; an error that nobody foresaw is logged, and it is tried again later."""
        try:
            record = await self._outcome(held)
            if record is not None:
                await self._settle(record)
        except Exception as error:  # noqa: BLE001 - one broken notification must end no other
            failed(events.WORKER_FAILED, error, worker="outbox", notification_id=str(held.parcel.notification_id))
            await self._postpone(held.parcel)

    async def _postpone(self, parcel: Parcel) -> None:
        """Give the claim back with a pause that grows; where even that fails the claim lapses by itself."""
        pause = backoff(parcel.attempt_count + 1, urgent=parcel.urgent, jitter=random.random())  # noqa: S311 - jitter
        later = {
            "notification_id": parcel.notification_id,
            "claim": parcel.claim,
            "at": self._clock.now() + max(pause, LEASE),
        }

        async def work(connection: Connection) -> None:
            await connection.execute(QUERIES["postpone_notification"], later)

        try:
            await self._lines.claims.run(work)
        except (DatabaseUnavailableError, psycopg.Error) as error:
            failed(events.WORKER_FAILED, error, worker="outbox", notification_id=str(parcel.notification_id))

    async def _outcome(self, held: Held) -> Record | None:
        parcel, now = held.parcel, self._clock.now()
        match fate(parcel, now):
            case Drop():
                return Record(parcel=parcel, state="dropped")
            case Fail():
                return Record(parcel=parcel, state="failed")
            case Wait() if parcel.device_id is not None:
                # Behind an earlier state that is on its way this moment: milliseconds, whatever the rules' clock says.
                await asyncio.sleep(BEHIND_S)
                return Record(parcel=parcel, state="pending", next_attempt_at=now)
            case Wait(by=by):
                return Record(parcel=parcel, state="pending", next_attempt_at=now + by)
            case Send():
                failpoints.reach("dispatch.before_send")
                swept = await (self._to_person(held) if parcel.device_id is None else self._to_device(parcel))
                failpoints.reach("dispatch.after_send")
                return self._judged(parcel, swept) if swept.attempts else None

    async def _to_person(self, held: Held) -> Swept:
        parcel = held.parcel
        told = body(parcel.telling(self.desk.links), now=self._clock.now(), zone=parcel.zone)
        outgoing = Outgoing(
            notification_id=parcel.notification_id,
            body=told.json_bytes(),
            wants_acceptance=parcel.calls_the_line,
            urgent=parcel.urgent,
        )
        sweep = Sweep(
            outgoing,
            parcel.channels,
            adapters=self._ways.channels.get,
            clock=self._clock,
            half_s=parcel.deliver_within_s / 2,
            may_start=lambda: self._clock.monotonic() < held.good_until,
        )
        return await sweep.run()

    async def _to_device(self, parcel: Parcel) -> Swept:
        now = self._clock.now()
        said = {"alert": parcel.alert_id, "expires_at": parcel.give_up_at}
        told: Progress | Prompt
        if parcel.reason == "prompt":
            told = Prompt.model_validate(said)
        else:
            told = Progress.model_validate({**said, "state": parcel.text_key, "at": parcel.created_at})
        command = Command(
            account=str(parcel.detail.get("account")),
            device_id=parcel.device_id or "",
            payload=command_payload(told),
            expires_in_s=expiry_s(told, now),
        )
        result = await self._ways.commands.send(command, timeout_s=ATTEMPT_S)
        attempt = Attempt(index=0, kind="device", started_at=now, ended_at=self._clock.now(), result=result)
        arrived = attempt.ended_at if isinstance(result, Delivered) else None
        return Swept(attempts=(attempt,), delivered_at=arrived)

    def _judged(self, parcel: Parcel, swept: Swept) -> Record:
        if swept.reference is not None:
            return Record(parcel=parcel, state="accepted", swept=swept)
        if swept.delivered_at is not None and not parcel.calls_the_line:
            return Record(parcel=parcel, state="delivered", swept=swept)
        if parcel.device_id is None and swept.all_final(len(parcel.channels)):
            return Record(parcel=parcel, state="failed", swept=swept)
        rounds = 1 + parcel.attempt_count // max(1, len(parcel.channels))
        jitter = random.random()  # noqa: S311 - jitter
        pause = backoff(rounds, urgent=parcel.urgent, jitter=jitter, patience=swept.patience)
        if parcel.device_id is not None:
            pause = min(pause, LONGEST_FOR_DEVICE)
        return Record(parcel=parcel, state="pending", next_attempt_at=self._clock.now() + pause, swept=swept)

    async def _settle(self, record: Record) -> None:
        ends_at = self._clock.monotonic() + RECORD_FOR_S
        write = self._decide if _changes_the_alert(record) else self._recorder.write
        while True:
            try:
                recorded = await write(record)
                break
            except DatabaseUnavailableError:
                if self._clock.monotonic() >= ends_at:
                    raise
        if recorded.first_of_alert or record.next_attempt_at is not None:
            self.look()

    async def _decide(self, record: Record) -> Recorded:
        found: list[Recorded] = []

        async def work(decision: Decision) -> bool:
            found.append(await settle(decision, record))
            return True

        await decide(self.desk, self._lines.settlement(record.parcel.alert_id), work)
        count(record, found[-1])
        return found[-1]


def _read(row: Mapping[str, Any], good_until: float) -> Parcel | None:
    """The parcel of a row; None, and an error in the log, for one that cannot be read."""
    try:
        return parcel_from(row, good_until=good_until)
    except Exception as error:  # noqa: BLE001 - one bad row must not keep the others of its batch
        failed(events.NOTIFICATION_UNREADABLE, error, notification_id=str(row["notification_id"]))
        return None


def _changes_the_alert(record: Record) -> bool:
    """Whether more follows than a record: a failure for good, or a call of the line that has (not) been accepted."""
    parcel = record.parcel
    if parcel.device_id is not None or record.state == "dropped":
        return False
    return record.state in {"failed", "accepted"} or (parcel.calls_the_line and bool(record.swept.attempts))
