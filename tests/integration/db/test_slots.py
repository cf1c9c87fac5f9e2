"""Copies of a service tell themselves apart by numbers that the database hands out."""

import asyncio
from contextlib import AsyncExitStack

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.db.connections import connect
from lampkeep.db.slots import Slot, claim_slot
from support.postgres import DatabaseServer

WITHIN_S = 15.0


async def test_each_copy_has_the_lowest_number_that_is_free(database_url: str) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(claim_slot(database_url, "lane"))
        async with claim_slot(database_url, "lane") as second:
            third = await stack.enter_async_context(claim_slot(database_url, "lane"))
            assert [first.number, second.number, third.number] == [1, 2, 3]
        async with claim_slot(database_url, "lane") as again:
            assert again.number == 2


async def test_services_do_not_share_numbers(database_url: str) -> None:
    async with claim_slot(database_url, "lane") as one, claim_slot(database_url, "other") as other:
        assert (one.name, other.name) == ("1", "1")


async def test_a_chosen_name_needs_no_number() -> None:
    async with claim_slot("postgresql://127.0.0.1:1/nowhere", "lane", name="blue") as slot:
        assert (slot.name, slot.number) == ("blue", None)


async def test_a_lost_connection_takes_its_number_again(database_url: str) -> None:
    async with claim_slot(database_url, "lane") as slot:
        moves: list[str] = []
        slot.moved.append(moves.append)
        before = await _session(database_url)
        await _end(database_url, before)
        after = await _another_session(database_url, before)
        async with claim_slot(database_url, "lane") as second:
            assert second.number == 2
        assert after != before
        assert slot.number == 1
        assert moves == []


async def test_a_copy_whose_number_was_taken_meanwhile_moves_on_and_says_so(database_url: str) -> None:
    async with claim_slot(database_url, "lane") as slot:
        heard = asyncio.Event()
        slot.moved.append(lambda _name: heard.set())
        usurper = await connect(database_url, application="usurper", autocommit=True)
        async with usurper:
            waiting = asyncio.create_task(_take_from(usurper, slot))
            await _queues(database_url)
            await _end(database_url, await _session(database_url))
            await waiting
            async with asyncio.timeout(WITHIN_S):
                await heard.wait()
            assert (slot.number, slot.name) == (2, "2")


async def test_a_slot_waits_for_a_database_that_is_away(private_database_server: DatabaseServer) -> None:
    await private_database_server.stop()
    async with AsyncExitStack() as stack:
        claim = asyncio.create_task(stack.enter_async_context(claim_slot(private_database_server.url, "lane")))
        done, _ = await asyncio.wait({claim}, timeout=0.5)
        assert not done
        await private_database_server.start()
        async with asyncio.timeout(2 * WITHIN_S):
            assert (await claim).number == 1


async def _take_from(usurper: AsyncConnection[DictRow], slot: Slot) -> None:
    """Queue for the lock of a slot, so that it is had at the instant at which its session ends."""
    row = await (
        await usurper.execute(
            "select classid::bigint as key from pg_locks where locktype = 'advisory' and objid = %s and objsubid = 2",
            [slot.number],
        )
    ).fetchone()
    assert row is not None
    key = row["key"] - 2**32 if row["key"] >= 2**31 else row["key"]
    await usurper.execute("select pg_advisory_lock(%s::int, %s::int)", [key, slot.number])


async def _session(url: str) -> int:
    async with await connect(url, application="looker", autocommit=True) as connection:
        row = await (
            await connection.execute("select pid from pg_stat_activity where application_name = 'lampkeep-lane-slot'")
        ).fetchone()
    return int(row["pid"]) if row else 0


async def _another_session(url: str, before: int) -> int:
    async with asyncio.timeout(WITHIN_S):
        while (now := await _session(url)) in {0, before}:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.02)
    return now


async def _queues(url: str) -> None:
    async with asyncio.timeout(WITHIN_S), await connect(url, application="looker", autocommit=True) as connection:
        waiting = "select 1 from pg_locks where locktype = 'advisory' and objsubid = 2 and not granted"
        while await (await connection.execute(waiting)).fetchone() is None:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)


async def _end(url: str, pid: int) -> None:
    async with await connect(url, application="ender", autocommit=True) as connection:
        await connection.execute("select pg_terminate_backend(%s)", [pid])
