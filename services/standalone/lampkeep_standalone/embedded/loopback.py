"""Free TCP ports on loopback, for parts that are told their port before they start."""

import random
import socket
from pathlib import Path

from lampkeep_standalone.errors import StandaloneError

LOOPBACK = "127.0.0.1"

EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")

LOWEST = 20_000
"""Below are the ports that programs of all kinds have by habit."""

ATTEMPTS = 200
"""Draws before giving up: with half of the range taken, all fail once in 2^200."""


class NoFreePortError(StandaloneError):
    """No free port was found on loopback."""


def free_port() -> int:
    """A port that nobody listens on, outside the range from which the kernel takes the near end of connections.

    Inside that range a client that keeps trying to reach a part which is just restarting can be given the part's own
    port, connect to itself, and keep the part from ever binding again.
    """
    highest = max(LOWEST + 1_000, _first_ephemeral() - 1)
    for _ in range(ATTEMPTS):
        port = random.randint(LOWEST, min(highest, 65_535))  # noqa: S311 - no secret
        if is_free(LOOPBACK, port):
            return port
    raise NoFreePortError(f"no free port between {LOWEST} and {highest} on {LOOPBACK}")


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen on `host:port` now; False also where the address is not ours."""
    return why_not_free(host, port) is None


def why_not_free(host: str, port: int) -> str | None:
    """The system's word on why nobody can listen on `host:port` (taken, not permitted, no such address), or None."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            return error.strerror or str(error)
    return None


def _first_ephemeral() -> int:
    try:
        return int(EPHEMERAL.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768
