"""Lists of alerts, one alert, its timeline: filters, pages, area scope, and what a role does not see."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from lampkeep.domain.vocabulary import AlertKind, AlertState
from support.api import OPENED, Api


async def ids(client: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await client.get("/api/v1/alerts", params=query)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def test_a_list_shows_the_newest_alert_first_and_as_the_contract_has_it(api: Api) -> None:
    await api.alert(evidence={"last_place": "bathroom"})
    await api.alert("home-002", kind=AlertKind.LOW_BATTERY)
    answer = await (await api.client()).get("/api/v1/alerts")
    first, second = answer.json()["items"]
    assert (first["id"], second["id"]) == ("alert-002", "alert-001")
    assert second == {
        "id": "alert-001",
        "kind": "sos",
        "priority": "life",
        "state": "open",
        "home_id": "home-001",
        "area": "jiangnan-g03",
        "opened_at": "2026-11-22T03:00:00Z",
        "pressed_at": None,
        "acknowledged_at": None,
        "closed_at": None,
        "owner": None,
        "late": False,
        "round": 1,
        "occurrence_count": 1,
        "next_step_at": "2026-11-22T03:00:00Z",
        "evidence": {"last_place": "bathroom"},
        "version": 1,
    }
    assert answer.json()["next"] is None


async def test_state_active_stands_for_everything_that_is_not_closed(api: Api) -> None:
    client = await api.client()
    for state in AlertState:
        closed = OPENED if state.is_closed else None
        await api.alert(state=state, closed_at=closed, alert_id=state.value)
    assert set(await ids(client, state="active")) == {"pre_alarm", "open", "acknowledged", "on_the_way", "on_scene"}
    assert await ids(client, state="resolved") == ["resolved"]
    assert set(await ids(client, state=["open", "cancelled"])) == {"open", "cancelled"}
    assert len(await ids(client)) == 7


async def test_a_list_is_narrowed_by_kind_priority_home_and_area(api: Api) -> None:
    client = await api.client()
    await api.alert("home-001", alert_id="sos")
    await api.alert("home-001", kind=AlertKind.NOT_UP, alert_id="not-up")
    await api.alert("home-002", kind=AlertKind.TAMPER, alert_id="tamper")
    assert await ids(client, kind="not_up") == ["not-up"]
    assert set(await ids(client, kind=["sos", "tamper"])) == {"sos", "tamper"}
    assert await ids(client, priority="life") == ["sos"]
    assert await ids(client, home="home-002") == ["tamper"]
    assert set(await ids(client, area="jinhua")) == {"sos", "not-up"}
    assert await ids(client, area="jiaxing", state="active") == ["tamper"]


@pytest.mark.parametrize(
    "query",
    [
        {"state": "asleep"},
        {"kind": "flood"},
        {"priority": "high"},
        {"limit": 0},
        {"limit": 201},
        {"cursor": "bm9uc2Vuc2U"},
    ],
    ids=str,
)
async def test_a_wrong_filter_is_422_and_names_the_field(api: Api, query: dict[str, Any]) -> None:
    answer = await (await api.client()).get("/api/v1/alerts", params=query)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == "urn:lampkeep:problem:not-valid"
    assert body["errors"][0]["field"].startswith(f"query.{next(iter(query))}")


async def test_pages_hold_every_alert_once_while_others_arrive(api: Api) -> None:
    client = await api.client()
    same = OPENED - timedelta(days=1)
    for number in range(7):
        await api.alert(opened_at=same, alert_id=f"old-{number}")
    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/api/v1/alerts", params=query)).json()
        seen += [item["id"] for item in page["items"]]
        await api.alert(alert_id=f"new-{len(seen)}")
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [f"old-{number}" for number in reversed(range(7))]


async def test_a_cursor_holds_only_for_the_filters_it_came_from(api: Api) -> None:
    client = await api.client()
    for _ in range(3):
        await api.alert()
    cursor = (await client.get("/api/v1/alerts", params={"limit": 1})).json()["next"]
    other = await client.get("/api/v1/alerts", params={"limit": 1, "kind": "sos", "cursor": cursor})
    assert other.status_code == 422
    changed = cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB")
    assert (await client.get("/api/v1/alerts", params={"cursor": changed})).status_code == 422


async def test_a_token_sees_its_area_and_below_and_the_rest_is_404(api: Api) -> None:
    await api.alert("home-001", alert_id="jinhua-alert")
    await api.alert("home-002", alert_id="jiaxing-alert")
    for area in ("jinhua", "jiangnan-g03"):
        client = await api.client(area=area)
        assert await ids(client) == ["jinhua-alert"]
        assert (await client.get("/api/v1/alerts/jinhua-alert")).status_code == 200
        for path in ("", "/timeline"):
            answer = await client.get(f"/api/v1/alerts/jiaxing-alert{path}")
            assert (answer.status_code, answer.json()["type"]) == (404, "urn:lampkeep:problem:not-found")
        assert (await client.post("/api/v1/alerts/jiaxing-alert/acknowledge")).status_code == 404
        assert (await client.get("/api/v1/alerts", params={"area": "jiaxing"})).status_code == 404
    grid = await api.client(area="jiangnan-g03")
    assert (await grid.get("/api/v1/alerts", params={"area": "jinhua"})).status_code == 404


async def test_an_alert_without_a_home_is_seen_by_every_operator_and_above_but_no_viewer(api: Api) -> None:
    await api.alert(None, alert_id="stray")
    for role in ("operator", "supervisor", "admin"):
        for area in ("*", "jiaxing"):
            client = await api.client(role, area)
            assert await ids(client) == ["stray"], (role, area)
            assert (await client.get("/api/v1/alerts/stray")).json()["home"] is None
    for role in ("viewer", "auditor"):
        client = await api.client(role)
        assert await ids(client) == []
        assert (await client.get("/api/v1/alerts/stray")).status_code == 404


async def test_one_alert_has_its_home_residents_occurrences_and_steps_and_its_version_as_etag(api: Api) -> None:
    alert = await api.alert(alert_id="whole")
    async with api.connection.transaction():
        await api.connection.execute(
            "insert into occurrences (alert_id, kind, device_id, account, at, received_at, evidence)"
            " values ('whole', 'sos', 'pendant-001', 'pendant-001', %s, %s, '{\"test\": 1}')",
            [OPENED, OPENED],
        )
        await api.connection.execute(
            "insert into steps (alert_id, round, step, role, due_at, started_at, deliver_within_s)"
            " values ('whole', 1, 1, 'grid_worker', %s, %s, 5)",
            [OPENED, OPENED],
        )
    answer = await (await api.client()).get(f"/api/v1/alerts/{alert.alert_id}")
    whole = answer.json()
    assert answer.headers["etag"] == '"1"'
    assert whole["home"] == {
        "id": "home-001",
        "area": "jiangnan-g03",
        "address": "江南街道某路1号",
        "location": [29.08, 119.65],
        "plan": "alone-frail",
        "emergency_consent": True,
    }
    (resident,) = whole["residents"]
    assert (resident["name"], resident["phone"], resident["notes"]) == ("张秀英", "+8613800000000", "青霉素过敏")
    assert isinstance(resident["age"], int)
    (occurrence,) = whole["occurrences"]
    assert (occurrence["kind"], occurrence["device"], occurrence["evidence"]) == ("sos", "pendant-001", {"test": 1})
    (step,) = whole["steps"]
    assert step == {
        "round": 1,
        "step": 1,
        "role": "grid_worker",
        "due_at": "2026-11-22T02:00:00Z",
        "started_at": "2026-11-22T02:00:00Z",
        "sent_at": None,
        "delivered_at": None,
        "deliver_within_s": 5.0,
        "met": None,
        "ended": None,
    }


@pytest.mark.parametrize("role", ["viewer", "auditor"])
async def test_a_viewer_gets_no_telephone_and_no_notes(api: Api, role: str) -> None:
    await api.alert(alert_id="seen")
    await (await api.client()).post("/api/v1/alerts/seen/notes", json={"note": "penicillin!"})
    client = await api.client(role)
    for path in ("/alerts/seen", "/alerts/seen/timeline", "/homes", "/homes/home-001", "/responders"):
        answer = await client.get(f"/api/v1{path}")
        assert answer.status_code == 200
        for secret in ("+8613", "青霉素", "penicillin", "hospital"):
            assert secret not in answer.text, path
    operator = await (await api.client()).get("/api/v1/homes/home-001")
    assert "青霉素" in operator.text
    assert "hospital" in operator.text


async def test_the_timeline_is_told_oldest_first_in_pages(api: Api) -> None:
    alert = await api.alert()
    for number in range(5):
        await api.happened(alert, f"step_{number}", step=number)
    client = await api.client()
    page = (await client.get(f"/api/v1/alerts/{alert.alert_id}/timeline", params={"limit": 4})).json()
    assert [item["what"] for item in page["items"]] == ["opened", "step_0", "step_1", "step_2"]
    assert page["items"][1] == {
        "at": "2026-11-22T03:00:00Z",
        "what": "step_0",
        "actor": "dispatch",
        "detail": {"step": 0},
    }
    rest = (await client.get(f"/api/v1/alerts/{alert.alert_id}/timeline", params={"cursor": page["next"]})).json()
    assert [item["what"] for item in rest["items"]] == ["step_3", "step_4"]
    assert rest["next"] is None


async def test_what_is_recorded_late_stands_in_the_timeline_where_it_happened(api: Api) -> None:
    alert = await api.alert()
    await api.happened(alert, "acknowledged", at=alert.opened_at + timedelta(seconds=2))
    await api.happened(alert, "delivered", at=alert.opened_at + timedelta(seconds=1))
    client = await api.client()
    timeline = f"/api/v1/alerts/{alert.alert_id}/timeline"
    first = (await client.get(timeline, params={"limit": 2})).json()
    assert [item["what"] for item in first["items"]] == ["opened", "delivered"]
    rest = (await client.get(timeline, params={"cursor": first["next"]})).json()
    assert [item["what"] for item in rest["items"]] == ["acknowledged"]


async def test_a_list_of_a_long_history_reads_only_its_page(api: Api) -> None:
    async with api.connection.transaction():
        await api.connection.execute(
            "insert into alerts (alert_id, cause_key, home_id, area_id, kind, priority, state, opened_at, closed_at,"
            " last_cause_at, consent, policy, progress)"
            " select 'h-' || n, 'h-' || n, 'home-001', 'jiangnan-g03', 'sos', 'life', 'resolved',"
            " %(at)s - n * interval '1 minute', %(at)s, %(at)s, true, '{}', '{\"round\": 1}'"
            " from generate_series(1, 20000) n",
            {"at": OPENED},
        )
        await api.connection.execute("analyze alerts")
    await api.alert(alert_id="now")
    client = await api.client(area="jinhua")
    assert await ids(client, state="active") == ["now"]
    assert (await ids(client, limit=2)) == ["now", "h-1"]
