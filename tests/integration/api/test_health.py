"""Alive, ready, and counted: with every part's state, and every peer's figures."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lampkeep.domain.vocabulary import AlertKind, AlertState
from support.api import OPENED, Api, api_on


async def beat(api: Api, service: str, ago: timedelta, instance: str = "1") -> None:
    await api.connection.execute(
        "insert into service_heartbeats (service, instance, beat_at) values (%s, %s, %s)",
        [service, instance, datetime.now(UTC) - ago],
    )


async def test_ready_says_the_state_of_every_part(api: Api) -> None:
    client = await api.anybody()
    assert (await client.get("/healthz")).json() == {"status": "alive"}
    await beat(api, "ingest", timedelta(seconds=1))
    await beat(api, "ingest", timedelta(seconds=2), "2")
    await beat(api, "dispatch", timedelta(minutes=10))
    answer = await client.get("/readyz")
    assert answer.status_code == 200
    parts = answer.json()["parts"]
    (flavour,) = await api.rows("select name from schema_migrations where name like '0003%%'")
    assert parts["database"] == {"ok": True, "state": flavour["name"].split(".")[1]}
    assert parts["migrations"] == {"ok": True, "state": "current"}
    assert parts["stream"]["ok"]
    assert parts["ingest"] == {"ok": True, "state": "alive, 2 copies"}
    assert not parts["dispatch"]["ok"]
    assert parts["dispatch"]["state"].startswith("silent for 60")


async def test_a_database_behind_this_release_is_not_ready(api: Api) -> None:
    await api.connection.execute("delete from schema_migrations where number = 4")
    answer = await (await api.anybody()).get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "not ready")
    assert "0004" in answer.json()["parts"]["migrations"]["state"]


async def test_active_alerts_are_counted_by_kind_and_state(api: Api) -> None:
    await api.alert()
    await api.alert(state=AlertState.ON_SCENE)
    await api.alert(state=AlertState.ON_SCENE)
    await api.alert(kind=AlertKind.TAMPER, closed_at=OPENED, state=AlertState.RESOLVED)
    text = (await (await api.anybody()).get("/metrics")).text
    assert 'lampkeep_alerts_active{kind="sos",state="open"} 1.0' in text
    assert 'lampkeep_alerts_active{kind="sos",state="on_scene"} 2.0' in text
    assert 'lampkeep_alerts_active{kind="tamper",state="open"} 0.0' in text
    assert 'state="resolved"' not in text
    assert "lampkeep_unobservable_homes 0.0" in text
    assert "lampkeep_database_up 1.0" in text


@asynccontextmanager
async def peer(body: bytes | None) -> AsyncIterator[str]:
    """An HTTP server that answers everything with `body`, or never (None)."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if body is None:
            await reader.read()
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


# A lane that this process does not count itself: tests of ingest may have run in it before.
PEER = b"""# HELP lampkeep_messages_total Messages
# TYPE lampkeep_messages_total counter
lampkeep_messages_total{lane="elsewhere",result="stored"} %d
"""


async def test_peers_are_shown_too_and_one_that_is_down_or_hangs_or_talks_nonsense_harms_nobody(
    database_url: str,
) -> None:
    async with peer(PEER % 3) as one, peer(PEER % 4) as two, peer(None) as stuck, peer(b"<html>") as odd:
        peers = ",".join((one, two, stuck, odd, "127.0.0.1:1"))
        async with api_on(database_url, metrics_peers=peers) as api:
            async with asyncio.timeout(8):
                answer = await (await api.anybody()).get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'lampkeep_messages_total{lane="elsewhere",result="stored"} 7.0' in answer.text
    assert answer.text.count("# TYPE lampkeep_messages_total") == 1
    assert f'lampkeep_metrics_peer_up{{peer="{one}"}} 1.0' in answer.text
    for down in (stuck, "127.0.0.1:1"):
        assert f'lampkeep_metrics_peer_up{{peer="{down}"}} 0.0' in answer.text
    assert "lampkeep_alerts_active" in answer.text
    names = [family.name for family in text_string_to_metric_families(answer.text)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/api/openapi.json", "/"])
async def test_no_token_is_asked_for(api: Api, path: str) -> None:
    assert (await (await api.anybody()).get(path)).status_code == 200
