"""The floor: MQTT → commit → NOTIFY → intent row → POST, without a rule, in one small process.

What no product that is durable before it acts can beat by much; the benchmark prints our figure as a ratio to it.
Run as a process: `python -m bench.floor DATABASE_URL MQTT_PORT HOOK_URL`. It prints `ready` when it listens.
"""

import asyncio
import sys

import aiomqtt
import httpx
import psycopg
import uvloop

SCHEMA = """
create table if not exists floor_presses (press_id bigint generated always as identity primary key, body text not null);
create table if not exists floor_intents (press_id bigint primary key, at timestamptz not null default now());
"""


async def main(database_url: str, mqtt_port: int, hook: str) -> None:
    """Store what comes, tell about it; until killed."""
    async with (
        await psycopg.AsyncConnection.connect(database_url) as store,
        await psycopg.AsyncConnection.connect(database_url, autocommit=True) as listen,
        await psycopg.AsyncConnection.connect(database_url) as intend,
        httpx.AsyncClient(timeout=5) as http,
        aiomqtt.Client("127.0.0.1", mqtt_port, protocol=aiomqtt.ProtocolVersion.V5, identifier="floor") as client,
    ):
        await store.execute(SCHEMA)
        await store.commit()
        await listen.execute("listen floor")
        await client.subscribe("floor/+", qos=1)
        print("ready", flush=True)  # noqa: T201  (the parent waits for this word)
        await asyncio.gather(_store(client, store), _tell(listen, intend, http, hook))


async def _store(client: aiomqtt.Client, store: psycopg.AsyncConnection) -> None:
    async for message in client.messages:
        assert isinstance(message.payload, bytes)
        body = message.payload.decode()
        cursor = await store.execute("insert into floor_presses (body) values (%s) returning press_id", [body])
        row = await cursor.fetchone()
        assert row is not None
        await store.execute("select pg_notify('floor', %s)", [f"{row[0]}"])
        await store.commit()


async def _tell(
    listen: psycopg.AsyncConnection, intend: psycopg.AsyncConnection, http: httpx.AsyncClient, hook: str
) -> None:
    async for notice in listen.notifies():
        press_id = int(notice.payload)
        cursor = await intend.execute(
            "with intent as (insert into floor_intents (press_id) values (%(id)s))"
            " select body from floor_presses where press_id = %(id)s",
            {"id": press_id},
        )
        row = await cursor.fetchone()
        assert row is not None
        await intend.commit()
        await http.post(hook, content=row[0])


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
