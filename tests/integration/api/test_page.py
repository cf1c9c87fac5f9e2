"""The plain page: three files of our own, locked in by its policy, that never make HTML of a name."""

import re

import pytest

from support.api import Api


async def test_the_page_brings_everything_itself_and_its_policy_allows_nothing_else(api: Api) -> None:
    client = await api.anybody()
    page = await client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert address == "data:," or (await client.get(address)).status_code == 200, address
    assert not re.search(r"<script>|<style| on\w+=| style=", page.text)


@pytest.mark.parametrize("name", ["page.js", "page.css", "index.html"])
async def test_nothing_is_fetched_from_elsewhere(api: Api, name: str) -> None:
    text = (await (await api.anybody()).get(f"/page/{name}")).text
    assert "http:" not in text
    assert "https:" not in text
    assert "//" not in re.sub(r"^\s*//.*$|; // .*$", "", text, flags=re.MULTILINE)


async def test_the_script_puts_nothing_on_the_page_but_text(api: Api) -> None:
    script = (await (await api.anybody()).get("/page/page.js")).text
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "localStorage",
    ):
        assert way not in script, way
