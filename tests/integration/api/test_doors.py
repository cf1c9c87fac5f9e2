"""Who comes in, what a wrong request is answered, and what the OpenAPI promises."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from lampkeep.registry.tokens import TokenRole, revoke
from lampkeep_api.app import routes
from lampkeep_api.auth.roles import TABLE
from lampkeep_api.bounds import BODY_LIMIT
from support.api import Api

GUARDED = sorted((method, path) for (method, path), roles in TABLE.items() if roles is not None)


def address(template: str) -> str:
    return re.sub(r"\{\w+\}", "nothing-here", template)


async def test_every_route_asks_for_a_token_and_lets_in_exactly_the_roles_of_the_table(api: Api) -> None:
    anybody = await api.anybody()
    clients = {role: await api.client(role.value) for role in TokenRole}
    for method, template in GUARDED:
        if template.endswith("/stream"):
            continue  # it would not end; see below
        answer = await anybody.request(method, address(template), json={})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="lampkeep"'), template
        for role, client in clients.items():
            answer = await client.request(method, address(template), json={})
            refused = answer.status_code == 403
            assert refused == (role not in (TABLE[method, template] or ())), (method, template, role)
            assert answer.status_code < 500, (method, template, answer.text)
            if refused:
                assert answer.json()["type"] == "urn:lampkeep:problem:not-permitted"
    stream = "/api/v1/alerts/stream"
    assert (await anybody.get(stream)).status_code == 401
    assert (await clients[TokenRole.RESPONDER].get(stream)).status_code == 403


async def test_the_openapi_has_every_route_and_each_of_them_is_in_the_role_table(api: Api) -> None:
    document = (await (await api.anybody()).get("/api/openapi.json")).json()
    described = {(method.upper(), path) for path, calls in document["paths"].items() for method in calls}
    assert described <= set(TABLE)
    assert set(TABLE) == routes(api.app)
    assert set(TABLE) - described == {("GET", "/"), ("GET", "/page/{name}"), ("GET", "/api/openapi.json")}
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            guarded = TABLE[method.upper(), path] is not None
            assert bool(call.get("security")) == guarded, (method, path)
            assert call["summary"]
            if guarded:
                assert {"401", "403", "422", "503"} <= set(call["responses"]), path
                problem = call["responses"]["401"]["content"]
                assert list(problem) == ["application/problem+json"]


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Basic abc", "Bearer lk_wrong", "Bearer lk_" + "x" * 43, "Bearer \u00e9", "lk_x", ""],
    ids=repr,
)
async def test_a_bad_token_is_401_with_a_challenge(api: Api, header: str) -> None:
    answer = await (await api.anybody()).get("/api/v1/alerts", headers=[(b"Authorization", header.encode("latin-1"))])
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith('Bearer realm="lampkeep"')
    assert answer.json()["type"] == "urn:lampkeep:problem:token-not-valid"


async def test_a_revoked_token_is_refused_at_once(api: Api) -> None:
    client = await api.client()
    assert (await client.get("/api/v1/areas")).status_code == 200
    (row,) = await api.rows("select token_id from tokens")
    await revoke(api.connection, row["token_id"], now=datetime.now(UTC))
    answer = await client.get("/api/v1/areas")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (
        401,
        'Bearer realm="lampkeep", error="invalid_token"',
    )


async def test_what_is_not_there_is_404_and_a_wrong_method_405_that_says_which(api: Api) -> None:
    anybody = await api.anybody()
    for path in ("/nothing", "/api/v1/", "/api/v1/alerts/", "/api/v2/alerts", "/page/../app.py", "/page/x.js"):
        answer = await anybody.get(path)
        assert answer.status_code == 404, path
        assert answer.json()["type"] == "urn:lampkeep:problem:not-found"
        assert answer.headers["content-type"] == "application/problem+json"
    answer = await anybody.delete("/api/v1/alerts")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.json()["type"] == "urn:lampkeep:problem:method-not-allowed"


@pytest.mark.parametrize("path", ["/api/v1/alerts/%00", "/api/v1/alerts?home=%00", "/api/v1/homes/\u0000x", "/a/%00"])
async def test_a_nul_in_an_address_finds_nothing(api: Api, path: str) -> None:
    answer = await (await api.client()).get(path.replace("\0", "%00"))
    assert answer.status_code == (422 if "?" in path else 404)


@pytest.mark.parametrize(
    "alert_id", ["x" * 200, "%F0%9F%92%A1", "a%2Fb", "..%2F..", "%FF%FE", "'; drop table alerts; --"]
)
async def test_a_strange_id_is_simply_not_found(api: Api, alert_id: str) -> None:
    client = await api.client()
    assert (await client.get(f"/api/v1/alerts/{alert_id}")).status_code == 404
    assert (await client.get(f"/api/v1/homes/{alert_id}")).status_code == 404


async def test_a_body_beyond_the_bound_is_413_whether_it_says_so_or_not(api: Api) -> None:
    client = await api.client()
    large = b'{"note": "' + b"x" * BODY_LIMIT + b'"}'

    async def drip() -> AsyncIterator[bytes]:
        yield large[: BODY_LIMIT // 2]
        yield large[BODY_LIMIT // 2 :]

    contents: list[bytes | AsyncIterator[bytes]] = [large, drip()]
    for content in contents:
        answer = await client.post(
            "/api/v1/alerts/a/notes", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 413
        assert answer.json()["type"] == "urn:lampkeep:problem:body-too-large"


async def test_no_cache_keeps_an_answer_about_people(api: Api) -> None:
    answer = await (await api.client()).get("/api/v1/homes/home-001")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_an_error_never_repeats_what_was_sent(api: Api) -> None:
    await api.alert(alert_id="a")
    answer = await (await api.client()).post("/api/v1/alerts/a/resolve", json={"outcome": "secret-word"})
    assert answer.status_code == 422
    assert "secret-word" not in answer.text
