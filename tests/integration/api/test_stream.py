"""The stream: at once, in order, resumable without a gap, scoped, bounded, and ended when it must be."""

import asyncio
import socket
from datetime import UTC, datetime
from typing import Any

import pytest

from lampkeep.registry.tokens import revoke
from lampkeep_api.alerts import feed as feeds
from lampkeep_api.alerts import stream as streams
from lampkeep_api.alerts.feed import Position
from lampkeep_api.alerts.stream import EventStream
from lampkeep_api.auth.bearer import Caller
from support.api import Api, following, serving
from support.processes import until


async def test_what_happens_to_an_alert_arrives_within_a_second_with_the_list_object(api: Api) -> None:
    async with serving(api.app) as url, following(url, await api.token()) as stream:
        await api.alert(alert_id="a")
        event = await stream.next(within_s=1)
        assert event is not None
        assert (event.event, event.what) == ("alert", ("a", "opened"))
        listed = (await (await api.client()).get("/api/v1/alerts")).json()["items"][0]
        assert event.data == listed | {"what": "opened"}
        await (await api.client()).post("/api/v1/alerts/a/acknowledge")
        acknowledged = await stream.next(within_s=1)
        assert acknowledged is not None
        assert (acknowledged.what, acknowledged.data["state"]) == (("a", "acknowledged"), "acknowledged")


async def test_a_client_that_comes_back_misses_nothing_and_sees_nothing_twice(api: Api) -> None:
    token = await api.token()
    async with serving(api.app) as url:
        async with following(url, token) as stream:
            await api.alert(alert_id="a")
            await stream.take(1)
            last = stream.last_id
        alert = await api.alert(alert_id="b")
        for number in range(3):
            await api.happened(alert, f"step_{number}")
        async with following(url, token, after=last) as stream:
            seen = [event.what for event in await stream.take(4)]
            assert seen == [("b", "opened"), ("b", "step_0"), ("b", "step_1"), ("b", "step_2")]
            await api.happened(alert, "live")
            assert [event.what for event in await stream.take(1)] == [("b", "live")]


async def test_a_client_that_was_cut_before_its_first_event_misses_none_either(api: Api) -> None:
    token = await api.token()
    async with serving(api.app) as url:
        async with following(url, token) as stream:
            last = stream.last_id
        await api.alert(alert_id="a")
        async with following(url, token, after=last) as stream:
            assert [event.what for event in await stream.take(1)] == [("a", "opened")]


async def test_a_long_absence_is_caught_up_in_pages(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "PAGE", 7)
    alert = await api.alert(alert_id="a")
    for number in range(40):
        await api.happened(alert, f"n{number}")
    async with serving(api.app) as url, following(url, await api.token(), after="0-0") as stream:
        events = await stream.take(41)
        assert [event.data["what"] for event in events] == ["opened", *(f"n{number}" for number in range(40))]
        positions = [Position.parse(event.id) for event in events]
        assert positions == sorted(set(positions))


async def test_nothing_appears_behind_the_back_of_a_reader_when_transactions_end_out_of_order(api: Api) -> None:
    """The transaction that began first commits last; its row must still come, and in the stream's order."""
    first = await api.alert(alert_id="first")
    second = await api.alert(alert_id="second")
    await api.parts.feed.poll()
    async with serving(api.app) as url, following(url, await api.token()) as stream:
        async with api.connection.transaction():
            await api.connection.execute(
                "insert into timeline (alert_id, at, what, actor) values (%s, now(), 'early', 'dispatch')",
                [first.alert_id],
            )
            async with api.parts.database._pool.connection() as other, other.transaction():
                await other.execute(
                    "insert into timeline (alert_id, at, what, actor) values (%s, now(), 'late', 'dispatch')",
                    [second.alert_id],
                )
            with pytest.raises(TimeoutError):
                await stream.next(within_s=0.7)
        # A read that was cut short ends httpx's iterator, so go on with a new one from where it was.
        last = stream.last_id
        async with following(url, await api.token(), after=last) as again:
            assert [event.data["what"] for event in await again.take(2)] == ["early", "late"]


async def test_a_stream_shows_only_the_area_of_its_token_and_no_stray_alert_to_a_viewer(api: Api) -> None:
    async with serving(api.app) as url:
        tokens = {
            "jinhua": await api.token(area="jinhua"),
            "viewer": await api.token("viewer"),
            "jiaxing": await api.token("viewer", "jiaxing"),
        }
        await api.alert("home-001", alert_id="jinhua-1")
        await api.alert("home-002", alert_id="jiaxing-1")
        await api.alert(None, alert_id="stray-1")
        seen: dict[str, list[str]] = {}
        for name, token in tokens.items():
            async with following(url, token, after="0-0") as stream:
                replayed = 2 if name in {"jinhua", "viewer"} else 1
                seen[name] = [event.data["id"] for event in await stream.take(replayed)]
                await api.alert("home-001", alert_id=f"jinhua-{name}")
                await api.alert(None, alert_id=f"stray-{name}")
                await api.alert("home-002", alert_id=f"jiaxing-{name}")
                live = {"jinhua": 2, "viewer": 2, "jiaxing": 1}[name]
                seen[name] += [event.data["id"] for event in await stream.take(live)]
                with pytest.raises(TimeoutError):
                    await stream.next(within_s=0.5)
                await api.connection.execute("delete from timeline where alert_id like %s", [f"%-{name}"])
        assert seen == {
            "jinhua": ["jinhua-1", "stray-1", "jinhua-jinhua", "stray-jinhua"],
            "viewer": ["jinhua-1", "jiaxing-1", "jinhua-viewer", "jiaxing-viewer"],
            "jiaxing": ["jiaxing-1", "jiaxing-jiaxing"],
        }


async def test_a_revoked_token_loses_its_stream_within_two_seconds(api: Api) -> None:
    token = await api.token()
    async with serving(api.app) as url, following(url, token) as stream:
        (row,) = await api.rows("select token_id from tokens")
        await revoke(api.connection, row["token_id"], now=datetime.now(UTC))
        assert await stream.next(within_s=3) is None


async def test_a_silent_stream_beats(api: Api) -> None:
    caller = Caller(token_id="t", name="t", role="operator", area_id=None)  # type: ignore[arg-type]
    sent: list[bytes] = []
    gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))
        if sent.count(b": beat\n\n") == 2:
            gone.set()

    stream = EventStream(api.parts.feed, caller, None, beat_s=0.05)
    async with asyncio.timeout(5):
        await stream({"type": "http"}, receive, send)
    assert api.parts.feed.open_streams == 0


async def test_a_slow_client_is_cut_and_holds_up_nobody(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "QUEUE", 5)
    monkeypatch.setattr(streams, "GOODBYE_S", 0.2)
    token = await api.token()
    big = await api.alert(alert_id="big", evidence={"text": "x" * 300_000})
    await api.parts.feed.poll()
    async with serving(api.app) as url, following(url, token) as quick:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as slow:
            slow.sendall(
                f"GET /api/v1/alerts/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
            )
            assert await until(lambda: api.parts.feed.open_streams == 2, within_s=5)
            seen = []
            for number in range(60):
                await api.happened(big, f"n{number}")
                event = await quick.next()
                assert event is not None
                seen.append(event.data["what"])
            assert seen == [f"n{number}" for number in range(60)]
            assert await until(lambda: api.parts.feed.open_streams == 1, within_s=10)


@pytest.mark.parametrize("word", ["7", "a-b", "-1-2", "1-2-3", "9" * 30 + "-1", "1_0-2"])
async def test_an_id_that_is_none_of_ours_is_422(api: Api, word: str) -> None:
    answer = await (await api.client()).get("/api/v1/alerts/stream", headers={"Last-Event-ID": word})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "header.Last-Event-ID"


async def test_an_id_from_the_future_of_a_restored_database_begins_now(api: Api) -> None:
    async with serving(api.app) as url, following(url, await api.token(), after="999999999-5") as stream:
        await api.alert(alert_id="a")
        assert [event.what for event in await stream.take(1)] == [("a", "opened")]
