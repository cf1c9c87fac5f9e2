"""Addresses as people type them and as links show them."""

import asyncio

from lampkeep_standalone.embedded.loopback import LOOPBACK, free_port, why_not_free
from lampkeep_standalone.errors import UsageError

PATIENCE_S = 2.0
"""How long a taken port is tried again: what an `up` that was just killed left behind ends within milliseconds."""

_ANYWHERE = {"0.0.0.0": LOOPBACK, "::": "::1", "": LOOPBACK}  # noqa: S104 - to be replaced, not bound


def parse(text: str, *, option: str) -> tuple[str, int]:
    """`HOST:PORT` or `[IPV6]:PORT` as host and port. Raises UsageError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535:
        raise UsageError(f"{option}: {text!r} is not HOST:PORT with a port from 0 to 65535")
    return host.removeprefix("[").removesuffix("]"), int(port)


def shown(host: str, port: int) -> str:
    """`host:port` for links from this machine: an address that means all of them becomes loopback."""
    host = _ANYWHERE.get(host, host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bound(host: str, port: int) -> str:
    """`host:port` as a service is told to bind it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def without_credentials(url: str) -> str:
    """The URL as it may be shown: scheme, host, port and path. A query may hold a password, too."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    shown = authority.rpartition("@")[2] + slash + path
    return f"{scheme}://{shown.partition('?')[0].partition('#')[0]}"


async def claim(host: str, port: int, *, option: str) -> int:
    """The port to use: any free one for 0, else `port` itself. Raises UsageError when somebody has it."""
    if port == 0:
        return free_port()
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE_S
    while (why := why_not_free(host, port)) is not None:
        if loop.time() > deadline:
            raise UsageError(
                f"{option} {bound(host, port)}: {why.lower()}; free it, or choose another (0: any free one)"
            )
        await asyncio.sleep(0.1)
    return port
