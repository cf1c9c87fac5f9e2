"""The fold in SQL is the fold in Python: `newest()` of the migrations, and the merge that ingest writes with."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from psycopg import AsyncConnection

from lampkeep.db.connections import connect
from lampkeep.db.queries import load
from lampkeep.domain.home_state import KEEP, DeviceState, Reading, StateKey, fold, merge_into, newest

START = datetime(2026, 11, 22, tzinfo=UTC)
TYPES = ("door", "motion", "battery", "heartbeat", "online")


def some_instants(chance: random.Random) -> tuple[datetime, ...]:
    count = chance.choice([0, 1, 1, 2, KEEP - 1, KEEP])
    minutes = chance.sample(range(3 * KEEP), count)
    return tuple(START + timedelta(minutes=minute, microseconds=minute) for minute in sorted(minutes, reverse=True))


def some_reading(chance: random.Random) -> Reading:
    return Reading(
        device_id=chance.choice("ab"),
        home_id="home-001",
        type=chance.choice(TYPES),
        at=START + timedelta(minutes=chance.randrange(4 * KEEP)),
        on=chance.choice([None, True, True, False]),
        battery=chance.choice([None, None, 5, 6, 90]),
    )


async def test_newest_in_sql_merges_as_in_python(database_url: str) -> None:
    chance = random.Random(1)
    async with await connect(database_url, application="test") as connection:
        for _ in range(300):
            a, b = some_instants(chance), some_instants(chance)
            cursor = await connection.execute(
                "select newest(%(a)s::timestamptz[], %(b)s::timestamptz[], %(keep)s) as both",
                {"a": list(a), "b": list(b), "keep": KEEP},
            )
            row = await cursor.fetchone()
            assert row is not None
            assert tuple(row["both"]) == newest(a, b), (a, b)


async def test_batches_merge_in_the_database_as_in_memory_in_any_order(database_url: str) -> None:
    chance = random.Random(2)
    merge_states = load("lampkeep_ingest")["merge_states"]
    readings = [some_reading(chance) for _ in range(1500)]
    whole: dict[StateKey, DeviceState] = {}
    for one in readings:
        merge_into(whole, fold(one))
    shaken = readings + chance.sample(readings, 300)
    chance.shuffle(shaken)
    async with await connect(database_url, application="test") as connection:
        while shaken:
            size = chance.choice([1, 2, 5, 40])
            batch, shaken = shaken[:size], shaken[size:]
            part: dict[StateKey, DeviceState] = {}
            for one in batch:
                merge_into(part, fold(one))
            bodies = orjson.dumps([row_of(state) for state in part.values()]).decode()
            await connection.execute(merge_states, {"states": bodies, "keep": KEEP})
        assert await stored(connection) == whole


def row_of(state: DeviceState) -> dict[str, Any]:
    return {
        "device_id": state.device_id,
        "type": state.type,
        "home_id": "home-001",
        "seen_at": state.seen_at,
        "on_at": state.on_at,
        "off_at": state.off_at,
        "percent": state.percent,
        "percent_at": state.percent_at,
    }


async def stored(connection: AsyncConnection[Any]) -> dict[StateKey, DeviceState]:
    rows: list[Mapping[str, Any]] = await (await connection.execute("select * from device_state")).fetchall()
    return {
        (row["device_id"], row["type"]): DeviceState(
            device_id=row["device_id"],
            type=row["type"],
            seen_at=row["seen_at"],
            on_at=tuple(row["on_at"]),
            off_at=tuple(row["off_at"]),
            percent=row["percent"],
            percent_at=row["percent_at"],
        )
        for row in rows
    }
