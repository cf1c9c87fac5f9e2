"""Child processes of tests: started, awaited, read, and certainly ended.

A child gets a process group of its own, which is killed at the end of the `async with`, and by the reaper when the
whole session is killed. What it prints is kept and is shown beside a failing test.
"""

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Self

import httpx

from lampkeep_standalone.embedded.loopback import free_port
from support.processes_reaper import reaper

__all__ = ["ChildProcess", "DidNotStopError", "NotReadyError", "free_port", "run_process", "until"]

READY_WITHIN_S = 30.0
"""A service imports in 0.4 s and connects in less; the rest is for a busy machine."""

STOP_WITHIN_S = 10.0
"""What the contract grants every command after SIGTERM."""

KEPT_LINES = 5_000
"""Of a chatty child; the newest are kept."""


class NotReadyError(AssertionError):
    """The child ended, or said nothing of the kind in time; the message holds its last lines."""


class DidNotStopError(AssertionError):
    """The child outlived SIGTERM by more than it may."""


async def until(condition: Callable[[], bool], *, within_s: float, every_s: float = 0.02) -> bool:
    """Look again and again until `condition` holds; False where it did not in time. It must not block for long."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(every_s)
    return True


class ChildProcess:
    """A running child. `lines` holds what it printed to stdout and stderr, in order of arrival, without newlines."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        """Begin to read what `process` prints."""
        self.name = name
        self.lines: list[str] = []
        self._dropped = 0
        self._process = process
        self._printed = asyncio.Event()
        streams = [stream for stream in (process.stdout, process.stderr) if stream is not None]
        self._readers = [asyncio.create_task(self._read(stream)) for stream in streams]

    @classmethod
    async def start(
        cls, command: Sequence[str | Path], *, name: str, env: Mapping[str, str], folder: Path | None
    ) -> Self:
        """Start `command` with `env` added to our environment."""
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **env},
            cwd=folder,
            start_new_session=True,
            limit=1024 * 1024,
        )
        reaper().guard_group(process.pid)
        return cls(name, process)

    @property
    def pid(self) -> int:
        """The process id, also that of its group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative is the signal that ended it."""
        return self._process.returncode

    @property
    def output(self) -> str:
        """All that it printed so far."""
        return "\n".join(self.lines)

    async def wait_for_line(self, pattern: str, *, within_s: float = READY_WITHIN_S) -> re.Match[str]:
        """The first line, printed already or to come, in which `pattern` is found. Raises NotReadyError."""
        seen = 0
        try:
            async with asyncio.timeout(within_s):
                while True:
                    self._printed.clear()
                    for line in self.lines[max(0, seen - self._dropped) :]:
                        if found := re.search(pattern, line):
                            return found
                    seen = self._dropped + len(self.lines)
                    if self._silent():
                        raise NotReadyError(self._complaint(f"ended without printing {pattern!r}"))
                    await self._printed.wait()
        except TimeoutError:
            raise NotReadyError(self._complaint(f"did not print {pattern!r} within {within_s} s")) from None

    async def wait_until_ok(self, url: str, *, within_s: float = READY_WITHIN_S) -> None:
        """Wait until a GET of `url` (a `/readyz`) answers 200. Raises NotReadyError."""
        last = "nothing"
        try:
            async with asyncio.timeout(within_s), httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
                while True:
                    try:
                        answer = await client.get(url)
                        if answer.status_code == httpx.codes.OK:
                            return
                        last = f"{answer.status_code} {answer.text[:200]}"
                    except httpx.TransportError as error:
                        last = repr(error)
                    if self.exit_code is not None:
                        raise NotReadyError(self._complaint(f"ended before {url} answered"))
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise NotReadyError(self._complaint(f"{url} answered {last}, not 200, within {within_s} s")) from None

    async def wait(self, *, within_s: float) -> int:
        """Wait for its end; the answer is the exit code. Raises TimeoutError."""
        # the process's own wait() also waits for its pipes, which a grandchild may hold open
        if not await until(lambda: self.exit_code is not None, within_s=within_s):
            raise TimeoutError(f"{self.name} still runs after {within_s} s")
        await asyncio.wait(self._readers, timeout=0.2)
        assert self.exit_code is not None
        return self.exit_code

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the child alone; nothing happens when it has ended."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def kill(self) -> None:
        """SIGKILL to the child alone, and wait until it is gone: what `kill -9` of one service does."""
        self.send(signal.SIGKILL)
        await self.wait(within_s=5.0)

    async def stop(self, *, within_s: float = STOP_WITHIN_S) -> int:
        """SIGTERM, then wait; the answer is the exit code. Raises DidNotStopError."""
        self.send(signal.SIGTERM)
        try:
            return await self.wait(within_s=within_s)
        except TimeoutError:
            raise DidNotStopError(self._complaint(f"still runs {within_s} s after SIGTERM")) from None

    async def end(self) -> None:
        """Kill what is left of the group and stop reading."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        await self.wait(within_s=5.0)
        reaper().release_group(self.pid)
        await asyncio.wait(self._readers, timeout=1.0)
        for reader in self._readers:
            reader.cancel()
        self._process._transport.close()  # type: ignore[attr-defined]

    async def _read(self, stream: asyncio.StreamReader) -> None:
        while raw := await stream.readline():
            self.lines.append(raw.decode(errors="replace").rstrip("\n"))
            if len(self.lines) > KEPT_LINES:
                del self.lines[0]
                self._dropped += 1
            self._printed.set()
        self._printed.set()

    def _silent(self) -> bool:
        return all(reader.done() for reader in self._readers)

    def _complaint(self, what: str) -> str:
        return f"{self.name} {what}; exit code {self.exit_code}; its last lines:\n" + "\n".join(self.lines[-40:])


@asynccontextmanager
async def run_process(
    *command: str | Path,
    name: str | None = None,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
    ready_line: str | None = None,
    ready_url: str | None = None,
    ready_within_s: float = READY_WITHIN_S,
) -> AsyncIterator[ChildProcess]:
    """Run `command` until the block ends; inside, it is ready.

    Ready is a printed line in which the pattern `ready_line` is found, or a 200 from `ready_url`, or both. At the end
    the child gets SIGTERM and 10 s, as the contract has it, then its group is killed. Raises NotReadyError, and
    DidNotStopError where the block itself went well.
    """
    child = await ChildProcess.start(command, name=name or Path(command[0]).name, env=env or {}, folder=folder)
    try:
        if ready_line is not None:
            await child.wait_for_line(ready_line, within_s=ready_within_s)
        if ready_url is not None:
            await child.wait_until_ok(ready_url, within_s=ready_within_s)
        yield child
        if child.exit_code is None:
            await child.stop()
    finally:
        await child.end()
        # pytest shows what was printed here beside a test that failed
        sys.stderr.write(f"--- {child.name} (pid {child.pid}, exit code {child.exit_code})\n{child.output}\n")
