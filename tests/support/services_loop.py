"""The thread in which the services of a test session live, with an event loop of its own.

The embedded parts die with the thread that started them, and the embedded broker's door is a part of the loop that
opened it: a test that blocks or ends its own loop must not take either along.
"""

import asyncio
import functools
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

CALL_WITHIN_S = 150.0
"""An image may be pulled and a cluster made; pytest's own limit is 180 s."""


class ServicesLoop:
    """A running loop in a daemon thread, which ends with the process."""

    def __init__(self) -> None:
        """Start it."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="services", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` there and wait for it, from a thread without a running loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_WITHIN_S)

    async def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` there and wait for it, from a coroutine of another loop."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        return await asyncio.wait_for(asyncio.wrap_future(future), CALL_WITHIN_S)

    def close(self) -> None:
        """Stop the loop and the thread; children that still run there end."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()


@functools.cache
def services_loop() -> ServicesLoop:
    """The one of this session, started at its first use."""
    return ServicesLoop()


def close_services_loop() -> None:
    """End this session's, if it was ever needed."""
    if services_loop.cache_info().currsize:
        services_loop().close()
        services_loop.cache_clear()
