"""People who answer webhooks, over real HTTP, with a page of the kind that `acknowledge_url` shows."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
import pytest

from lampkeep_sim.http import Request, Response, serving
from lampkeep_sim.responder import Manners, OperatorAccess, Responders
from lampkeep_sim.signature import sign

PAGE = b"""<html><form method="post"><input type="hidden" name="csrf" value="x1">
<button name="act" value="acknowledge">I go</button><button name="act" value="decline">no</button></form></html>"""


@dataclass
class Counter:
    """The other side of `acknowledge_url` and of the API: what was asked of it."""

    url: str = ""
    asked: list[Request] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: Request) -> Response:
        self.asked.append(request)
        self.came.set()
        page = request.target.startswith("/a/")
        return Response(body=PAGE, content_type="text/html") if page else Response()

    async def until(self, count: int) -> list[str]:
        async with asyncio.timeout(5):
            while len(self.asked) < count:
                self.came.clear()
                await self.came.wait()
        return [f"{one.method} {one.target}" for one in self.asked]


@asynccontextmanager
async def counter() -> AsyncIterator[Counter]:
    made = Counter()
    async with serving("127.0.0.1", 0, made.answer) as port:
        made.url = f"http://127.0.0.1:{port}"
        yield made


@dataclass
class Door:
    """The webhook of everybody, and a hand to knock on it with."""

    url: str
    client: httpx.AsyncClient
    lines: list[dict[str, Any]]

    async def knock(self, *, secret: str | None = "s3", **told: Any) -> httpx.Response:
        body = orjson.dumps(a_webhook(**told))
        headers = {"Lampkeep-Notification-Id": "n-1"}
        if secret is not None:
            headers["Lampkeep-Signature"] = sign(secret, int(time.time()), body)
        return await self.client.post(self.url, content=body, headers=headers)


def a_webhook(**told: Any) -> dict[str, Any]:
    alert = {"id": "alert-1", "kind": "sos", "state": "open", "home_id": "home-1"}
    usual = {"v": 1, "notification_id": "n-1", "reason": "step", "role": "grid_worker", "responder": "wang"}
    return usual | {"alert": alert, "round": 1, "step": 1, "acknowledge_url": "http://127.0.0.1:1/a/t"} | told


@asynccontextmanager
async def door(manners: Manners, access: OperatorAccess | None = None) -> AsyncIterator[Door]:
    lines: list[dict[str, Any]] = []
    responders = Responders(manners, lines.append, secret="s3", access=access)
    async with (
        serving("127.0.0.1", 0, responders.answer) as port,
        httpx.AsyncClient(timeout=5, trust_env=False) as client,
    ):
        try:
            yield Door(url=f"http://127.0.0.1:{port}/hook", client=client, lines=lines)
        finally:
            await responders.close()


WILLING = Manners(accept=1.0, decline=0.0, delay_s=0.0)


async def test_who_accepts_opens_the_link_and_presses_the_button_of_its_form() -> None:
    async with counter() as desk, door(WILLING) as wang:
        assert (await wang.knock(acknowledge_url=f"{desk.url}/a/token")).status_code == 200
        assert await desk.until(2) == ["GET /a/token", "POST /a/token"]
        posted = desk.asked[1]
        assert posted.headers["content-type"] == "application/x-www-form-urlencoded"
        assert posted.body == b"csrf=x1&act=acknowledge"


async def test_a_repeat_while_the_person_makes_up_their_mind_acknowledges_once() -> None:
    async with counter() as desk, door(Manners(accept=1.0, decline=0.0, delay_s=0.05)) as wang:
        for reason in ("step", "repeat", "repeat"):
            assert (await wang.knock(reason=reason, acknowledge_url=f"{desk.url}/a/t")).status_code == 200
        await desk.until(2)
        await asyncio.sleep(0.1)
        assert len(desk.asked) == 2


async def test_who_is_stood_down_does_not_go() -> None:
    async with counter() as desk, door(Manners(accept=1.0, decline=0.0, delay_s=0.2, seed=2)) as wang:
        await wang.knock(acknowledge_url=f"{desk.url}/a/t")
        assert (await wang.knock(reason="stand_down")).status_code == 200
        await asyncio.sleep(1.0)
        assert desk.asked == []


async def test_who_declines_says_so_for_good() -> None:
    async with door(Manners(accept=0.0, decline=1.0)) as wang:
        assert [(await wang.knock(reason=reason)).status_code for reason in ("step", "repeat")] == [403, 403]


async def test_who_is_away_stays_away_for_the_repeats() -> None:
    async with door(Manners(accept=0.0, decline=0.0, hang=0.0)) as wang:
        assert [(await wang.knock(reason=reason)).status_code for reason in ("step", "repeat")] == [503, 503]


async def test_somebody_away_may_leave_the_request_without_an_answer() -> None:
    async with door(Manners(accept=0.0, decline=0.0, hang=1.0)) as wang:
        with pytest.raises(httpx.ReadTimeout):
            await wang.client.post(wang.url, content=orjson.dumps(a_webhook()), headers=signed(), timeout=0.2)


def signed() -> dict[str, str]:
    return {"Lampkeep-Signature": sign("s3", int(time.time()), orjson.dumps(a_webhook()))}


async def test_the_emergency_line_takes_over_with_a_reference() -> None:
    async with door(WILLING) as line:
        answer = await line.knock(role="emergency_line", responder="jinhua-120")
        assert answer.json() == {"accepted": True, "reference": "120-00001"}


async def test_an_emergency_line_that_is_busy_does_not_take_over() -> None:
    async with door(Manners(line_accepts=0.0)) as line:
        assert (await line.knock(role="emergency_line", responder="jinhua-120")).status_code == 503


@pytest.mark.parametrize("secret", [None, "wrong"])
async def test_a_webhook_without_the_right_signature_is_refused(secret: str | None) -> None:
    async with door(WILLING) as wang:
        assert (await wang.knock(secret=secret)).status_code == 401
        assert wang.lines[0]["status"] == 401


async def test_what_is_only_told_is_taken_note_of() -> None:
    async with counter() as desk, door(WILLING) as wang:
        for reason in ("again", "update"):
            assert (await wang.knock(reason=reason, acknowledge_url=f"{desk.url}/a/t")).status_code == 200
        await asyncio.sleep(0.05)
        assert desk.asked == []
        assert [line["reason"] for line in wang.lines] == ["again", "update"]


async def test_lines_name_ids_and_nobodys_name_or_address() -> None:
    async with door(WILLING) as wang:
        await wang.knock(residents=[{"name": "张秀英", "phone": "+86138"}], home={"address": "某路1号"})
        assert "张秀英" not in str(wang.lines)
        assert "某路" not in str(wang.lines)
        assert {"alert", "home", "responder", "reason", "status"} <= wang.lines[0].keys()


async def test_with_a_token_an_alert_lives_through_all_its_states() -> None:
    async with counter() as api:
        access = OperatorAccess(url=api.url, token="t0ken")
        async with door(Manners(accept=1.0, decline=0.0, delay_s=0.0, travel_s=0.0), access) as wang:
            await wang.knock(acknowledge_url=f"{api.url}/a/t")
            assert (await api.until(5))[2:] == [
                "POST /api/v1/alerts/alert-1/on-the-way",
                "POST /api/v1/alerts/alert-1/on-scene",
                "POST /api/v1/alerts/alert-1/resolve",
            ]
            assert api.asked[2].headers["authorization"] == "Bearer t0ken"
            assert orjson.loads(api.asked[2].body) == {"for": "wang"}
            resolved = orjson.loads(api.asked[4].body)
            assert resolved["outcome"] in {"helped", "false_alarm"}
            assert resolved["note"], "the API refuses an empty one"


async def test_an_operator_confirms_the_emergency_line_when_asked() -> None:
    async with counter() as api:
        access = OperatorAccess(url=api.url, token="t0ken")
        async with door(WILLING, access) as duty:
            await duty.knock(reason="confirm", role="operator", responder="duty-1")
            assert await api.until(1) == ["POST /api/v1/alerts/alert-1/confirm-emergency"]


async def test_what_is_no_webhook_is_refused() -> None:
    async with door(WILLING) as wang:
        assert (await wang.client.post(wang.url, content=b"[]")).status_code == 400
        assert (await wang.client.get(wang.url)).status_code == 400
