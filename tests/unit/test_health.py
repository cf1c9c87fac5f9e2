import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from lampkeep.health import Part, readiness, serve_health
from lampkeep.settings import SettingsError, load


@pytest.fixture
async def parts() -> dict[str, Part]:
    return {"database": Part(ok=True, state="timescaledb")}


@pytest.fixture
async def address(parts: dict[str, Part]) -> AsyncIterator[tuple[str, int]]:
    async with serve_health(load(http="127.0.0.1:0"), lambda: parts) as bound:
        yield bound


async def ask(address: tuple[str, int], request: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request.encode())
    async with asyncio.timeout(10):
        answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split()[1]), body


def get(path: str) -> str:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_it_is_alive_whatever_its_parts_say(address: tuple[str, int], parts: dict[str, Part]) -> None:
    parts["database"] = Part(ok=False, state="no connection")
    assert (await ask(address, get("/healthz")))[0] == 200


async def test_it_is_ready_while_every_part_is_and_names_each_state(
    address: tuple[str, int], parts: dict[str, Part]
) -> None:
    status, body = await ask(address, get("/readyz"))
    assert status == 200
    assert json.loads(body)["parts"]["database"] == {"ok": True, "state": "timescaledb"}
    parts["broker"] = Part(ok=False, state="no connection")
    status, body = await ask(address, get("/readyz?verbose"))
    assert status == 503
    assert json.loads(body)["parts"]["broker"] == {"ok": False, "state": "no connection"}


@pytest.mark.parametrize("http", ["192.0.2.1:0", "no-such-host.invalid:0", "a..b:0"])
async def test_an_address_where_nobody_can_listen_is_a_wrong_setting(http: str) -> None:
    with pytest.raises(SettingsError, match=f"^LAMPKEEP_HTTP: nobody can listen on {http}: ") as wrong:
        async with serve_health(load(http=http), dict):
            pass
    assert "\n" not in str(wrong.value)


async def test_metrics_are_prometheus_text(address: tuple[str, int]) -> None:
    status, body = await ask(address, get("/metrics"))
    assert status == 200
    assert "# HELP python_info" in body


async def test_other_pages_and_methods_are_refused(address: tuple[str, int]) -> None:
    assert (await ask(address, get("/")))[0] == 404
    assert (await ask(address, "POST /healthz HTTP/1.1\r\n\r\n"))[0] == 405
    assert await ask(address, "HEAD /healthz HTTP/1.1\r\n\r\n") == (200, "")


async def test_a_request_that_is_too_long_or_breaks_off_does_no_harm(address: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET /" + b"x" * 100_000)
    await reader.read()
    writer.close()
    _, writer = await asyncio.open_connection(*address)
    writer.close()
    assert (await ask(address, get("/healthz")))[0] == 200


def test_nothing_to_check_is_ready() -> None:
    assert readiness({})[0] == 200
