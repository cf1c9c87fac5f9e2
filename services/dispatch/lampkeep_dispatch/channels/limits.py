"""How many requests may be under way: so many to one host, so many in all.

A host that hangs fills its own share and no more, and that only until its first request has gone unanswered: from then
until it answers again it gets a few requests at a time, and who waits for a turn there is turned away soon. An attempt
waits for its turn within its own deadline, never longer.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

PER_HOST = 64
"""A county's duty desk behind one host takes a burst at this width."""

IN_ALL = 256
"""Open sockets of one lane; two lanes stay well below the usual limit of 1,024 open files."""

QUEUE = 512
"""Waiting for one host. Of more, none would get its turn within 3 s unless the host answers within 0.3 s."""

PROBES = 8
"""Requests at a time to a host that hangs: it is found to be back soon, and many such hosts leave room in all."""

PROBE_WAIT_S = 0.2
"""How long a turn at a host that hangs is waited for: the next channel and the backoff do more good."""

UNANSWERED_S = 1.0
"""A request that ended so late without an answer says that its host hangs. One that was given up earlier, because
another channel was faster or because its turn came late, says nothing."""


class BusyError(Exception):
    """No turn came within the time given: so many requests hang."""


class Limits:
    """Turns by host and in all; hosts that have nothing under way are forgotten, so it stays small."""

    def __init__(self, *, per_host: int = PER_HOST, in_all: int = IN_ALL, queue: int = QUEUE) -> None:
        """Allow `per_host` requests to one host while `queue` more wait, and `in_all` to all together."""
        self._per_host = per_host
        self._queue = queue
        self._all = asyncio.Semaphore(in_all)
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def turn(self, host: str, *, timeout_s: float) -> AsyncIterator[None]:
        """Hold a turn for `host`; raises BusyError when none came within `timeout_s`, or soon where the host hangs.

        The host's turn comes first: whoever waits for a hanging host holds no place that another host could use.
        """
        own = self._hosts.setdefault(host, _Host(self._per_host))
        if own.users >= self._per_host + self._queue:
            raise BusyError
        own.users += 1
        try:
            async with AsyncExitStack() as turns:
                await turns.enter_async_context(_turn(own.turns, own.patience_s(timeout_s)))
                if own.hangs:
                    await turns.enter_async_context(_turn(own.probes, own.patience_s(timeout_s)))
                await turns.enter_async_context(_turn(self._all, timeout_s))
                with own.heard():
                    yield
        finally:
            own.users -= 1
            if not own.users:
                del self._hosts[host]


class _Host:
    """One host's turns, who uses or awaits them, and whether its last request went unanswered."""

    def __init__(self, per_host: int) -> None:
        self.turns = asyncio.Semaphore(per_host)
        self.probes = asyncio.Semaphore(PROBES)
        self.users = 0
        self.hangs = False

    def patience_s(self, timeout_s: float) -> float:
        return min(timeout_s, PROBE_WAIT_S) if self.hangs else timeout_s

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Notice how a request ends. One that ends early without an answer changes nothing."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            yield
        except BaseException:
            self.hangs = self.hangs or loop.time() - began >= UNANSWERED_S
            raise
        self.hangs = False


@asynccontextmanager
async def _turn(semaphore: asyncio.Semaphore, timeout_s: float) -> AsyncIterator[None]:
    if semaphore.locked():
        try:
            async with asyncio.timeout(timeout_s):
                await semaphore.acquire()
        except TimeoutError as error:
            raise BusyError from error
    else:
        await semaphore.acquire()
    try:
        yield
    finally:
        semaphore.release()
