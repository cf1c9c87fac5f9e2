"""One of our own commands as a supervised part: `lampkeep ingest`, `dispatch`, `api`, `sim run`."""

import signal
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from lampkeep_standalone.child import Child, Command

STOP_WITHIN_S = 6.0
"""Time to finish what is in hand after SIGTERM (the API gives requests 5 s); broker and database need 3 of the
contract's 10."""


def command_line(*words: str) -> list[str]:
    """The command line of `lampkeep WORDS`, as it shows in a list of processes."""
    script = Path(sysconfig.get_path("scripts"), "lampkeep")
    if script.is_file():
        return [sys.executable, str(script), *words]
    return [sys.executable, "-m", "lampkeep_standalone", *words]


class Service:
    """A command that serves until it is told to stop."""

    def __init__(self, name: str, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        """`argv[0]` is an absolute path; `environment` is all that the command gets."""
        self.name = name
        self._command = Command(name=name, argv=argv, environment=environment)
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None when it was never started."""
        return self._child.pid if self._child else None

    async def start(self) -> None:
        """Start it; whether it can work shows on its `/readyz`."""
        self._child = Child(self._command)

    async def exited(self) -> int:
        """Wait for its end; the answer is its exit code."""
        assert self._child is not None
        return await self._child.exited()

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL after STOP_WITHIN_S: a service loses nothing by it, and comes to the same end."""
        if self._child is not None:
            await self._child.stop((signal.SIGTERM, STOP_WITHIN_S))
