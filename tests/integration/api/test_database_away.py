"""The database goes away and comes back: 503 as problem details, streams end, and everything works again."""

import asyncio
from contextlib import suppress

import httpx

from lampkeep.db.migrate import migrate
from support.api import Api, api_on, following, serving
from support.postgres import DatabaseServer


async def answers(client: httpx.AsyncClient, path: str, status: int, within_s: float) -> httpx.Response:
    """Ask until the status comes."""
    async with asyncio.timeout(within_s):
        while True:
            answer = await client.get(path)
            if answer.status_code == status:
                return answer
            await asyncio.sleep(0.1)


async def test_without_a_database_every_call_is_503_and_afterwards_all_works_again(
    private_database_server: DatabaseServer,
) -> None:
    await migrate(private_database_server.url)
    async with api_on(private_database_server.url) as api, serving(api.app) as url:
        token = await api.token()
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=15) as client:
            await _while_it_is_away(api, client, url, token, private_database_server)
            await private_database_server.start()
            await answers(client, "/readyz", 200, within_s=60)
            await answers(client, "/api/v1/alerts", 200, within_s=10)
            async with following(url, token):
                pass


async def _while_it_is_away(api: Api, client: httpx.AsyncClient, url: str, token: str, server: DatabaseServer) -> None:
    async with following(url, token) as stream:
        await server.kill()
        with suppress(httpx.HTTPError):
            assert await stream.next(within_s=30) is None
    assert api.parts.feed.position is None
    for path in ("/alerts", "/alerts/a", "/homes/home-001", "/alerts/stream", "/rosters/jinhua/now"):
        answer = await client.get(f"/api/v1{path}")
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json"), path
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["type"] == "urn:lampkeep:problem:not-available"
    assert (await client.post("/api/v1/alerts/a/acknowledge")).status_code == 503
    page = await client.get("/a/some-token")
    assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["parts"]["database"]["ok"]) == (503, False)
    assert (await client.get("/healthz")).status_code == 200
    metrics = await client.get("/metrics")
    assert metrics.status_code == 200
    assert "lampkeep_database_up 0.0" in metrics.text
    assert "lampkeep_alerts_active{" not in metrics.text
