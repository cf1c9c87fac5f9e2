"""Ends what a test session leaves behind, also when the session is killed.

Two halves. `Reaper` is the session's: it starts this file as a child in a session of its own and tells it, over a
pipe, what there is to end. The half in the script reads until the pipe closes, which it does however the session ends.
Then it kills the process groups that are still named and removes the containers that carry the session's label. Ryuk,
the container that testcontainers would use for this, needs an image registry.
"""

import functools
import os
import signal
import subprocess
import sys
import uuid
from contextlib import suppress

LABEL = "lampkeep.test-session"


class Reaper:
    """The session's half."""

    def __init__(self) -> None:
        """Start the other half; it lives until this process ends."""
        self.session = uuid.uuid4().hex
        self._child = subprocess.Popen(
            [sys.executable, "-P", __file__], stdin=subprocess.PIPE, start_new_session=True, text=True, bufsize=1
        )

    def guard_containers(self) -> dict[str, str]:
        """Labels for a container that must not outlive the session."""
        self._say(f"+session {self.session}")
        return {LABEL: self.session}

    def guard_group(self, group: int) -> None:
        """Name a process group, so that it is killed with the session."""
        self._say(f"+group {group}")

    def release_group(self, group: int) -> None:
        """The group has ended, and its number may soon be another's."""
        self._say(f"-group {group}")

    def close(self) -> None:
        """Say that the session is over and wait for the other half's work."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait(timeout=60)

    def _say(self, line: str) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(line + "\n")


@functools.cache
def reaper() -> Reaper:
    """The one of this session, started at its first use."""
    return Reaper()


def close_reaper() -> None:
    """End this session's reaper, if it was ever needed."""
    if reaper.cache_info().currsize:
        reaper().close()
        reaper.cache_clear()


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _remove_containers(session: str) -> None:
    import docker  # noqa: PLC0415 - only where there are containers to remove

    client = docker.from_env(timeout=30)
    try:
        for container in client.containers.list(all=True, filters={"label": f"{LABEL}={session}"}):
            with suppress(docker.errors.APIError):
                container.remove(force=True, v=True)
    finally:
        client.close()


def main() -> None:
    """Read until the session is gone, then end what is left of it."""
    # the session's Ctrl-C is for the session; its end is what counts here
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    left: set[str] = set()
    for line in sys.stdin:
        sign, named = line[0], line[1:].strip()
        (left.add if sign == "+" else left.discard)(named)
    for named in left:
        kind, _, value = named.partition(" ")
        if kind == "group":
            _kill_group(int(value))
    for named in left:
        kind, _, value = named.partition(" ")
        if kind == "session":
            _remove_containers(value)


if __name__ == "__main__":
    main()
