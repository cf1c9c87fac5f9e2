"""How many requests may be under way: so many to one host, so many in all.

A host that hangs fills its own share and no more. An attempt waits for its turn within its own deadline, never longer.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PER_HOST = 64
"""A county's duty desk behind one host takes a burst at this width; 3 s each is still 20 a second when it hangs."""

IN_ALL = 256
"""Open sockets of one lane; two lanes stay well below the usual limit of 1,024 open files."""


class BusyError(Exception):
    """No turn came within the time given: so many requests hang."""


class Limits:
    """Turns by host and in all; hosts that have nothing under way are forgotten, so it stays small."""

    def __init__(self, *, per_host: int = PER_HOST, in_all: int = IN_ALL) -> None:
        """Allow `per_host` requests to one host and `in_all` to all together."""
        self._per_host = per_host
        self._all = asyncio.Semaphore(in_all)
        self._hosts: dict[str, asyncio.Semaphore] = {}
        self._users: dict[str, int] = {}

    @asynccontextmanager
    async def turn(self, host: str, *, timeout_s: float) -> AsyncIterator[None]:
        """Hold a turn for `host`; raises BusyError when none came within `timeout_s`.

        The host's turn comes first: whoever waits for a hanging host holds no place that another host could use.
        """
        own = self._hosts.setdefault(host, asyncio.Semaphore(self._per_host))
        self._users[host] = self._users.get(host, 0) + 1
        try:
            async with _turn(own, timeout_s), _turn(self._all, timeout_s):
                yield
        finally:
            self._users[host] -= 1
            if not self._users[host]:
                del self._users[host], self._hosts[host]


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
