"""The other end of the wire for tests: hears everything that devices say, and answers urgent messages with receipts."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from lampkeep_sim.mqtt import Connect, Connection, Endpoint, Publish, Version


@dataclass
class Station:
    """What was heard, in order. `deaf_for` urgent messages are heard and not answered."""

    connection: Connection | None = None
    deaf_for: int = 0
    heard: list[Publish] = field(default_factory=list)
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, publish: Publish) -> None:
        self.heard.append(publish)
        self._came.set()
        if not publish.topic.endswith("/urgent"):
            return
        if self.deaf_for:
            self.deaf_for -= 1
            return
        receipt = {"v": 1, "type": "receipt", "ref": orjson.loads(publish.payload)["id"]}
        self.command(publish.topic.removesuffix("/urgent"), receipt)

    def command(self, device_topic: str, words: dict[str, Any]) -> None:
        assert self.connection is not None
        self.connection.publish_nowait(f"{device_topic}/command", orjson.dumps(words))

    def said(self, topic: str) -> list[Any]:
        """Bodies that came on a topic, in order."""
        return [orjson.loads(one.payload) for one in self.heard if one.topic == topic]

    async def until(self, condition: Callable[[], object], within_s: float = 10.0) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            self._came.clear()
            left_s = deadline - time.monotonic()
            assert left_s > 0, f"not within {within_s} s; heard {[one.topic for one in self.heard[-20:]]}"
            try:
                await asyncio.wait_for(self._came.wait(), min(left_s, 0.1))
            except TimeoutError:
                continue


@asynccontextmanager
async def listening(endpoint: Endpoint, version: Version, *, deaf_for: int = 0) -> AsyncIterator[Station]:
    station = Station(deaf_for=deaf_for)
    words = Connect(client_id=f"station-{secrets.token_hex(4)}", username="station", version=version)
    station.connection = await Connection.open(endpoint, words, on_publish=station.hear, on_lost=lambda _: None)
    await station.connection.subscribe("lampkeep/#")
    try:
        yield station
    finally:
        station.connection.disconnect()
        await asyncio.sleep(0)
