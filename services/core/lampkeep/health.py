"""`/healthz`, `/readyz` and `/metrics` for services that have no other HTTP: a server of one page, on asyncio alone.

The API serves the same three through its own framework and shares `readiness` with this one. No TLS and no body: it
stands on the inside of a deployment.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from lampkeep.settings import Settings, SettingsError

REQUEST_DEADLINE_S = 5.0
"""A client that has not sent its request by then is cut off."""

MAX_REQUEST_BYTES = 16 * 1024
"""Request line and headers together."""

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part's state: `ok` decides readiness, `state` says more in a few words (`timescaledb`, `no connection`)."""

    ok: bool
    state: str


Checks = Callable[[], Mapping[str, Part]]
"""Asked at each `/readyz`; must answer from memory, at once."""


def readiness(parts: Mapping[str, Part]) -> tuple[int, bytes]:
    """Status and JSON body of `/readyz`: 200 when every part is ok, else 503; each part's state by name."""
    ready = all(part.ok for part in parts.values())
    body = {
        "status": "ready" if ready else "not ready",
        "parts": {name: {"ok": part.ok, "state": part.state} for name, part in parts.items()},
    }
    return (200 if ready else 503), orjson.dumps(body)


def nobody_can_listen(settings: Settings, error: OSError | UnicodeError) -> SettingsError:
    """What to raise where `settings.http` is taken, not ours, or has no such host."""
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return SettingsError(f"LAMPKEEP_HTTP: nobody can listen on {settings.http}: {' '.join(why.lower().split())}")


@asynccontextmanager
async def serve_health(settings: Settings, checks: Checks) -> AsyncIterator[tuple[str, int]]:
    """Serve on `settings.http` while the block runs; gives the address that was bound (port 0: any free one).

    SettingsError where the address cannot be bound.
    """
    host, port = settings.http_address

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(REQUEST_DEADLINE_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_response(head, checks))
                await writer.drain()
        writer.close()

    try:
        server = await asyncio.start_server(answer, host, port, limit=MAX_REQUEST_BYTES)
    except (OSError, UnicodeError) as error:
        raise nobody_can_listen(settings, error) from error
    try:
        bound = server.sockets[0].getsockname()
        yield str(bound[0]), int(bound[1])
    finally:
        server.close()


def _response(head: bytes, checks: Checks) -> bytes:
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if method not in {b"GET", b"HEAD"}:
        status, kind, body = "405 Method Not Allowed", TEXT, b"only GET\n"
    elif path == b"/healthz":
        status, kind, body = "200 OK", JSON, b'{"status":"alive"}'
    elif path == b"/readyz":
        code, body = readiness(checks())
        status, kind = ("200 OK" if code == 200 else "503 Service Unavailable"), JSON
    elif path == b"/metrics":
        status, kind, body = "200 OK", CONTENT_TYPE_LATEST, generate_latest(REGISTRY)
    else:
        status, kind, body = "404 Not Found", TEXT, b"no such page\n"
    lines = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return lines.encode() + (b"" if method == b"HEAD" else body)
