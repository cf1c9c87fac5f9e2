"""Who comes in, what a wrong request is answered, and what the OpenAPI promises."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from lampkeep.clock import SystemClock
from lampkeep.registry.tokens import TokenRole, revoke
from lampkeep_api.app import routes
from lampkeep_api.auth.roles import TABLE
from lampkeep_api.bounds import BODY_LIMIT
from lampkeep_api.problems import REQUEST_FAILED
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


STRANGE = ("x" * 300, "Nope_X", "X%20Y", "%F0%9F%92%A1", "..%2F..", "%FF%FE", "%00", "x%00", "'; drop table alerts; --")


@pytest.mark.parametrize("strange", [*STRANGE, "a%2Fb", "bogus"])
async def test_a_strange_id_in_an_address_is_simply_not_found(api: Api, strange: str) -> None:
    client = await api.client("admin")
    for method, template in GUARDED:
        if method == "PUT" or "{" not in template:
            continue  # a PUT of what is no id is refused with its field
        body = {"resolve": {"outcome": "helped"}, "notes": {"note": "n"}}.get(template.rpartition("/")[2])
        answer = await client.request(method, re.sub(r"\{\w+\}", strange, template), json=body)
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:lampkeep:problem:not-found"), template
    assert (await client.get(f"/a/{strange}")).status_code == 404


@pytest.mark.parametrize("strange", [*STRANGE, "bogus"])
async def test_a_strange_id_in_a_filter_is_what_any_unknown_id_is(api: Api, strange: str) -> None:
    await api.alert()
    client = await api.client()
    for path in ("alerts", "homes", "devices", "responders"):
        assert (await client.get(f"/api/v1/{path}?area={strange}")).status_code == 404, path
    for path in ("alerts?home", "devices?home", "homes?plan"):
        answer = await client.get(f"/api/v1/{path}={strange}")
        assert (answer.status_code, answer.json()["items"]) == (200, []), path


async def test_head_is_get_without_the_body_but_of_the_stream(api: Api) -> None:
    await api.alert(alert_id="a")
    client = await api.client()
    for path in ("/api/v1/alerts", "/api/v1/alerts/a", "/api/v1/homes/nobody", "/healthz"):
        got, headed = await client.get(path), await client.head(path)
        assert (headed.status_code, headed.content) == (got.status_code, b""), path
        assert headed.headers == got.headers, path
    assert (await (await api.anybody()).head("/api/v1/alerts")).status_code == 401
    refused = await client.head("/api/v1/alerts/stream")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")


class _BrokenClock(SystemClock):
    def now(self) -> datetime:
        raise LookupError("no time")


async def test_a_failure_of_ours_is_logged_under_the_template_of_its_route(api: Api) -> None:
    client, anybody = await api.client(), await api.anybody()
    api.app.state.parts = replace(api.parts, clock=_BrokenClock())
    with capture_logs() as logs:
        for path in ("/api/v1/homes/a-home", "/a/a-secret"):
            answer = await (client if "v1" in path else anybody).get(path)
            assert answer.json()["type"] == "urn:lampkeep:problem:internal-error"
    assert [(line["event"], line["path"]) for line in logs] == [
        (REQUEST_FAILED, "/api/v1/homes/{home_id}"),
        (REQUEST_FAILED, "/a/{token}"),
    ]


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
