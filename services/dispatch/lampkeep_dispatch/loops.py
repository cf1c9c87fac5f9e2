"""The loop that every worker runs in: work until nothing is left, then wait for the bell or the nearest deadline."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from lampkeep.db.connections import DatabaseUnavailableError
from lampkeep_dispatch import events
from lampkeep_dispatch.failures import failed

POLL_S = 1.0
"""The safety net behind NOTIFY and timers: nothing that is due waits longer because a wake-up was lost."""

FAILED_PAUSE_S = 0.5
"""After an error in a worker: soon again, without spinning."""

log = structlog.get_logger()

Once = Callable[[], Awaitable[float]]
"""One piece of work; returns the seconds until it wants to be called again, 0 for at once."""


async def keep(name: str, once: Once, bell: asyncio.Event) -> None:
    """Call `once` for ever. An error of any kind is logged and never ends the worker."""
    away = False
    while True:
        bell.clear()
        try:
            wait_s = await once()
            if away:
                log.info(events.DATABASE_BACK, worker=name)
            away = False
        except DatabaseUnavailableError as error:
            if not away:
                log.error(events.DATABASE_LOST, worker=name, error=str(error))  # noqa: TRY400 - once, without a trace
            away, wait_s = True, FAILED_PAUSE_S
        except Exception as error:  # noqa: BLE001 - logged, and the worker goes on
            # A worker that dies is silence.
            failed(events.WORKER_FAILED, error, worker=name)
            wait_s = FAILED_PAUSE_S
        if wait_s > 0:
            await wait(bell, min(wait_s, POLL_S))
        else:
            await asyncio.sleep(0)


async def wait(bell: asyncio.Event, timeout_s: float) -> None:
    """Until the bell rings, at most `timeout_s`."""
    try:
        async with asyncio.timeout(timeout_s):
            await bell.wait()
    except TimeoutError:
        pass
