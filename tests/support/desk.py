"""A responder's desk: a real local HTTP server that answers webhooks as it is told to, and remembers what came."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that came in; `at` is monotonic seconds."""

    path: str
    headers: dict[str, str]
    raw: bytes
    at: float

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def notification_id(self) -> str:
        return self.headers["lampkeep-notification-id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What to answer: `after_s` before anything, then the head, then the body in one piece or dripping.

    `hangs` never answers; `drips_head` sends the head a byte each 0.2 s; `closes` ends the connection unanswered.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = ()
    after_s: float = 0.0
    hangs: bool = False
    drips_head: bool = False
    drips_body: bool = False
    closes: bool = False


OK = Answer()
ACCEPTED = Answer(body=b'{"accepted":true,"reference":"120-4711"}')


@dataclass
class Desk:
    """The server. `answers` are used up in order, by path; then `default` holds."""

    url: str
    default: Answer = OK
    by_path: dict[str, Answer] = field(default_factory=dict)
    script: dict[str, list[Answer]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    def to(self, path: str) -> list[Call]:
        return [call for call in self.calls if call.path == path]

    def answer(self, path: str, *answers: Answer) -> None:
        """Answer requests to `path` so, one each; the last holds for all that follow."""
        self.script[path] = list(answers[:-1])
        self.by_path[path] = answers[-1]

    async def wait_for(self, enough: Callable[[list[Call]], object], timeout_s: float = 10.0) -> list[Call]:
        async with asyncio.timeout(timeout_s), self.came:
            await self.came.wait_for(lambda: enough(self.calls))
        return self.calls

    def _next(self, path: str) -> Answer:
        waiting = self.script.get(path)
        return waiting.pop(0) if waiting else self.by_path.get(path, self.default)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._one(reader, writer):
                    pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:]) if name
        }
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        call = Call(path=head[0].split(" ")[1], headers=headers, raw=raw, at=time.monotonic())
        answer = self._next(call.path)
        async with self.came:
            self.calls.append(call)
            self.came.notify_all()
        return await self._answer(answer, writer)

    async def _answer(self, answer: Answer, writer: asyncio.StreamWriter) -> bool:
        if answer.closes:
            return False
        await asyncio.sleep(3600 if answer.hangs else answer.after_s)
        lines = [f"HTTP/1.1 {answer.status} X", f"content-length: {len(answer.body)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        await _write(writer, ("\r\n".join(lines) + "\r\n\r\n").encode(), drips=answer.drips_head)
        await _write(writer, answer.body, drips=answer.drips_body)
        return True


async def _write(writer: asyncio.StreamWriter, content: bytes, *, drips: bool) -> None:
    parts: Iterable[bytes] = (bytes([byte]) for byte in content) if drips else [content]
    for part in parts:
        writer.write(part)
        await writer.drain()
        if drips:
            await asyncio.sleep(0.2)


@asynccontextmanager
async def open_desk() -> AsyncIterator[Desk]:
    """A desk on a free loopback port; what hangs is cut off at the end."""
    desk = Desk(url="")
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            with suppress(asyncio.CancelledError):
                await desk.serve(reader, writer)
        finally:
            running.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    desk.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield desk
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await server.wait_closed()
