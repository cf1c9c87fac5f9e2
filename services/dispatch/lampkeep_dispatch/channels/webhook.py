"""The webhook channel: contract section 5 over HTTP.

Any 2xx is a delivery, from the instant its headers are here: a body that drips afterwards changes nothing. 4xx other
than 408, 425 and 429 is final. Everything else is tried again, redirects too: they are not followed, because the body
is personal and was signed for one address. One deadline covers waiting for a turn, connecting, sending and reading.
"""

import asyncio
import hashlib
import hmac
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import anyio.lowlevel
import httpx
import orjson

from lampkeep.clock import Clock
from lampkeep.ports import Accepted, ChannelSpec, Delivered, Final, Outgoing, Result, Retry
from lampkeep_dispatch.channels.limits import BusyError, Limits

REQUEST_S = 3.0
"""A request takes at most this long (contract section 5)."""

REPLY_BYTES = 64 * 1024
"""More of an answer is not read; an acceptance is some 60 bytes."""

MARGIN_S = 0.1
"""Kept from the deadline to tell "delivered, but its answer was too slow" from "no answer"."""

DRAIN_S = 0.25
"""How long the rest of an answer that nobody needs is read, to use the connection again."""

KEEPALIVE_S = 30.0
"""Idle connections are kept this long: a second step to the same desk finds one open."""

RETRY_AFTER_MAX = timedelta(seconds=30)
"""A peer that asks for more patience is asked again after this: somebody may be lying on the floor."""

_TRY_AGAIN = frozenset({408, 425, 429})


def signature(secret: str, at: int, body: bytes) -> str:
    """`t=<unix seconds>,v1=<hex>`: HMAC-SHA256 of "<t>.<raw body>" under `secret`."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class WebhookChannel:
    """Posts notifications. Urgent ones have connections and limits of their own."""

    def __init__(self, clock: Clock, urgent: httpx.AsyncClient, ordinary: httpx.AsyncClient) -> None:
        """Use the two clients; `opened` makes both."""
        self._clock = clock
        self._lanes = {True: (urgent, Limits()), False: (ordinary, Limits())}

    async def send(self, notification: Outgoing, spec: ChannelSpec, *, timeout_s: float) -> Result:
        """Post once, within `timeout_s` and never more than 3 s."""
        try:
            url = httpx.URL(spec.url)
        except httpx.InvalidURL:
            return Final(reason="the url cannot be read")
        if url.scheme not in {"http", "https"} or not url.host:
            return Final(reason="the url is not http or https")
        return await self._within(min(timeout_s, REQUEST_S), notification, url, spec)

    async def _within(self, limit_s: float, notification: Outgoing, url: httpx.URL, spec: ChannelSpec) -> Result:
        client, limits = self._lanes[notification.urgent]
        try:
            ends_at = asyncio.get_running_loop().time() + limit_s
            async with asyncio.timeout_at(ends_at), limits.turn(url.netloc.decode(), timeout_s=limit_s):
                return await self._post(client, notification, url, spec, ends_at)
        except (TimeoutError, httpx.TimeoutException):
            return Retry(reason="no answer in time")
        except BusyError:
            return Retry(reason="too many requests to this host are unanswered")
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as error:
            return Retry(reason=f"not reached: {type(error).__name__}")

    async def _post(
        self,
        client: httpx.AsyncClient,
        notification: Outgoing,
        url: httpx.URL,
        spec: ChannelSpec,
        ends_at: float,
    ) -> Result:
        at = int(self._clock.now().timestamp())
        headers = {
            "Content-Type": "application/json",
            "Lampkeep-Notification-Id": str(notification.notification_id),
            "Lampkeep-Signature": signature(spec.secret, at, notification.body),
            "Accept-Encoding": "identity",
            "User-Agent": "lampkeep",
        }
        request = client.build_request("POST", url, content=notification.body, headers=headers)
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            # The answer's body may take what is left, less what it takes to say that it was too slow.
            body_s = max(0.0, ends_at - MARGIN_S - asyncio.get_running_loop().time())
            return await self._judge(response, body_s if notification.wants_acceptance else None)
        finally:
            await asyncio.shield(response.aclose())

    async def _judge(self, response: httpx.Response, body_s: float | None) -> Result:
        """What the answer means; `body_s` is how long an acceptance may take to arrive, None where none is asked."""
        reason = f"HTTP {response.status_code}"
        if response.is_success:
            return await _delivered(response, reason, body_s)
        if 400 <= response.status_code < 500 and response.status_code not in _TRY_AGAIN:
            return Final(reason=reason)
        await _read(response, DRAIN_S)
        return Retry(reason=reason, after=retry_after(response.headers.get("Retry-After"), self._clock.now()))


async def _delivered(response: httpx.Response, reason: str, body_s: float | None) -> Result:
    if body_s is None:
        await _read(response, DRAIN_S)
        return Delivered(reason=reason)
    reference = accepted_reference(await _read(response, body_s))
    if reference is None:
        return Delivered(reason=f"{reason}, not accepted")
    return Accepted(reference=reference, reason=reason)


def accepted_reference(reply: bytes) -> str | None:
    """The reference of `{"accepted":true,"reference":"…"}`, at most 200 characters; None for anything else."""
    try:
        answer = orjson.loads(reply)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(answer, dict) or answer.get("accepted") is not True:
        return None
    reference = answer.get("reference")
    if not isinstance(reference, str):
        return None
    # PostgreSQL keeps no NUL, and a person reads this: what cannot be printed goes.
    return "".join(sign for sign in reference if sign.isprintable()).strip()[:200] or None


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """A Retry-After header (seconds or a date) as a delay of 0–30 s; None when absent or unreadable."""
    if value is None:
        return None
    try:
        seconds = float(value) if value.strip().isdecimal() else (_date(value) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return timedelta(seconds=min(max(seconds, 0.0), RETRY_AFTER_MAX.total_seconds()))


def _date(value: str) -> datetime:
    at = parsedate_to_datetime(value)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


async def _read(response: httpx.Response, limit_s: float) -> bytes:
    """Up to 64 KiB of the answer within `limit_s`; what came until then when it drips or breaks off."""
    read = bytearray()
    try:
        async with asyncio.timeout(limit_s):
            async for chunk in response.aiter_raw():
                read += chunk
                if len(read) > REPLY_BYTES:
                    break
    except (TimeoutError, httpx.HTTPError):
        pass
    return bytes(read[:REPLY_BYTES])


@asynccontextmanager
async def opened(clock: Clock) -> AsyncIterator[WebhookChannel]:
    """The channel with its clients open. The environment's proxies are not used: webhooks are named one by one."""
    trust = ssl.create_default_context()
    await anyio.lowlevel.checkpoint()  # loads anyio's backend now: the first request would be 100 ms late by it
    async with _client(trust) as urgent, _client(trust) as ordinary:
        yield WebhookChannel(clock, urgent, ordinary)


def _client(trust: ssl.SSLContext) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=trust,
        trust_env=False,
        timeout=httpx.Timeout(REQUEST_S),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=128, keepalive_expiry=KEEPALIVE_S),
    )
