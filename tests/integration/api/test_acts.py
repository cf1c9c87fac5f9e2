"""What operators do to an alert: allowed or refused, guarded, once, and left for dispatch."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from lampkeep.clock import ManualClock
from lampkeep.domain.policy import Policy
from lampkeep.domain.vocabulary import AlertKind, AlertState, Role
from support.alerts import step
from support.api import OPENED, Api, api_on


async def post(client: httpx.AsyncClient, path: str, body: Any = None, **headers: str) -> httpx.Response:
    names = {"if_match": "If-Match", "key": "Idempotency-Key"}
    return await client.post(
        f"/api/v1/alerts/{path}", json=body, headers={names[name]: value for name, value in headers.items()}
    )


async def test_acknowledging_makes_the_holder_of_the_token_the_owner(api: Api) -> None:
    await api.alert(alert_id="a")
    answer = await post(await api.client(name="Desk 1"), "a/acknowledge")
    alert = answer.json()
    assert answer.status_code == 200
    assert (alert["state"], alert["version"], answer.headers["etag"]) == ("acknowledged", 2, '"2"')
    assert alert["owner"]["name"] == "Desk 1"
    assert alert["owner"]["kind"] == "user"
    assert alert["acknowledged_at"] is not None
    assert alert["next_step_at"] is None
    assert alert["home"]["id"] == "home-001"


async def test_an_act_leaves_a_row_for_dispatch_and_a_line_in_the_timeline(api: Api) -> None:
    await api.alert(alert_id="a")
    client = await api.client(name="Desk 1")
    await post(client, "a/on-scene", {"for": "wang-li", "note": "is at the door"})
    (token,) = await api.rows("select token_id from tokens")
    (row,) = await api.rows("select act, actor, entered, detail, handled_at from acts")
    assert row == {
        "act": "on_scene",
        "actor": {"kind": "user", "id": token["token_id"], "name": "Desk 1", "role": "operator"},
        "entered": ["acknowledged", "on_the_way", "on_scene"],
        "detail": {"for": "wang-li", "note": "is at the door"},
        "handled_at": None,
    }
    line = (await client.get("/api/v1/alerts/a/timeline")).json()["items"][-1]
    assert (line["what"], line["actor"]) == ("on_scene", f"user:{token['token_id']}")
    assert line["detail"]["entered"] == ["acknowledged", "on_the_way", "on_scene"]


async def test_an_operator_may_take_it_for_a_responder_who_then_owns_it(api: Api) -> None:
    await api.alert(alert_id="a")
    alert = (await post(await api.client(), "a/acknowledge", {"for": "wang-li"})).json()
    assert alert["owner"] == {"id": "wang-li", "name": "王丽", "kind": "responder"}
    assert await api.rows("select owner_role from alerts") == [{"owner_role": "grid_worker"}]


@pytest.mark.parametrize(("act", "state"), [("on-the-way", "on_the_way"), ("on-scene", "on_scene")])
async def test_an_operator_who_reports_progress_leaves_the_responder_who_owns_it_the_owner(
    api: Api, act: str, state: str
) -> None:
    await api.alert(alert_id="a")
    client = await api.client()
    await post(client, "a/acknowledge", {"for": "wang-li"})
    moved = await post(client, f"a/{act}")
    owner = {"id": "wang-li", "name": "王丽", "kind": "responder"}
    assert (moved.status_code, moved.json()["state"], moved.json()["owner"]) == (200, state, owner)


async def test_nobody_is_taken_for_who_is_not_there_or_not_in_the_area(api: Api) -> None:
    await api.alert("home-002", alert_id="a")
    answer = await post(await api.client(), "a/acknowledge", {"for": "nobody"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "body.for"
    elsewhere = await post(await api.client(area="jiaxing"), "a/acknowledge", {"for": "wang-li"})
    assert elsewhere.status_code == 422


@pytest.mark.parametrize(
    ("act", "body", "state"),
    [
        ("acknowledge", None, "acknowledged"),
        ("on-the-way", {}, "on_the_way"),
        ("on-scene", {}, "on_scene"),
        ("resolve", {"outcome": "helped", "note": "fine"}, "resolved"),
        ("escalate", None, "open"),
        ("confirm-emergency", None, "open"),
        ("notes", {"note": "called"}, "open"),
    ],
)
async def test_every_act_answers_with_the_alert_in_its_new_state(api: Api, act: str, body: Any, state: str) -> None:
    await api.alert(alert_id="a")
    answer = await post(await api.client(), f"a/{act}", body)
    assert (answer.status_code, answer.json()["state"], answer.json()["version"]) == (200, state, 2)


async def test_cancel_is_for_a_pre_alarm_and_a_conflict_says_what_is_allowed(api: Api) -> None:
    await api.alert(alert_id="early", state=AlertState.PRE_ALARM)
    await api.alert(alert_id="open")
    client = await api.client()
    assert (await post(client, "early/cancel")).json()["state"] == "cancelled"
    refused = await post(client, "open/cancel")
    assert refused.status_code == 409
    body = refused.json()
    assert (body["type"], body["state"], body["owner"]) == ("urn:lampkeep:problem:not-allowed-now", "open", None)
    assert "resolve" in body["allowed"]
    assert "cancel" not in body["allowed"]


async def test_a_closed_alert_takes_only_notes(api: Api) -> None:
    await api.alert(alert_id="a")
    client = await api.client()
    await post(client, "a/resolve", {"outcome": "false_alarm"})
    for act in ("acknowledge", "on-the-way", "on-scene", "escalate", "confirm-emergency", "cancel"):
        refused = await post(client, f"a/{act}")
        assert (refused.status_code, refused.json()["allowed"]) == (409, ["notes"]), act
    assert (await post(client, "a/resolve", {"outcome": "helped"})).status_code == 409
    noted = await post(client, "a/notes", {"note": "family called back"})
    assert (noted.status_code, noted.json()["outcome"]) == (200, "false_alarm")


@pytest.mark.parametrize(
    ("act", "body", "field"),
    [
        ("resolve", None, "body"),
        ("resolve", {}, "body.outcome"),
        ("resolve", {"outcome": "fine"}, "body.outcome"),
        ("notes", {}, "body.note"),
        ("notes", {"note": "  "}, "body.note"),
        ("notes", {"note": "nul \0"}, "body.note"),
        ("notes", {"note": "x" * 4001}, "body.note"),
        ("acknowledge", {"For": "wang-li"}, "body.For"),
        ("acknowledge", {"for": "Wang Li"}, "body.for"),
        ("acknowledge", [1], "body"),
    ],
    ids=str,
)
async def test_a_wrong_body_is_422_with_its_field(api: Api, act: str, body: Any, field: str) -> None:
    await api.alert(alert_id="a")
    answer = await post(await api.client(), f"a/{act}", body)
    assert answer.status_code == 422
    assert field in {error["field"] for error in answer.json()["errors"]}


async def test_broken_json_and_lone_surrogates_are_422(api: Api) -> None:
    await api.alert(alert_id="a")
    client = await api.client()
    for raw in (b'{"note": ', b'{"note": "\\ud800"}', b"\xff\xfe", b"[" * 100_000):
        answer = await client.post("/api/v1/alerts/a/notes", content=raw, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, raw[:20]
        assert answer.headers["content-type"] == "application/problem+json"


async def test_two_who_take_it_at_the_same_instant_one_owns_it_and_the_other_is_told_who(api: Api) -> None:
    clients = [await api.client("operator", name="Desk 1"), await api.client("supervisor", name="Desk 2")]
    for number in range(8):
        alert_id = f"race-{number}"
        await api.alert(alert_id=alert_id)
        answers = await asyncio.gather(*(post(client, f"{alert_id}/acknowledge") for client in clients))
        won, lost = sorted(answers, key=lambda answer: answer.status_code)
        assert (won.status_code, lost.status_code) == (200, 409)
        assert lost.json()["owner"] == won.json()["owner"]
        assert lost.json()["allowed"][0] == "on-the-way"
    assert len(await api.rows("select 1 from acts")) == 8


async def test_if_match_guards_against_a_stale_view(api: Api) -> None:
    await api.alert(alert_id="a")
    client = await api.client()
    stale = await post(client, "a/acknowledge", if_match='"7"')
    assert stale.status_code == 412
    assert (stale.json()["version"], stale.headers["etag"]) == (1, '"1"')
    assert (await post(client, "a/acknowledge", if_match='W/"1"')).status_code == 412
    assert (await post(client, "a/acknowledge", if_match='"1"')).status_code == 200
    assert (await post(client, "a/notes", {"note": "n"}, if_match='"1"')).status_code == 412
    assert (await post(client, "a/notes", {"note": "n"}, if_match='"9", "2"')).status_code == 200
    assert (await post(client, "a/notes", {"note": "n"}, if_match="*")).status_code == 200
    assert len(await api.rows("select 1 from acts")) == 3


async def test_the_same_key_acts_once_and_is_answered_alike(api: Api) -> None:
    await api.alert(alert_id="a")
    client = await api.client()
    first = await post(client, "a/notes", {"note": "called"}, key="k-1")
    await post(client, "a/notes", {"note": "another"})
    again = await post(client, "a/notes", {"note": "called"}, key="k-1")
    assert (again.status_code, again.json(), again.headers["etag"]) == (200, first.json(), first.headers["etag"])
    assert again.headers["idempotency-replayed"] == "true"
    assert len(await api.rows("select 1 from acts")) == 2


async def test_the_same_key_at_the_same_instant_acts_once(api: Api) -> None:
    await api.alert(alert_id="a")
    client = await api.client()
    answers = await asyncio.gather(*(post(client, "a/notes", {"note": "called"}, key="k-1") for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.text for answer in answers}) == 1
    assert len(await api.rows("select 1 from acts")) == 1


async def test_a_refusal_under_a_key_stays_a_refusal(api: Api) -> None:
    await api.alert(alert_id="a")
    client = await api.client()
    refused = await post(client, "a/cancel", key="k-1")
    await post(client, "a/resolve", {"outcome": "test"})
    again = await post(client, "a/cancel", key="k-1")
    assert (again.status_code, again.json()) == (409, refused.json())
    assert again.headers["content-type"] == "application/problem+json"


async def test_a_key_of_another_request_is_422_and_one_of_another_token_is_free(api: Api) -> None:
    await api.alert(alert_id="a")
    client = await api.client()
    await post(client, "a/notes", {"note": "called"}, key="k-1")
    for act, body in (("notes", {"note": "other"}), ("acknowledge", None)):
        answer = await post(client, f"a/{act}", body, key="k-1")
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:lampkeep:problem:key-reused")
    other = await post(await api.client("admin"), "a/notes", {"note": "other"}, key="k-1")
    assert other.status_code == 200


@pytest.fixture
async def timed(database_url: str) -> AsyncIterator[tuple[Api, ManualClock]]:
    clock = ManualClock(datetime(2026, 11, 22, 4, 0, tzinfo=UTC))
    async with api_on(database_url, clock=clock) as api:
        yield api, clock


async def test_a_key_is_forgotten_after_24_hours(timed: tuple[Api, ManualClock]) -> None:
    api, clock = timed
    await api.alert(alert_id="a")
    client = await api.client()
    await post(client, "a/notes", {"note": "called"}, key="k-1")
    clock.advance(timedelta(hours=23, minutes=59))
    assert "idempotency-replayed" in (await post(client, "a/notes", {"note": "called"}, key="k-1")).headers
    clock.advance(timedelta(minutes=2))
    assert (await post(client, "a/notes", {"note": "anything else"}, key="k-1")).status_code == 200
    assert len(await api.rows("select 1 from acts")) == 2


async def test_an_acknowledgement_is_a_lease_and_a_note_renews_it(timed: tuple[Api, ManualClock]) -> None:
    api, clock = timed
    await api.alert(alert_id="a")
    client = await api.client()
    await post(client, "a/acknowledge")
    assert await api.rows("select lease_until, next_due_at from alerts") == [
        {"lease_until": clock.now() + timedelta(minutes=5), "next_due_at": clock.now() + timedelta(minutes=5)}
    ]
    clock.advance(timedelta(minutes=4))
    await post(client, "a/notes", {"note": "still on it"})
    (row,) = await api.rows("select lease_until from alerts")
    assert row["lease_until"] == clock.now() + timedelta(minutes=5)


async def test_an_act_wakes_dispatch_after_its_commit(api: Api) -> None:
    await api.alert(alert_id="a")
    await api.connection.execute("listen lampkeep_acts")
    await post(await api.client(), "a/acknowledge")
    async for notice in api.connection.notifies(timeout=5, stop_after=1):
        assert notice.channel == "lampkeep_acts"
        return
    pytest.fail("nobody was woken")


async def test_the_line_is_confirmed_only_where_a_step_waits_for_it(api: Api) -> None:
    family_only = Policy(policy_id="p", steps=(step(Role.FAMILY, after=0),))
    await api.alert(alert_id="a", policy=family_only, kind=AlertKind.NOT_UP)
    refused = await post(await api.client(), "a/confirm-emergency")
    assert refused.status_code == 409
    assert "confirm-emergency" not in refused.json()["allowed"]


async def test_the_line_is_not_confirmed_in_a_pre_alarm(api: Api) -> None:
    await api.alert(alert_id="a", state=AlertState.PRE_ALARM)
    refused = await post(await api.client(), "a/confirm-emergency")
    assert (refused.status_code, refused.json()["state"]) == (409, "pre_alarm")
    assert "confirm-emergency" not in refused.json()["allowed"]
    assert await api.rows("select 1 from acts") == []


async def test_an_act_is_dated_by_our_clock(timed: tuple[Api, ManualClock]) -> None:
    api, clock = timed
    await api.alert(alert_id="a", opened_at=OPENED)
    answer = await post(await api.client(), "a/acknowledge")
    assert datetime.fromisoformat(answer.json()["acknowledged_at"]) == clock.now()


async def test_an_empty_note_and_unknown_members_do_not_keep_an_alert_from_being_resolved(api: Api) -> None:
    await api.alert(alert_id="a")
    answer = await post(await api.client(), "a/resolve", {"outcome": "helped", "note": "", "colour": "green"})
    assert (answer.status_code, answer.json()["state"]) == (200, "resolved")


async def test_an_act_sent_as_a_form_by_name_is_read_as_the_json_that_it_is(api: Api) -> None:
    await api.alert(alert_id="a")
    client = await api.client()
    answer = await client.post(
        "/api/v1/alerts/a/resolve",
        content='{"outcome":"helped"}',
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 200


async def test_empty_filters_are_none(api: Api) -> None:
    await api.alert(alert_id="a")
    answer = await (await api.client()).get("/api/v1/alerts?state=&kind=&priority=&area=&home=&limit=&cursor=")
    assert [one["id"] for one in answer.json()["items"]] == ["a"]


async def test_a_probe_may_ask_by_head(api: Api) -> None:
    client = await api.client()
    for path in ("/healthz", "/readyz", "/metrics"):
        answer = await client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
