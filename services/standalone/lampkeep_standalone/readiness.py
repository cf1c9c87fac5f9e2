"""Wait until services say that they can work."""

import asyncio
from collections.abc import Mapping

import httpx

from lampkeep_standalone.errors import StandaloneError, UsageError

READY_WITHIN_S = 60.0
"""A service is ready in a second; the rest is for a database that is still recovering."""

ASK_EVERY_S = 0.1

CONFIGURATION_ERROR = 2
"""Exit code of a command that was told something wrong (contract section 1)."""


async def wait_until_ready(addresses: Mapping[str, str], last_exit: Mapping[str, int]) -> None:
    """Ask each service's `/readyz` until all have answered 200; `addresses` is name → host:port.

    Raises UsageError when one has ended with a configuration error (its own line says which), StandaloneError when one
    is not ready in time, with what it last said.
    """
    async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
        said = dict.fromkeys(addresses, "nothing")
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await asyncio.gather(*(_wait(client, name, at, said, last_exit) for name, at in addresses.items()))
        except TimeoutError:
            missing = ", ".join(f"{name} ({answer})" for name, answer in said.items() if answer != "ready")
            raise StandaloneError(f"not ready within {READY_WITHIN_S:.0f} s: {missing}") from None


async def _wait(
    client: httpx.AsyncClient, name: str, at: str, said: dict[str, str], last_exit: Mapping[str, int]
) -> None:
    while said[name] != "ready":
        if last_exit.get(name) == CONFIGURATION_ERROR:
            raise UsageError(f"{name} refuses its settings: see its line above")
        said[name] = await _ask(client, at)
        await asyncio.sleep(ASK_EVERY_S)


async def _ask(client: httpx.AsyncClient, at: str) -> str:
    try:
        answer = await client.get(f"http://{at}/readyz")
    except httpx.HTTPError as error:
        return type(error).__name__
    return "ready" if answer.status_code == httpx.codes.OK else answer.text.strip()[:300]
