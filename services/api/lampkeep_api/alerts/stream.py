"""Server-Sent Events: one response that lasts, catches up from the table, then follows the feed."""

import asyncio
from collections.abc import AsyncIterator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lampkeep_api.alerts.feed import Feed, Position, Subscription
from lampkeep_api.auth.bearer import Caller
from lampkeep_api.problems import FieldError, not_valid, unavailable

BEAT_S = 15.0
"""A comment this often shows the client that a silent stream is alive; proxies drop idle ones after 30 s and more."""

SEND_TIMEOUT_S = 20.0
"""A client that takes nothing off the wire for this long is cut."""

GOODBYE_S = 1.0
"""After the end of a stream its last bytes have this long to leave."""

RETRY_MS = 1_000
"""When an EventSource comes back after a cut."""

_BEAT = b": beat\n\n"


def resume_position(last_event_id: str | None) -> Position | None:
    """Where a client left off; None: it begins now. Raises the 422 problem for what is no event id of ours."""
    if not last_event_id:
        return None
    try:
        return Position.parse(last_event_id)
    except ValueError as error:
        raise not_valid([FieldError(field="header.Last-Event-ID", message=str(error))]) from None


class EventStream(Response):
    """The answer of `GET /alerts/stream`."""

    media_type = "text/event-stream"

    def __init__(self, feed: Feed, caller: Caller, after: Position | None, beat_s: float = BEAT_S) -> None:
        """Stream what `caller` may see after `after`; from now on where it is None. 503 while the feed is blind."""
        if feed.position is None:
            raise unavailable("The stream cannot be followed while the database does not answer.")
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._feed = feed
        self._caller = caller
        self._after = after
        self._beat_s = beat_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the client leaves or the feed ends the stream."""
        start = self._feed.position
        if start is None:
            await unavailable().response()(scope, receive, send)
            return
        with self._feed.subscribe(self._caller, start) as subscription:
            sending = asyncio.create_task(self._send_all(subscription, send))
            others = (asyncio.create_task(_left(receive)), asyncio.create_task(_overdue(subscription)))
            try:
                await asyncio.wait({sending, *others}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (sending, *others):
                    task.cancel()
                await asyncio.gather(sending, *others, return_exceptions=True)
        if sending.cancelled() or isinstance(sending.exception(), TimeoutError):
            return
        sending.result()

    async def _send_all(self, subscription: Subscription, send: Send) -> None:
        await _sent(send, {"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for chunk in self._chunks(subscription):
            await _sent(send, {"type": "http.response.body", "body": chunk, "more_body": True})
        await _sent(send, {"type": "http.response.body", "body": b"", "more_body": False})

    async def _chunks(self, subscription: Subscription) -> AsyncIterator[bytes]:
        # An id without data moves the client's resume position and dispatches nothing, so even a client that is cut
        # before its first event misses none.
        begin = await self._feed.believed(self._after or subscription.start, subscription.start)
        yield f"retry: {RETRY_MS}\nid: {begin.text}\n\n".encode()
        async for frames in self._feed.replay(begin, subscription.start):
            if chunk := b"".join(frame.payload for frame in frames if frame.visible_to(self._caller)):
                yield chunk
        while not subscription.ended.is_set():
            yield await self._next(subscription, max(begin, subscription.start))

    async def _next(self, subscription: Subscription, after: Position) -> bytes:
        """Everything that waits, or a beat after a silence; empty when the stream has ended."""
        getting = asyncio.create_task(subscription.waiting.get())
        ending = asyncio.create_task(subscription.ended.wait())
        try:
            await asyncio.wait({getting, ending}, timeout=self._beat_s, return_when=asyncio.FIRST_COMPLETED)
            if subscription.ended.is_set():
                return b""
            if not getting.done():
                return _BEAT
            frames = [getting.result()]
        finally:
            getting.cancel()
            ending.cancel()
        while not subscription.waiting.empty():
            frames.append(subscription.waiting.get_nowait())
        return b"".join(frame.payload for frame in frames if frame.position > after)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _overdue(subscription: Subscription) -> None:
    """Return when a stream that was ended has had its time to say goodbye: a stuck client does not hold us."""
    await subscription.ended.wait()
    await asyncio.sleep(GOODBYE_S)


async def _sent(send: Send, message: dict[str, object]) -> None:
    async with asyncio.timeout(SEND_TIMEOUT_S):
        await send(message)
