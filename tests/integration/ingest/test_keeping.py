"""What ingest does beside its lanes: forgetting, partitions, its own pages."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from lampkeep_ingest.app import Ingest, run
from support.ingest_running import Bench, eventually, running
from support.processes import free_port

OLD, YOUNG = timedelta(hours=26), timedelta(hours=24)


async def put_identities(bench: Bench) -> None:
    now = datetime.now(UTC)
    for table in ("observation_identities", "urgent_identities"):
        for message_id, age in (("old", OLD), ("young", YOUNG), ("~rejected-old", OLD)):
            await bench.rows(
                f"insert into {table} values ('gw-1', 'door-1', %(id)s, %(at)s, null) returning 1",
                id=message_id,
                at=now - age,
            )


async def test_identities_are_forgotten_after_25_hours_and_those_of_urgent_messages_stay(bench: Bench) -> None:
    await put_identities(bench)

    async def left(table: str) -> set[str]:
        return {row["message_id"] for row in await bench.rows(f"select message_id from {table}")}

    async def forgotten() -> bool:
        return await left("observation_identities") == {"young"} and "~rejected-old" not in await left(
            "urgent_identities"
        )

    async with running(bench):
        await eventually(forgotten)
    assert await left("urgent_identities") == {"old", "young"}


async def test_old_rejected_messages_are_forgotten(bench: Bench) -> None:
    for days in (31, 29):
        await bench.rows(
            "insert into rejected_messages (received_at, lane, topic, reason, detail, size, head)"
            " values (%(at)s, 'observation', 't', 'malformed', 'd', 0, '') returning 1",
            at=datetime.now(UTC) - timedelta(days=days),
        )

    async def forgotten() -> bool:
        return await bench.count("rejected_messages") == 1

    async with running(bench):
        await eventually(forgotten)


async def test_history_is_prepared_for_the_days_ahead(bench: Bench) -> None:
    (kind,) = await bench.rows("select relkind from pg_class where relname = 'observations'")
    if kind["relkind"] != "p":
        pytest.skip("a hypertable makes its own chunks")
    tomorrow = f"observations_{datetime.now(UTC) + timedelta(days=3):%Y%m%d}"
    await bench.database.execute(f"drop table {tomorrow}")

    async def prepared() -> bool:
        return bool(await bench.rows("select 1 from pg_class where relname = %(name)s", name=tomorrow))

    async with running(bench):
        await eventually(prepared)


async def test_its_pages_show_readiness_and_the_metrics_of_the_contract(bench: Bench) -> None:
    settings = bench.settings().model_copy(update={"http": f"127.0.0.1:{free_port()}"})
    work = asyncio.create_task(run(settings))
    async with httpx.AsyncClient(base_url=f"http://{settings.http}", trust_env=False) as pages:

        async def ready() -> bool:
            try:
                return (await pages.get("/readyz")).status_code == 200
            except httpx.TransportError:
                return False

        await eventually(ready)
        await bench.say("gw-1/door-1", "door", data={"open": True})
        await bench.settled()
        metrics = (await pages.get("/metrics")).text
        parts = (await pages.get("/readyz")).json()["parts"]
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert parts["database"]["state"] in {"timescaledb", "postgresql"}
    assert set(parts) == {"database", "registry", "broker", "urgent_lane", "observation_lane"}
    for name in (
        'lampkeep_messages_total{lane="urgent",result="stored"}',
        'lampkeep_messages_total{lane="observation",result="rejected"}',
        'lampkeep_message_store_seconds_bucket{lane="observation",le="0.1"}',
        'lampkeep_message_store_seconds_count{lane="urgent"}',
        "lampkeep_ingest_backlog_messages",
    ):
        assert name in metrics


async def test_a_database_that_is_not_migrated_is_said_and_waited_for(bench: Bench) -> None:
    await bench.database.execute("alter table schema_migrations rename to hidden_migrations")
    async with running(bench, ready=False) as ingest:

        async def says_so() -> bool:
            return "not migrated" in ingest.parts()["database"].state

        await eventually(says_so)
        assert not ingest.parts()["database"].ok
        await bench.database.execute("alter table hidden_migrations rename to schema_migrations")
        await eventually(lambda: _ready(ingest))


async def _ready(ingest: Ingest) -> bool:
    return all(part.ok for part in ingest.parts().values())
