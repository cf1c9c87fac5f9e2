"""Ingest in the test's own loop, between a real broker and a real database, with a community of one home."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiomqtt
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.clock import SystemClock
from lampkeep.contracts.community import parse
from lampkeep.db.connections import connect
from lampkeep.registry.apply import announce, apply
from lampkeep.settings import Settings, load
from lampkeep_ingest.app import Ingest

COMMUNITY = """
lampkeep: v1
areas: [{id: grid, name: Grid}]
policies: [{id: ladder, steps: [{to: [grid_worker], after: 0s}]}]
plans:
  - id: plan
    rules: {door_left_open: {for: 30m}, device_silent: true, low_battery: true, tamper: true}
    policies: {default: ladder}
homes:
  - id: home-1
    area: grid
    plan: plan
    devices:
      - {id: pendant-1, kind: pendant}
      - {id: gw-1, kind: gateway}
      - {id: door-1, kind: door, place: entrance, account: gw-1, z2m: "Front door"}
      - {id: pir-1, kind: motion, place: bathroom, account: gw-1}
      - {id: bed-1, kind: presence, account: gw-1}
      - {id: smoke-1, kind: smoke, account: gw-1, z2m: hall/Smoke}
      - {id: button-1, kind: button, account: gw-1, z2m: Button}
      - {id: sos-1, kind: pendant, account: gw-1, z2m: Pendant}
      - {id: door-9, kind: door, account: gw-9}
"""

WITHIN_S = 15.0
"""Nothing here takes a second on a quiet machine."""


STOP_WITHIN_S = 10.0
"""What the contract grants every command."""


async def eventually(look: Callable[[], Awaitable[Any]], *, within_s: float = WITHIN_S, every_s: float = 0.03) -> Any:
    """The first answer of `look` that holds; AssertionError with the last one where none does in time."""
    deadline = time.monotonic() + within_s
    while True:
        found = await look()
        if found:
            return found
        assert time.monotonic() < deadline, f"still {found!r} after {within_s} s"
        await asyncio.sleep(every_s)


@dataclass
class Bench:
    """A database with the community, a broker, and devices that speak."""

    database_url: str
    mqtt_url: str
    database: AsyncConnection[DictRow]
    client: aiomqtt.Client
    commands: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def rows(self, sql: str, **values: Any) -> list[DictRow]:
        return await (await self.database.execute(sql, values)).fetchall()

    async def count(self, table: str) -> int:
        return int((await self.rows(f"select count(*) as n from {table}"))[0]["n"])

    async def until(self, sql: str, n: int = 1, *, within_s: float = WITHIN_S, **values: Any) -> list[DictRow]:
        """The rows of `sql` once there are `n`."""

        async def look() -> list[DictRow] | None:
            found = await self.rows(sql, **values)
            return found if len(found) >= n else None

        found: list[DictRow] = await eventually(look, within_s=within_s)
        assert len(found) == n, found
        return found

    async def raw(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> None:
        await self.client.publish(topic, payload, qos=qos, retain=retain, timeout=WITHIN_S)

    async def say(self, device: str, type_: str, *, message_id: str | None = None, lane: str = "", **body: Any) -> str:
        """`device` is `account/device`."""
        message_id = message_id or uuid.uuid4().hex[:12]
        urgent = type_ in {"sos", "sos_cancel", "fall", "smoke", "gas"}
        message = {"v": 1, "id": message_id, "type": type_} | body
        await self.raw(
            f"lampkeep/v1/{device}/{lane or ('urgent' if urgent else 'observation')}", json.dumps(message).encode()
        )
        return message_id

    async def bridge(self, rest: str, state: Any, **options: Any) -> None:
        payload = state if isinstance(state, bytes) else json.dumps(state).encode()
        await self.raw(f"lampkeep/z2m/gw-1/{rest}", payload, **options)

    async def settled(self) -> None:
        """Every observation that was published before is seen to: the lane is first in, first out."""
        marker = await self.say("gw-1/pir-1", "heartbeat")
        await self.until("select 1 from observations where message_id = %(id)s", id=marker)

    async def receipts(self, device: str, n: int) -> list[str]:
        """The ids of `n` receipts that came to `device`."""

        async def look() -> list[str] | None:
            refs = [
                body["ref"]
                for topic, body in self.commands
                if topic == f"lampkeep/v1/{device}/command" and body["type"] == "receipt"
            ]
            return refs if len(refs) >= n else None

        found: list[str] = await eventually(look)
        return found

    async def apply(self, text: str = COMMUNITY) -> None:
        await apply(self.database, parse(text, "community.yaml"), now=SystemClock().now())
        await announce(self.database)

    def settings(self, instance: str = "1") -> Settings:
        return load(database_url=self.database_url, mqtt_url=self.mqtt_url, http="127.0.0.1:0", instance=instance)


def client(mqtt_url: str) -> aiomqtt.Client:
    """A device's session, MQTT 3.1.1: every broker speaks it."""
    where = urlsplit(mqtt_url)
    return aiomqtt.Client(
        where.hostname or "",
        where.port or 1883,
        username=where.username,
        password=where.password,
        identifier=f"device-{uuid.uuid4().hex[:8]}",
    )


@asynccontextmanager
async def a_bench(database_url: str, mqtt_url: str) -> AsyncIterator[Bench]:
    """Everything but ingest."""
    async with (
        await connect(database_url, application="test", autocommit=True) as database,
        client(mqtt_url) as device,
    ):
        bench = Bench(database_url, mqtt_url, database, device)
        await bench.apply()
        await device.subscribe("lampkeep/v1/+/+/command", qos=1)
        reader = asyncio.create_task(_read(bench))
        try:
            yield bench
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError, aiomqtt.MqttError):
                await reader


async def _read(bench: Bench) -> None:
    async for message in bench.client.messages:
        assert isinstance(message.payload, bytes)
        bench.commands.append((message.topic.value, json.loads(message.payload)))


@asynccontextmanager
async def running(bench: Bench, instance: str = "1", *, ready: bool = True) -> AsyncIterator[Ingest]:
    """Ingest, ready (holding the lane or waiting for it) unless `ready` is False."""
    ingest = Ingest(bench.settings(instance), SystemClock())
    work = asyncio.create_task(ingest.run())

    async def is_ready() -> bool:
        assert not work.done(), work.exception()
        return all(part.ok for part in ingest.parts().values())

    try:
        if ready:
            await eventually(is_ready)
        yield ingest
        if work.done():
            await work
    finally:
        work.cancel()
        ended, _ = await asyncio.wait((work,), timeout=STOP_WITHIN_S)
        if not ended:
            for task in asyncio.all_tasks():
                task.print_stack()
        assert ended
