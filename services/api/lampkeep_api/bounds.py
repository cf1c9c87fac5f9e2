"""What holds for every request before any endpoint sees it: how large, how long, which characters, which headers."""

import asyncio
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lampkeep_api.problems import Problem, unavailable

BODY_LIMIT = 256 * 1024
"""Bytes of a request's body: a home with a hundred devices is a tenth of it."""

REQUEST_TIMEOUT_S = 10.0
"""Longest time for an answer. The stream, which is meant to last, is exempt."""

STREAM_PATH = "/api/v1/alerts/stream"

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
_TOO_LARGE = f"The body is larger than {BODY_LIMIT} bytes."
_NO_CHARACTER = "\N{REPLACEMENT CHARACTER}"


class Bounds:
    """ASGI middleware: 413 beyond `BODY_LIMIT`, 503 beyond `REQUEST_TIMEOUT_S`; what an address means (`_as_meant`)."""

    def __init__(self, app: ASGIApp) -> None:
        """Guard `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        meant = _as_meant(scope)
        refusal = _refusal(meant)
        if refusal is not None:
            await refusal.response()(meant, receive, answer)
            return
        timeout_s = None if meant["path"] == STREAM_PATH else REQUEST_TIMEOUT_S
        deadline = asyncio.timeout(timeout_s)
        try:
            async with deadline:
                await self._app(meant, _counted(receive), answer)
        except TimeoutError:
            if answer.started or not deadline.expired():
                raise
            await unavailable("The answer took too long.").response()(meant, receive, answer)
        finally:
            # Whoever logs a failure outside of us sees the scope that came, and is to name its route.
            if "route" in meant:
                scope["route"] = meant["route"]


class _Answer:
    """`send`, which adds our headers and remembers whether an answer has begun."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        self._private = _is_private(scope)
        self._bodiless = scope["method"] == "HEAD"
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            _add_headers(message, private=self._private)
        elif self._bodiless:
            message = {**message, "body": b""}
        await self._send(message)


def _is_private(scope: Scope) -> bool:
    return str(scope["path"]).startswith("/api/v1")


def _as_meant(scope: Scope) -> Scope:
    """An empty filter (`state=&kind=sos`) is none; HEAD is GET without the body, but of the stream, which does not end.

    A NUL, which PostgreSQL holds in no text, is read like a byte that is no UTF-8: an id with it is not found. A body
    of the API is JSON whatever its type says: `curl -d` calls everything a form.
    """
    path = scope["path"].replace("\0", _NO_CHARACTER)
    query = scope["query_string"].replace(b"%00", quote(_NO_CHARACTER).encode())
    pairs = [pair for pair in query.split(b"&") if pair.partition(b"=")[2]]
    method = "GET" if scope["method"] == "HEAD" and path != STREAM_PATH else scope["method"]
    headers = scope["headers"]
    if _is_private(scope):
        headers = [(name, value) for name, value in headers if name != b"content-type"]
        headers.append((b"content-type", b"application/json"))
    return {**scope, "method": method, "path": path, "headers": headers, "query_string": b"&".join(pairs)}


def _add_headers(message: MutableMapping[str, Any], *, private: bool) -> None:
    headers = list(message.get("headers", ()))
    present = {name.lower() for name, _ in headers}
    wanted = (*_HEADERS, (b"cache-control", b"no-store")) if private else _HEADERS
    headers.extend(header for header in wanted if header[0] not in present)
    message["headers"] = headers


def _refusal(scope: Scope) -> Problem | None:

    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > BODY_LIMIT:
            return Problem(413, _TOO_LARGE)
    return None


def _counted(receive: Receive) -> Receive:
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > BODY_LIMIT:
                raise HTTPException(413, _TOO_LARGE)
        return message

    return counted
