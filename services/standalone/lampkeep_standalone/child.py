"""One child process: tied to our life, watched, and stopped by signals that grow firmer."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lampkeep_standalone.embedded import tether

TETHER = Path(tether.__file__)

STDERR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The user and group, by number, that a program runs as."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to start: `argv[0]` is an absolute path, `environment` replaces ours, `output` takes stdout and stderr.

    `at_our_death` is the signal that the kernel sends when we die, however we die. `account` needs root.
    """

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    folder: Path | None = None
    account: Account | None = None
    output: Path | None = None
    at_our_death: signal.Signals = signal.SIGKILL

    def tethered(self) -> list[str]:
        """The command line that starts `argv` through the tether."""
        uid, gid = (str(self.account.uid), str(self.account.gid)) if self.account else ("-", "-")
        tie = [str(os.getpid()), str(int(self.at_our_death)), uid, gid]
        return [sys.executable, "-I", "-S", str(TETHER), *tie, *self.argv]


class Child:
    """A running program. It has a session of its own, so that Ctrl-C in a terminal reaches us alone."""

    def __init__(self, command: Command) -> None:
        """Start `command` now; OSError when not even the tether can be started."""
        self.name = command.name
        output = command.output.open("ab") if command.output else None
        try:
            self._popen = subprocess.Popen(
                command.tethered(),
                stdin=subprocess.DEVNULL,
                # stdout carries the ready line of `up` and nothing else, so children share our stderr.
                stdout=output or STDERR,
                stderr=output or STDERR,
                cwd=command.folder,
                env=dict(command.environment),
                start_new_session=True,
            )
        finally:
            if output:
                output.close()

    @property
    def pid(self) -> int:
        """The process id; the tether's exec keeps it."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative is the signal that ended it."""
        return self._popen.poll()

    async def exited(self) -> int:
        """Wait for its end, whenever that is; the answer is the exit code."""
        if self._popen.poll() is None:
            await _readable(os.pidfd_open(self._popen.pid))
        return self._popen.wait()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program alone; nothing happens when it has ended."""
        self._popen.send_signal(number)

    async def stop(self, *steps: tuple[signal.Signals, float]) -> int:
        """Send each signal in turn and wait so many seconds for the end, then SIGKILL to the whole session."""
        for number, patience_s in steps:
            self.send(number)
            try:
                return await asyncio.wait_for(self.exited(), patience_s)
            except TimeoutError:
                continue
        if self._popen.poll() is None:
            os.killpg(self._popen.pid, signal.SIGKILL)
        return await self.exited()


async def _readable(descriptor: int) -> None:
    """Wait until a pidfd says that its process has ended; closes it."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
