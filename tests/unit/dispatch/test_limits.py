"""Turns at hosts that answer and at hosts that hang."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from lampkeep_dispatch.channels.limits import PROBES, UNANSWERED_S, BusyError, Limits

PATIENT_S = 60.0
"""As long as nobody in these tests waits."""


@asynccontextmanager
async def all_turns(limits: Limits, host: str, count: int) -> AsyncIterator[None]:
    async with AsyncExitStack() as held:
        for _ in range(count):
            await held.enter_async_context(limits.turn(host, timeout_s=PATIENT_S))
        yield


async def unanswered(limits: Limits, host: str, *, after_s: float = UNANSWERED_S) -> None:
    async def request() -> None:
        async with limits.turn(host, timeout_s=PATIENT_S):
            await asyncio.sleep(after_s)
            raise TimeoutError

    with pytest.raises(TimeoutError):
        await request()


async def answered(limits: Limits, host: str) -> None:
    async with limits.turn(host, timeout_s=PATIENT_S):
        pass


async def is_turned_away(limits: Limits, host: str) -> bool:
    """Whether one who would wait for ever is told soon that no turn is to be had."""
    try:
        async with asyncio.timeout(2), limits.turn(host, timeout_s=PATIENT_S):
            return False
    except BusyError:
        return True
    except TimeoutError:
        return False


async def test_who_waits_for_a_host_that_hangs_is_turned_away_soon() -> None:
    limits = Limits(per_host=2)
    async with all_turns(limits, "a", 1):
        await unanswered(limits, "a")
        async with all_turns(limits, "a", 1):
            assert await is_turned_away(limits, "a")


async def test_a_host_that_hangs_gets_a_few_requests_at_a_time() -> None:
    limits = Limits()
    async with all_turns(limits, "a", 1):
        await unanswered(limits, "a")
        async with all_turns(limits, "a", PROBES):
            assert await is_turned_away(limits, "a")


async def test_the_first_answer_gives_a_host_its_whole_share_again() -> None:
    limits = Limits()
    async with all_turns(limits, "a", 1):
        await unanswered(limits, "a")
        await answered(limits, "a")
        async with all_turns(limits, "a", 3 * PROBES):
            assert not await is_turned_away(limits, "a")


async def test_a_request_that_was_given_up_early_does_not_say_that_its_host_hangs() -> None:
    limits = Limits()
    async with all_turns(limits, "a", 1):
        await unanswered(limits, "a", after_s=0)
        async with all_turns(limits, "a", 3 * PROBES):
            assert not await is_turned_away(limits, "a")


async def test_a_queue_before_one_host_is_bounded_and_no_other_host_notices() -> None:
    limits = Limits(per_host=1, queue=2)
    async with all_turns(limits, "a", 1):
        waiting = [asyncio.create_task(answered(limits, "a")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await answered(limits, "a")
        await answered(limits, "b")
    await asyncio.gather(*waiting)
    await answered(limits, "a")
