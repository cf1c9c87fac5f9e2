"""A small HTTP/1.1 server for webhooks: it knows when the first byte of a request came, and it may leave one hanging.

For loopback tests and demonstrations: bodies need a Content-Length, there is no TLS and no chunked encoding.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus

HEAD_AT_MOST = 16 * 1024
BODY_AT_MOST = 1024 * 1024
IDLE_AT_MOST_S = 75.0
"""A connection without a request for this long is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. `first_byte_s` is the monotonic instant of its first byte; header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    first_byte_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer; `body` is JSON unless `content_type` says otherwise."""

    status: int = 200
    body: bytes = b"{}"
    content_type: str = "application/json"


Answer = Callable[[Request], Awaitable[Response | None]]
"""Answers a request; None leaves it without an answer until the other side gives up."""


@asynccontextmanager
async def serving(host: str, port: int, answer: Answer) -> AsyncIterator[int]:
    """Serve while the block runs and yield the port (0 asks for a free one); raises OSError."""
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await _converse(reader, writer, answer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, asyncio.CancelledError):
            pass  # the other side left, said too much, or this server stops
        finally:
            connections.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, host, port, limit=HEAD_AT_MOST, backlog=1024)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> None:
    """Answer requests on one connection until either side has had enough."""
    while True:
        async with asyncio.timeout(IDLE_AT_MOST_S):
            request = await _read(reader)
        if isinstance(request, Response):
            _write(writer, request, close=True)
            return
        response = await answer(request)
        if response is None:
            await reader.read(1)  # ends when the other side gives up
            return
        close = request.headers.get("connection", "").lower() == "close"
        _write(writer, response, close=close)
        await writer.drain()
        if close:
            return


async def _read(reader: asyncio.StreamReader) -> Request | Response:
    """Return the next request, or the error to answer with."""
    first = await reader.readexactly(1)
    first_byte_s = time.monotonic()
    head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *fields = head.split("\r\n")[:-2]
    words = line.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in fields)}
    length = headers.get("content-length", "0")
    if len(words) != 3 or not length.isdecimal() or int(length) > BODY_AT_MOST or "transfer-encoding" in headers:
        return Response(status=400)
    body = await reader.readexactly(int(length))
    return Request(method=words[0], target=words[1], headers=headers, body=body, first_byte_s=first_byte_s)


def _write(writer: asyncio.StreamWriter, response: Response, *, close: bool) -> None:
    reason = HTTPStatus(response.status).phrase
    writer.write(
        f"HTTP/1.1 {response.status} {reason}\r\n"
        f"Content-Type: {response.content_type}\r\n"
        f"Content-Length: {len(response.body)}\r\n"
        f"Connection: {'close' if close else 'keep-alive'}\r\n\r\n".encode()
        + response.body
    )
