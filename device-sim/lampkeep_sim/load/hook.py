"""The webhook of everybody in a load run: it says 200 at once, and notes when the first byte of each request came."""

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson

from lampkeep_sim.http import Request, Response, serving

ACCEPTED = Response(body=b'{"accepted":true,"reference":"load-1"}')


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One webhook: `first_byte_s` is monotonic, `home_id` None for an alert without a home."""

    first_byte_s: float
    notification_id: str
    alert_id: str
    home_id: str | None
    reason: str
    responder: str
    role: str


@dataclass(slots=True)
class HookStub:
    """All webhooks that came, in order."""

    url: str = ""
    hits: list[Hit] = field(default_factory=list)
    unreadable: int = 0
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    @asynccontextmanager
    async def open(cls, host: str = "127.0.0.1", port: int = 0) -> "AsyncIterator[HookStub]":
        """Serve while the block runs."""
        stub = cls()
        async with serving(host, port, stub._answer) as bound:
            stub.url = f"http://{host}:{bound}/hook"
            yield stub

    def first_steps(self) -> dict[str, float]:
        """Return for each home when the first byte of its first `step` webhook came."""
        first: dict[str, float] = {}
        for hit in self.hits:
            if hit.home_id is not None and hit.reason == "step":
                first[hit.home_id] = min(hit.first_byte_s, first.get(hit.home_id, hit.first_byte_s))
        return first

    async def until_told(self, homes: AbstractSet[str], timeout_s: float) -> bool:
        """Wait until a `step` webhook came for each of `homes`; False if not within `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                while not homes <= self.first_steps().keys():
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            return False
        return True

    async def _answer(self, request: Request) -> Response:
        try:
            told = orjson.loads(request.body)
            alert = told["alert"]
            hit = Hit(
                first_byte_s=request.first_byte_s,
                notification_id=request.headers.get("lampkeep-notification-id", ""),
                alert_id=str(alert["id"]),
                home_id=alert.get("home_id"),
                reason=str(told["reason"]),
                responder=str(told["responder"]),
                role=str(told.get("role")),
            )
        except (orjson.JSONDecodeError, KeyError, TypeError):
            self.unreadable += 1
            return Response(status=400)
        self.hits.append(hit)
        self._came.set()
        return ACCEPTED
