"""PUT and DELETE of the registry's objects: validated as the file is, guarded by ETag and by the token's area."""

from typing import Any

import httpx
import pytest

from support.api import Api

HOME = {
    "area": "jiangnan-g03",
    "plan": "alone-frail",
    "address": "新街2号",
    "residents": [{"id": "new-one", "name": "陈红", "phone": "+8613811111111"}],
    "devices": [{"id": "pendant-009", "kind": "pendant"}],
}
RESPONDER = {
    "name": "李强",
    "role": "volunteer",
    "areas": ["jiangnan-g03"],
    "channels": [{"kind": "webhook", "url": "http://127.0.0.1:9/x", "secret": "very-secret"}],
}
OBJECTS: list[tuple[str, dict[str, Any]]] = [
    ("homes/home-009", HOME),
    ("devices/pir-009", {"home": "home-001", "kind": "motion", "place": "kitchen", "heartbeat_every": "10m"}),
    ("responders/li-qiang", RESPONDER),
    ("plans/watchful", {"rules": {"not_up": {"by": "08:30"}}, "policies": {"default": "sos-default"}}),
    ("policies/quick", {"steps": [{"to": ["grid_worker"], "after": "0s"}]}),
]


async def put(client: httpx.AsyncClient, path: str, body: Any, if_match: str | None = None) -> httpx.Response:
    return await client.put(f"/api/v1/{path}", json=body, headers={"If-Match": if_match} if if_match else {})


@pytest.mark.parametrize(("path", "body"), OBJECTS, ids=[path for path, _ in OBJECTS])
async def test_an_object_is_made_read_changed_and_removed(api: Api, path: str, body: dict[str, Any]) -> None:
    client = await api.client("admin")
    made = await put(client, path, body)
    assert made.status_code == 201, made.text
    tag = made.headers["etag"]
    assert tag == f'"{made.json()["version"]}"'
    assert made.json()["id"] == path.split("/")[1]
    read = await client.get(f"/api/v1/{path}")
    assert (read.status_code, read.headers["etag"]) == (200, tag)
    same = await put(client, path, body, tag)
    assert (same.status_code, same.headers["etag"]) == (200, tag)
    key, value = {"homes": ("address", "新街3号"), "devices": ("place", "hall"), "responders": ("name", "李刚")}.get(
        path.split("/", maxsplit=1)[0],
        ("rules", {"not_up": {"by": "10:00"}}) if "plans" in path else ("acknowledge_lease", "9m"),
    )
    changed = await put(client, path, body | {key: value}, tag)
    assert (changed.status_code, changed.json()[key]) == (200, value)
    assert changed.headers["etag"] != tag
    assert (await put(client, path, body, tag)).status_code == 412
    assert (await client.delete(f"/api/v1/{path}", headers={"If-Match": tag})).status_code == 412
    gone = await client.delete(f"/api/v1/{path}", headers={"If-Match": changed.headers["etag"]})
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await client.get(f"/api/v1/{path}")).status_code == 404
    assert (await client.delete(f"/api/v1/{path}")).status_code == 404
    assert (await put(client, path, body, '"1"')).status_code == 412


async def test_a_new_home_is_watched_and_wakes_the_services(api: Api) -> None:
    await api.connection.execute("listen lampkeep_registry")
    await put(await api.client("admin"), "homes/home-009", HOME)
    assert await api.rows("select 1 from home_watch where home_id = 'home-009'")
    async for notice in api.connection.notifies(timeout=5, stop_after=1):
        assert notice.channel == "lampkeep_registry"
        return
    pytest.fail("nobody was woken")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("homes/home-009", HOME | {"plan": "none-such"}, "body.plan"),
        ("homes/home-009", HOME | {"area": "none-such"}, "body.area"),
        ("homes/home-009", HOME | {"colour": "red"}, "body.colour"),
        ("homes/home-009", HOME | {"location": [129, 0]}, "body.location"),
        ("homes/home-009", HOME | {"devices": [{"id": "pendant-001", "kind": "pendant"}]}, "body.devices[0].id"),
        ("homes/home-009", HOME | {"residents": [{"id": "r", "name": "n", "notes": "\0"}]}, "body.residents[0].notes"),
        ("homes/home-009", HOME | {"id": "home-010"}, "body.id"),
        ("homes/Home_9", HOME, "body.id"),
        ("devices/pir-009", {"kind": "motion"}, "body.home"),
        ("devices/pir-009", {"home": "home-001", "kind": "toaster"}, "body.kind"),
        ("responders/x", {"name": "x", "role": "king"}, "body.role"),
        ("plans/x", {"rules": {"inactivity": {"day": "4 hours"}}}, "body.rules.inactivity.day"),
        ("policies/x", {"steps": []}, "body.steps"),
    ],
    ids=str,
)
async def test_a_mistake_is_422_with_its_field_and_writes_nothing(
    api: Api, path: str, body: dict[str, Any], field: str
) -> None:
    client = await api.client("admin")
    answer = await put(client, path, body)
    assert answer.status_code == 422, answer.text
    assert field in {error["field"] for error in answer.json()["errors"]}
    assert (await client.get(f"/api/v1/{path}")).status_code == 404


@pytest.mark.parametrize("body", [[], "text", 7, None], ids=repr)
async def test_a_body_that_is_no_object_is_422(api: Api, body: Any) -> None:
    assert (await put(await api.client("admin"), "homes/home-009", body)).status_code == 422


async def test_secrets_of_channels_are_kept_and_not_shown_back(api: Api) -> None:
    answer = await put(await api.client("admin"), "responders/li-qiang", RESPONDER)
    assert "very-secret" not in answer.text
    (row,) = await api.rows("select channels from responders where responder_id = 'li-qiang'")
    assert row["channels"][0]["secret"] == "very-secret"


@pytest.mark.parametrize(
    ("path", "by"),
    [
        ("plans/alone-frail", "home home-001"),
        ("policies/sos-default", "plan alone-frail"),
        ("responders/wang-li", "roster jiangnan-g03 grid_worker"),
        ("responders/zhang-wei", "home home-001"),
    ],
)
async def test_what_others_lean_on_stays(api: Api, path: str, by: str) -> None:
    answer = await (await api.client("admin")).delete(f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:lampkeep:problem:still-in-use")
    assert by in answer.json()["used_by"]


async def test_a_home_with_an_active_alert_stays(api: Api) -> None:
    await api.alert("home-001")
    answer = await (await api.client("admin")).delete("/api/v1/homes/home-001")
    assert answer.status_code == 409


async def test_an_admin_of_an_area_writes_nothing_outside_it(api: Api) -> None:
    client = await api.client("admin", "jiaxing")
    assert (await put(client, "homes/home-001", HOME)).status_code == 404
    assert (await client.delete("/api/v1/homes/home-001")).status_code == 404
    assert (await client.delete("/api/v1/devices/pir-001")).status_code == 404
    assert (await put(client, "responders/wang-li", RESPONDER)).status_code == 404
    assert (await client.delete("/api/v1/responders/wang-li")).status_code == 404
    into = await put(client, "homes/home-009", HOME)
    assert (into.status_code, into.json()["errors"][0]["field"]) == (422, "body.area")
    moved = await put(client, "devices/pendant-002", {"home": "home-001", "kind": "pendant"})
    assert (moved.status_code, moved.json()["errors"][0]["field"]) == (422, "body.home")
    stranger = await put(client, "responders/new", RESPONDER)
    assert (stranger.status_code, stranger.json()["errors"][0]["field"]) == (422, "body.areas")
    for path, body in OBJECTS[3:]:
        assert (await put(client, path, body)).status_code == 403
    assert (await put(client, "homes/home-002", HOME | {"area": "jiaxing"})).status_code == 200
    assert (await put(client, "responders/new", RESPONDER | {"areas": ["jiaxing"]})).status_code == 201
    assert len(await api.rows("select 1 from homes where area_id = 'jiangnan-g03'")) == 1


async def test_a_responder_who_is_seen_but_answers_outside_too_is_403(api: Api) -> None:
    client = await api.client("admin", "jiangnan-g03")
    assert (await client.get("/api/v1/responders/jinhua-120")).status_code == 200
    refused = (
        await put(client, "responders/jinhua-120", RESPONDER),
        await client.delete("/api/v1/responders/jinhua-120"),
    )
    for answer in refused:
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:lampkeep:problem:not-permitted")
    assert await api.rows("select name from responders where responder_id = 'jinhua-120'") == [{"name": "金华120"}]


async def test_what_stands_outside_the_area_is_not_named_in_a_mistake(api: Api) -> None:
    client = await api.client("admin", "jiaxing")
    home = HOME | {
        "area": "jiaxing",
        "residents": [{"id": "zhang-xiuying"}],
        "devices": [
            {"id": "pir-001", "kind": "motion"},
            {"id": "d-9", "kind": "door", "account": "gw-001", "z2m": "Front door"},
        ],
    }
    shift = '[{"responders": ["roamer"], "days": ["mon"], "from": "00:00", "to": "24:00"}]'
    for area in ("jinhua", "jiaxing"):
        await api.connection.execute(
            "insert into rosters (area_id, role, shifts) values (%s, 'volunteer', %s)", [area, shift]
        )
    await put(client, "responders/roamer", RESPONDER | {"areas": ["jiaxing"]})
    told = {}
    for path, body in (
        ("homes/home-009", home),
        ("devices/d-9", {"home": "home-002", "kind": "door", "account": "gw-001", "z2m": "Front door"}),
        ("devices/d-8", {"home": "home-001", "kind": "door"}),
        ("devices/d-7", {"home": "home-777", "kind": "door"}),
        ("responders/roamer", RESPONDER | {"areas": ["jiaxing"], "role": "neighbour"}),
    ):
        answer = await put(client, path, body)
        assert answer.status_code == 422, answer.text
        told[path] = [one["message"] for one in answer.json()["errors"]]
    assert told == {
        "homes/home-009": [
            '"zhang-xiuying" belongs to another home',
            '"pir-001" belongs to another home',
            '"Front door" is used elsewhere',
        ],
        "devices/d-9": ['"Front door" is used elsewhere'],
        "devices/d-8": ["home-001 is not in the area of this token"],
        "devices/d-7": ["home-777 is not in the area of this token"],
        "responders/roamer": ["cannot change from volunteer: used by roster jiaxing volunteer, others elsewhere"],
    }
    kept = await client.delete("/api/v1/responders/roamer")
    assert (kept.status_code, kept.json()["used_by"]) == (409, ["roster jiaxing volunteer", "others elsewhere"])
    whole = await put(await api.client("admin"), "homes/home-009", home)
    assert whole.json()["errors"][0]["message"] == '"zhang-xiuying" belongs to home home-001'


@pytest.mark.parametrize(("path", "body"), OBJECTS, ids=[path for path, _ in OBJECTS])
async def test_what_was_answered_can_be_put_back_and_changes_nothing(api: Api, path: str, body: dict[str, Any]) -> None:
    client = await api.client("admin")
    made = (await put(client, path, body)).json()
    before = await api.rows("select channels from responders order by responder_id")
    again = await put(client, path, made)
    assert (again.status_code, again.json()) == (200, made)
    assert await api.rows("select channels from responders order by responder_id") == before
    assert (await put(client, path, made | {"id": "another"})).status_code == 422


@pytest.mark.parametrize("path", ["plans/alone-frail", "policies/sos-default"])
async def test_what_is_read_can_be_put_back_and_changes_nothing(api: Api, path: str) -> None:
    client = await api.client("admin")
    read = (await client.get(f"/api/v1/{path}")).json()
    again = await put(client, path, read)
    assert (again.status_code, again.json()) == (200, read)


async def test_a_channel_put_without_its_secret_keeps_that_of_its_address(api: Api) -> None:
    client = await api.client("admin")
    bare: dict[str, Any] = {"kind": "webhook", "url": "http://127.0.0.1:9/x"}
    await put(client, "responders/li-qiang", RESPONDER)
    for channels, secret in (
        ([bare], "very-secret"),
        ([bare | {"secret": "another"}], "another"),
        ([{"kind": "webhook", "url": "http://127.0.0.1:9/y"}, bare], "another"),
        ([bare | {"secret": None}], None),
        ([bare], None),
    ):
        assert (await put(client, "responders/li-qiang", RESPONDER | {"channels": channels})).status_code == 200
        (row,) = await api.rows("select channels from responders where responder_id = 'li-qiang'")
        assert row["channels"][-1].get("secret") == secret
        assert "secret" not in row["channels"][0] or len(channels) == 1


async def test_a_star_matches_what_exists_and_nothing_else(api: Api) -> None:
    client = await api.client("admin")
    assert (await put(client, "homes/home-002", HOME | {"devices": []}, "*")).status_code == 200
    assert (await put(client, "homes/home-009", HOME, "*")).status_code == 412


@pytest.mark.parametrize("area", [None, "jiangnan-g03"])
async def test_half_a_surrogate_pair_is_named_by_its_field_and_not_shown(api: Api, area: str | None) -> None:
    client = await api.client("admin", area) if area else await api.client("admin")
    for body, field in (
        (b'{"area":"\\ud800","plan":"alone-frail"}', "body.area"),
        (
            b'{"area":"jiangnan-g03","plan":"alone-frail","devices":[{"id":"\\ud800","kind":"door"}]}',
            "body.devices[0].id",
        ),
        (b'{"area":"jiangnan-g03","plan":"alone-frail","\\udfff":1}', "body"),
    ):
        answer = await client.put("/api/v1/homes/home-020", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (422, [field])
