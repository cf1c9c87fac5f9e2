"""Homes, devices, responders, areas, rosters, plans and policies as they are read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from support.api import OPENED, Api


async def got(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await client.get(f"/api/v1{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def all_pages(client: httpx.AsyncClient, path: str, **query: Any) -> list[str]:
    seen: list[str] = []
    cursor = None
    while True:
        page = await got(client, path, limit=1, **query, **({"cursor": cursor} if cursor else {}))
        assert len(page["items"]) <= 1
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            return seen


async def observe(api: Api, device: str, type_: str, at: datetime, data: str = "{}", message: str = "m") -> None:
    await api.connection.execute(
        "insert into observations (received_at, at, account, device_id, home_id, message_id, type, data)"
        " values (%s, %s, %s, %s, 'home-001', %s, %s, %s)",
        [at + timedelta(seconds=1), at, device, device, message, type_, data],
    )


async def state(api: Api, device: str, type_: str, seen: datetime, **columns: Any) -> None:
    named = {"device_id": device, "type": type_, "home_id": "home-001", "seen_at": seen, **columns}
    names, holes = ", ".join(named), ", ".join(["%s"] * len(named))
    await api.connection.execute(f"insert into device_state ({names}) values ({holes})", list(named.values()))


async def test_every_list_comes_in_pages_and_holds_everything_once(api: Api) -> None:
    client = await api.client()
    assert await all_pages(client, "/homes") == ["home-001", "home-002"]
    assert await all_pages(client, "/devices") == ["door-001", "pendant-001", "pendant-002", "pir-001"]
    assert await all_pages(client, "/responders") == ["duty", "jinhua-120", "wang-li", "zhang-wei"]
    assert await all_pages(client, "/areas") == ["jiangnan-g03", "jiaxing", "jinhua"]
    assert await all_pages(client, "/plans") == ["alone-frail"]
    assert await all_pages(client, "/policies") == ["sos-default"]
    assert await all_pages(client, "/devices", home="home-001", kind="door") == ["door-001"]
    assert await all_pages(client, "/responders", role="family") == ["zhang-wei"]


async def test_a_token_sees_the_registry_of_its_area_only(api: Api) -> None:
    grid, other = await api.client(area="jiangnan-g03"), await api.client(area="jiaxing")
    assert await all_pages(grid, "/homes") == ["home-001"]
    assert await all_pages(other, "/homes") == ["home-002"]
    assert await all_pages(other, "/devices") == ["pendant-002"]
    assert await all_pages(other, "/areas") == ["jiaxing"]
    # Those who answer for the area from above are seen, and the families of its homes.
    assert await all_pages(grid, "/responders") == ["duty", "jinhua-120", "wang-li", "zhang-wei"]
    assert await all_pages(other, "/responders") == []
    for path in ("/homes/home-001", "/homes/home-001/activity", "/devices/pir-001", "/responders/wang-li"):
        assert (await other.get(f"/api/v1{path}")).status_code == 404, path
        assert (await grid.get(f"/api/v1{path}")).status_code == 200, path
    for path in ("/rosters/jinhua/now", "/homes?area=jinhua", "/devices?area=jinhua", "/responders?area=jinhua"):
        assert (await grid.get(f"/api/v1{path}")).status_code == 404, path


async def test_one_home_has_everything_that_is_known_of_it(api: Api) -> None:
    at = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
    await state(api, "pir-001", "motion", at, on_at=[at])
    await state(api, "door-001", "door", at - timedelta(hours=1), on_at=[at - timedelta(hours=1)])
    alert = await api.alert(alert_id="active")
    await api.alert(alert_id="over", closed_at=OPENED)
    answer = await (await api.client()).get("/api/v1/homes/home-001")
    home = answer.json()
    assert answer.headers["etag"] == f'"{home["version"]}"'
    assert home["state"]["last_activity_at"] == "2026-11-22T01:00:00Z"
    assert (home["state"]["last_device"], home["state"]["last_place"]) == ("pir-001", "bathroom")
    assert [device["id"] for device in home["devices"]] == ["door-001", "pendant-001", "pir-001"]
    assert [one["id"] for one in home["active_alerts"]] == [alert.alert_id]
    assert (home["area"], home["plan"], home["location"]) == ("jiangnan-g03", "alone-frail", [29.08, 119.65])
    assert home["family"] == ["zhang-wei"]
    assert home["suspend"] == [
        {"rules": ["inactivity", "not_up"], "from": "2026-12-01", "until": "2026-12-08", "reason": "hospital"}
    ]
    assert home["residents"][0]["born"] == "1941-03-02"
    listed = (await got(await api.client(), "/homes"))["items"][0]
    assert (listed["active_alerts"], listed["residents"][0]["name"]) == (1, "张秀英")


async def test_activity_is_what_devices_said_newest_first_urgent_or_not(api: Api) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    await observe(api, "pir-001", "motion", now - timedelta(hours=2), '{"active": true}', "m1")
    await observe(api, "door-001", "door", now - timedelta(hours=1), '{"open": true}', "m2")
    await observe(api, "door-001", "door", now - timedelta(hours=1), '{"open": false}', "m3")
    await observe(api, "pir-001", "motion", now - timedelta(hours=30), "{}", "old")
    await api.connection.execute(
        "insert into urgent_messages (account, device_id, message_id, type, home_id, at, received_at, data)"
        " values ('pendant-001', 'pendant-001', 'p1', 'sos', 'home-001', %(at)s, %(at)s, '{}')",
        {"at": now - timedelta(minutes=90)},
    )
    client = await api.client()
    path = "/homes/home-001/activity"
    items = (await got(client, path))["items"]
    assert [(item["type"], item["lane"]) for item in items] == [
        ("door", "observation"),
        ("door", "observation"),
        ("sos", "urgent"),
        ("motion", "observation"),
    ]
    assert items[3]["place"] == "bathroom"
    assert items[3]["data"] == {"active": True}
    seen, cursor = [], None
    while True:
        page = await got(client, path, limit=1, **({"cursor": cursor} if cursor else {}))
        seen += [item["data"].get("open", item["type"]) for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [False, True, "sos", "motion"]
    older = await got(
        client, path, **{"from": (now - timedelta(hours=40)).isoformat(), "to": (now - timedelta(hours=20)).isoformat()}
    )
    assert len(older["items"]) == 1
    assert (await client.get(f"/api/v1{path}", params={"from": "yesterday"})).status_code == 422
    assert (await client.get(f"/api/v1{path}", params={"from": "2026-11-22T00:00:00"})).status_code == 422


async def test_what_a_device_sent_is_shown_even_where_it_is_no_clean_text(api: Api) -> None:
    now = datetime.now(UTC)
    await observe(api, "pir-001", "motion", now, '{"\\ud800": "nul \\u0000", "n": 123456789012345678901234567890}')
    (item,) = (await got(await api.client(), "/homes/home-001/activity"))["items"]
    assert item["data"]["n"] == 123456789012345678901234567890
    assert "nul \0" in item["data"].values()


async def test_devices_say_when_they_were_last_seen_and_how_they_are(api: Api) -> None:
    at = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
    await state(api, "door-001", "door", at, on_at=[at])
    await state(api, "door-001", "battery", at, percent=88, percent_at=at)
    await state(api, "door-001", "online", at + timedelta(hours=1), on_at=[at], off_at=[at + timedelta(hours=1)])
    await state(api, "pir-001", "online", at, on_at=[at])
    client = await api.client()
    devices = {device["id"]: device for device in (await got(client, "/devices"))["items"]}
    door = devices["door-001"]
    assert (door["last_seen_at"], door["battery"], door["online"]) == ("2026-11-22T01:00:00Z", 88, False)
    assert (door["account"], door["z2m"], door["place"], door["home"]) == (
        "gw-001",
        "Front door",
        "entrance",
        "home-001",
    )
    assert (devices["pir-001"]["online"], devices["pir-001"]["heartbeat_every"]) == (True, "30m")
    assert (devices["pendant-001"]["last_seen_at"], devices["pendant-001"]["online"]) == (None, None)
    one = await client.get("/api/v1/devices/door-001")
    assert (one.json(), one.headers["etag"]) == (door, f'"{door["version"]}"')


async def test_a_press_is_a_sign_of_life_of_its_device(api: Api) -> None:
    at = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
    await api.connection.execute(
        "insert into urgent_messages (account, device_id, message_id, type, home_id, at, received_at, data)"
        " values ('pendant-001', 'pendant-001', 'p1', 'sos', 'home-001', %(at)s, %(at)s, '{}')",
        {"at": at},
    )
    assert (await got(await api.client(), "/devices/pendant-001"))["last_seen_at"] == "2026-11-22T01:00:00Z"
    home = await got(await api.client(), "/homes/home-001")
    assert home["state"]["last_device"] == "pendant-001"


@pytest.mark.parametrize("role", ["operator", "admin"])
async def test_the_secret_and_the_path_of_a_channel_are_never_shown(api: Api, role: str) -> None:
    client = await api.client(role)
    for path in ("/responders", "/responders/wang-li"):
        answer = await client.get(f"/api/v1{path}")
        assert "s3cret" not in answer.text
        assert "/hook" not in answer.text
    one = await got(client, "/responders/wang-li")
    assert one["channels"] == [{"kind": "webhook", "host": "127.0.0.1", "signed": True}]
    assert (one["phone"], one["role"], one["areas"]) == ("+8613900000000", "grid_worker", ["jiangnan-g03"])


async def test_a_roster_says_who_is_on_duty_now_and_which_roles_have_nobody(api: Api) -> None:
    duty = await got(await api.client(), "/rosters/jiangnan-g03/now")
    assert [(one["role"], one["id"], one["reachable"]) for one in duty["items"]] == [
        ("grid_worker", "wang-li", True),
        ("operator", "duty", False),
        ("emergency_line", "jinhua-120", False),
    ]
    assert duty["items"][0]["phone"] == "+8613900000000"
    assert duty["without"] == ["neighbour", "volunteer", "supervisor"]
    viewer = await got(await api.client("viewer"), "/rosters/jiangnan-g03/now")
    assert "phone" not in viewer["items"][0]
    assert (await (await api.client()).get("/api/v1/rosters/nowhere/now")).status_code == 404


async def test_plans_and_policies_are_shown_in_the_spelling_of_the_file(api: Api) -> None:
    client = await api.client()
    plan = await client.get("/api/v1/plans/alone-frail")
    assert plan.json()["rules"]["not_up"] == {"by": "09:30"}
    assert plan.headers["etag"] == f'"{plan.json()["version"]}"'
    policy = await got(client, "/policies/sos-default")
    assert policy["steps"][0]["to"] == ["grid_worker"]
    assert policy["acknowledge_lease"] == "5m"
    assert (await client.get("/api/v1/plans/none")).status_code == 404


async def test_activity_until_the_beginning_of_time_is_empty(api: Api) -> None:
    client = await api.client()
    answer = await client.get("/api/v1/homes/home-001/activity", params={"to": "0001-01-01T00:00:00Z"})
    assert (answer.status_code, answer.json()["items"]) == (200, [])
