"""The acknowledge page: opening changes nothing, the button takes it, and it says no more than its reader may know."""

import asyncio
import hashlib
from typing import Any

import httpx
import pytest

from lampkeep.domain.policy import Policy
from lampkeep.domain.vocabulary import AlertKind, Role
from support.alerts import step
from support.api import Api

PEOPLE = {
    "wang-li": ("王丽", "grid_worker"),
    "zhang-wei": ("张伟", "family"),
    "neighbour": ("老陈", "neighbour"),
    "volunteer": ("小李", "volunteer"),
    "duty": ("值班", "operator"),
}


async def link(api: Api, responder_id: str, alert_id: str = "a") -> str:
    """A link as dispatch would have sent it."""
    name, role = PEOPLE[responder_id]
    await api.connection.execute(
        "insert into responders (responder_id, name, role) values (%s, %s, %s) on conflict do nothing",
        [responder_id, name, role],
    )
    token = f"token-{responder_id}-{alert_id}"
    await api.connection.execute(
        "insert into acknowledge_links (sha256, alert_id, responder_id, name, role, created_at)"
        " values (%s, %s, %s, %s, %s, now())",
        [hashlib.sha256(token.encode()).digest(), alert_id, responder_id, name, role],
    )
    return f"/a/{token}"


async def press(client: httpx.AsyncClient, url: str, act: str | None = None) -> httpx.Response:
    return await client.post(url, data={"act": act} if act else None)


async def alert_of(api: Api) -> Any:
    return (await (await api.client()).get("/api/v1/alerts/a")).json()


async def test_opening_a_link_shows_what_and_where_and_changes_nothing(api: Api) -> None:
    await api.alert(alert_id="a", evidence={"text_zh": "浴室最后活动", "text": "last in the bathroom"})
    url = await link(api, "wang-li")
    client = await api.anybody()
    for _ in range(3):
        page = await client.get(url)
        assert page.status_code == 200
    for shown in (
        "张秀英",
        "江南街道某路1号",
        "29.08000,119.65000",
        "SOS",
        "+8613800000000",
        "青霉素过敏",
        "浴室最后活动",
    ):
        assert shown in page.text, shown
    assert 'value="acknowledge"' in page.text
    assert (await alert_of(api))["version"] == 1
    assert await api.rows("select 1 from acts") == []


async def test_the_page_leaves_no_trace_and_runs_no_script(api: Api) -> None:
    await api.alert(alert_id="a")
    page = await (await api.anybody()).get(await link(api, "wang-li"))
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in page.headers["x-robots-tag"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text


@pytest.mark.parametrize("responder_id", ["neighbour", "volunteer"])
async def test_neighbours_and_volunteers_see_neither_telephone_nor_notes(api: Api, responder_id: str) -> None:
    await api.alert(alert_id="a")
    url = await link(api, responder_id)
    client = await api.anybody()
    for page in (await client.get(url), await press(client, url)):
        assert "张秀英" in page.text
        assert "江南街道某路1号" in page.text
        assert "+86138" not in page.text
        assert "青霉素" not in page.text


@pytest.mark.parametrize(
    ("act", "state"),
    [(None, "acknowledged"), ("acknowledge", "acknowledged"), ("on_the_way", "on_the_way"), ("on_scene", "on_scene")],
)
async def test_the_button_acts_for_the_responder_of_the_link(api: Api, act: str | None, state: str) -> None:
    await api.alert(alert_id="a")
    page = await press(await api.anybody(), await link(api, "wang-li"), act)
    assert page.status_code == 200
    alert = await alert_of(api)
    assert (alert["state"], alert["owner"]) == (state, {"id": "wang-li", "name": "王丽", "kind": "responder"})
    (row,) = await api.rows("select act, actor from acts")
    assert row["actor"] == {"kind": "responder", "id": "wang-li", "name": "王丽", "role": "grid_worker"}
    timeline = (await (await api.client()).get("/api/v1/alerts/a/timeline")).json()["items"]
    assert timeline[-1]["actor"] == "responder:wang-li"


async def test_whoever_comes_second_is_told_who_has_it(api: Api) -> None:
    await api.alert(alert_id="a")
    first, second = await link(api, "wang-li"), await link(api, "zhang-wei")
    client = await api.anybody()
    answers = await asyncio.gather(press(client, first), press(client, second))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    owner = (await alert_of(api))["owner"]["name"]
    lost = next(answer for answer in answers if answer.status_code == 409)
    assert owner in lost.text
    again = next(url for url, answer in zip((first, second), answers, strict=True) if answer.status_code == 200)
    assert (await press(client, again)).status_code == 200


async def test_once_it_is_over_the_page_says_how_and_nothing_about_people(api: Api) -> None:
    await api.alert(alert_id="a")
    url = await link(api, "wang-li")
    client = await api.anybody()
    await press(client, url)
    await (await api.client()).post("/api/v1/alerts/a/resolve", json={"outcome": "hospital", "note": "taken away"})
    for page in (await client.get(url), await press(client, url)):
        assert page.status_code == 410
        assert "taken to hospital" in page.text
        for hidden in ("张秀英", "江南街道", "+86138", "青霉素", "王丽", "taken away", "<button", "geo:"):
            assert hidden not in page.text, hidden
    assert len(await api.rows("select 1 from acts")) == 2


async def test_an_unknown_link_is_404(api: Api) -> None:
    client = await api.anybody()
    for answer in (await client.get("/a/none"), await press(client, "/a/none"), await client.get("/a/" + "x" * 500)):
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")


async def test_a_link_stays_good_while_the_alert_is_active_also_of_a_responder_who_left(api: Api) -> None:
    client = await api.anybody()
    await api.alert(alert_id="a")
    url = await link(api, "neighbour")
    await api.connection.execute("delete from responders where responder_id = 'neighbour'")
    page = await client.get(url)
    assert page.status_code == 200
    assert "+86138" not in page.text
    assert (await press(client, url)).status_code == 200
    alert = await alert_of(api)
    assert alert["owner"] == {"id": "neighbour", "name": "老陈", "kind": "responder"}
    assert await api.rows("select owner_role from alerts") == [{"owner_role": "neighbour"}]
    await (await api.client()).post("/api/v1/alerts/a/resolve", json={"outcome": "helped"})
    assert (await client.get(url)).status_code == 410


@pytest.mark.parametrize("act", ["resolve", "confirm_emergency", "", "cancel"])
async def test_a_link_does_nothing_that_it_was_not_made_for(api: Api, act: str) -> None:
    await api.alert(alert_id="a")
    answer = await (await api.anybody()).post(
        await link(api, "wang-li"),
        content=f"act={act}&x=1",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == (200 if act == "" else 422)
    assert (await alert_of(api))["state"] == ("acknowledged" if act == "" else "open")


async def test_the_duty_room_can_let_the_line_be_called_through_its_link(api: Api) -> None:
    line = Policy(policy_id="p", steps=(step(Role.EMERGENCY_LINE, after=60),))
    await api.alert(alert_id="a", policy=line, consent=False)
    url = await link(api, "duty")
    client = await api.anybody()
    assert 'value="confirm_emergency"' in (await client.get(url)).text
    assert 'value="confirm_emergency"' not in (await client.get(await link(api, "wang-li"))).text
    assert (await press(client, url, "confirm_emergency")).status_code == 200
    assert await api.rows("select act from acts") == [{"act": "confirm_emergency"}]


async def test_names_are_text_and_never_html(api: Api) -> None:
    await api.connection.execute("update residents set name = '<script>alert(1)</script>', notes = '\"><img src=x>'")
    await api.alert(alert_id="a", evidence={"text": "<b>bold</b>"}, kind=AlertKind.SMOKE)
    page = await (await api.anybody()).get(await link(api, "wang-li"))
    for tag in ("<script", "<img", "<b>"):
        assert tag not in page.text
    assert "&lt;script&gt;" in page.text


async def test_a_resident_whose_name_is_not_kept_is_shown_as_the_resident(api: Api) -> None:
    await api.connection.execute("update residents set name = null")
    await api.alert(alert_id="a")
    page = await (await api.anybody()).get(await link(api, "wang-li"))
    assert "住户 resident" in page.text
    assert "None" not in page.text


async def test_an_alert_without_a_home_has_a_page_too(api: Api) -> None:
    await api.alert(None, alert_id="a")
    page = await (await api.anybody()).get(await link(api, "duty"))
    assert page.status_code == 200
    assert 'value="acknowledge"' in page.text
