"""The API in this process on a real database, with tokens for whoever a test needs and alerts as it needs them."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.alerts import store
from lampkeep.clock import Clock, SystemClock
from lampkeep.domain.alert import Alert
from lampkeep.domain.vocabulary import AlertKind
from lampkeep.registry.tokens import TokenRole, create
from lampkeep.settings import Settings
from lampkeep_api.app import create_app
from lampkeep_api.parts import Parts, assemble
from support.alerts import an_alert
from support.processes import until
from support.registry import applied, opened

OPENED = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)

OTHER_AREA = {
    "  - {id: jiangnan-g03, name: 江南街道三网格, parent: jinhua}\n": (
        "  - {id: jiangnan-g03, name: 江南街道三网格, parent: jinhua}\n  - {id: jiaxing, name: 嘉兴市}\n"
    ),
    "  - id: home-002\n    area: jiangnan-g03\n": "  - id: home-002\n    area: jiaxing\n",
}
"""The example community with its second home in an area of its own, `jiaxing`."""


@dataclass
class Api:
    """The application, its database, and who has asked so far."""

    app: FastAPI
    parts: Parts
    connection: AsyncConnection[DictRow]
    exits: AsyncExitStack
    clients: dict[tuple[str, str], httpx.AsyncClient] = field(default_factory=dict)
    count: int = 0

    async def token(self, role: str = "operator", area: str = "*", name: str = "Duty desk") -> str:
        """A new token's secret."""
        _, secret = await create(self.connection, name=name, role=TokenRole(role), area=area, now=datetime.now(UTC))
        return secret

    async def client(self, role: str = "operator", area: str = "*", *, name: str = "Duty desk") -> httpx.AsyncClient:
        """A client with a token of its own for `role` in `area`; the same one each time it is asked for."""
        key = (role, area)
        if key not in self.clients:
            headers = {"Authorization": f"Bearer {await self.token(role, area, name)}"}
            self.clients[key] = await self.exits.enter_async_context(self._client(headers))
        return self.clients[key]

    async def anybody(self) -> httpx.AsyncClient:
        """A client without a token."""
        return await self.exits.enter_async_context(self._client({}))

    async def alert(
        self,
        home_id: str | None = "home-001",
        *,
        kind: AlertKind = AlertKind.SOS,
        evidence: Mapping[str, Any] | None = None,
        opened_at: datetime | None = None,
        alert_id: str | None = None,
        **changes: Any,
    ) -> Alert:
        """An alert as dispatch would have opened it, an hour after the one before."""
        self.count += 1
        area = await self._area_of(home_id)
        base = an_alert(kind, home_id=home_id, opened_at=opened_at or OPENED + timedelta(hours=self.count))
        number = f"{self.count:03d}"
        made = replace(
            base,
            alert_id=alert_id or f"alert-{number}",
            cause_key=f"{base.cause_key}/{number}",
            area_id=area,
            **changes,
        )
        async with self.connection.transaction():
            assert await store.insert(self.connection, made, evidence=evidence or {})
            await store.record(self.connection, made.alert_id, at=made.opened_at, what="opened", actor="dispatch")
        return made

    async def happened(self, alert: Alert, what: str, *, at: datetime | None = None, **detail: Any) -> None:
        """A further line of the timeline, as dispatch would write it; `at` defaults to the alert's opening."""
        at = at or alert.opened_at
        async with self.connection.transaction():
            await store.record(self.connection, alert.alert_id, at=at, what=what, actor="dispatch", detail=detail)

    async def rows(self, query: str, *parameters: Any) -> list[DictRow]:
        """What a query of the test finds."""
        return await (await self.connection.execute(query, parameters)).fetchall()

    def _client(self, headers: dict[str, str]) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers)

    async def _area_of(self, home_id: str | None) -> str | None:
        found = await self.rows("select area_id from homes where home_id = %s", home_id)
        return found[0]["area_id"] if found else None


_APPS: list[FastAPI] = []


def app_on(parts: Parts) -> FastAPI:
    """The application on `parts`. It is built once a session (0.15 s) and keeps nothing but its parts."""
    if not _APPS:
        _APPS.append(create_app(parts))
    _APPS[0].state.parts = parts
    return _APPS[0]


@asynccontextmanager
async def api_on(
    database_url: str, *, clock: Clock | None = None, changes: Mapping[str, str] | None = None, **settings: Any
) -> AsyncIterator[Api]:
    """The API on a migrated database with the example community applied."""
    async with AsyncExitStack() as exits:
        connection = await exits.enter_async_context(opened(database_url))
        await applied(connection, changes)
        chosen = Settings(database_url=database_url, **settings)
        parts = await exits.enter_async_context(assemble(chosen, clock or SystemClock()))
        await parts.feed.poll()
        yield Api(app=app_on(parts), parts=parts, connection=connection, exits=exits)


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """The application behind a real uvicorn on a free port of loopback; gives its URL."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as door:
        task = asyncio.create_task(server._serve([door]))
        try:
            assert await until(lambda: server.started, within_s=10)
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One Server-Sent Event; `data` is its JSON, None where it only moves the id."""

    id: str
    event: str
    data: Any

    @property
    def what(self) -> tuple[str, str]:
        """The alert and what happened to it."""
        return self.data["id"], self.data["what"]


class Stream:
    """A client of the stream. `last_id` is what it would send as `Last-Event-ID`."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.last_id = ""
        self.comments: list[str] = []
        self._lines = response.aiter_lines()

    async def next(self, within_s: float = 5.0) -> Event | None:
        """The next event with data; None where the stream ended. TimeoutError where neither came."""
        async with asyncio.timeout(within_s):
            while True:
                block = await self._block()
                if block is None:
                    return None
                self.last_id = block.get("id", self.last_id)
                if "data" in block:
                    return Event(id=block["id"], event=block["event"], data=json.loads(block["data"]))

    async def take(self, count: int, within_s: float = 5.0) -> list[Event]:
        """The next `count` events with data."""
        events = [await self.next(within_s) for _ in range(count)]
        assert None not in events, "the stream ended"
        return [event for event in events if event is not None]

    async def begun(self) -> None:
        """Read the first block, which only sets the id."""
        async with asyncio.timeout(5):
            block = await self._block()
        assert block is not None
        assert "data" not in block
        self.last_id = block["id"]

    async def _block(self) -> dict[str, str] | None:
        block: dict[str, str] = {}
        async for line in self._lines:
            if not line:
                if block:
                    return block
            elif line.startswith(":"):
                self.comments.append(line)
            else:
                name, _, value = line.partition(": ")
                block[name] = value
        return None


@asynccontextmanager
async def following(url: str, token: str, *, after: str = "") -> AsyncIterator[Stream]:
    """The stream of alerts, opened and begun."""
    headers = {"Authorization": f"Bearer {token}"} | ({"Last-Event-ID": after} if after else {})
    async with (
        httpx.AsyncClient(base_url=url, timeout=httpx.Timeout(5, read=60), headers=headers) as client,
        client.stream("GET", "/api/v1/alerts/stream") as response,
    ):
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        stream = Stream(response)
        await stream.begun()
        yield stream
