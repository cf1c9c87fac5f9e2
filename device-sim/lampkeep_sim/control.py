"""How another command tells a running `lampkeep sim run` something: one line of JSON over a local socket.

The socket is a Unix one in a folder that only its owner may enter, so there is no port to guess and nothing to sign.
Requests are `{"do": "collapse", "what": "home-001"}`, answers `{"ok": true}` or `{"ok": false, "error": "…"}`.
"""

import asyncio
import os
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import orjson

from lampkeep_sim.errors import RunError, UsageError

Deed = Callable[[str], None]
"""What a request does with its `what`; KeyError means that there is no such thing here."""

ANSWER_WITHIN_S = 5.0
LINE_AT_MOST = 4096
SOCKET = "control.sock"


def default_state_dir() -> Path:
    """Return `LAMPKEEP_SIM_STATE_DIR`, else a folder of this user's in the runtime or temporary folder."""
    if given := os.environ.get("LAMPKEEP_SIM_STATE_DIR"):
        return Path(given)
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "lampkeep-sim" if runtime else Path(tempfile.gettempdir()) / f"lampkeep-sim-{os.getuid()}"


class InUseError(RunError):
    """Another run already listens there."""


@asynccontextmanager
async def listening(state_dir: Path, deeds: dict[str, Deed]) -> AsyncIterator[Path]:
    """Serve requests while the block runs; raises UsageError for a folder that will not do, InUseError."""
    path = state_dir / SOCKET
    _prepare(state_dir)
    if await _answers(state_dir):
        raise InUseError(f"another simulator runs with --state-dir {state_dir}")
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        with _short(state_dir) as short:
            door.bind(short)
        async with _serving(door, deeds):
            try:
                yield path
            finally:
                path.unlink(missing_ok=True)


@asynccontextmanager
async def _serving(door: socket.socket, deeds: dict[str, Deed]) -> AsyncIterator[None]:
    server = await asyncio.start_unix_server(
        lambda reader, writer: _serve(reader, writer, deeds), sock=door, limit=LINE_AT_MOST
    )
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


async def tell(state_dir: Path, do: str, what: str) -> None:
    """Send one request to the simulator that runs there; raises RunError if none does, UsageError if it says no."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            with _short(state_dir) as short:
                reader, writer = await asyncio.open_unix_connection(short)
            writer.write(orjson.dumps({"do": do, "what": what}) + b"\n")
            answer = orjson.loads(await reader.readline())
            writer.close()
            await writer.wait_closed()
    except (OSError, orjson.JSONDecodeError) as error:
        raise RunError(f"no simulator runs with --state-dir {state_dir}: start `lampkeep sim run`") from error
    if not answer["ok"]:
        raise UsageError(answer["error"])


@contextmanager
def _short(state_dir: Path) -> Iterator[str]:
    """The socket's path through an open descriptor of its folder: sun_path of Linux ends at 107 bytes, folders do not.

    Raises OSError where there is no such folder.
    """
    folder = os.open(state_dir, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET}"
    finally:
        os.close(folder)


def _prepare(state_dir: Path) -> None:
    """Make the folder, for its owner only; one that others may enter or own is refused."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = state_dir.stat(follow_symlinks=False)
    except OSError as error:
        raise UsageError(f"--state-dir: {error}") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise UsageError(f"--state-dir: {state_dir} must be a folder of yours that nobody else may enter (0700)")


async def _answers(state_dir: Path) -> bool:
    try:
        with _short(state_dir) as short:
            _, writer = await asyncio.open_unix_connection(short)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deeds: dict[str, Deed]) -> None:
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            line = await reader.readline()
            if line:
                writer.write(orjson.dumps(_answer(line, deeds)) + b"\n")
                await writer.drain()
    except (OSError, ValueError):
        pass  # whoever asked is gone, or said more than a line
    finally:
        writer.close()


def _answer(line: bytes, deeds: dict[str, Deed]) -> dict[str, object]:
    try:
        request = orjson.loads(line)
        deed, what = deeds[request["do"]], str(request["what"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return {"ok": False, "error": "not a request of this simulator"}
    try:
        deed(what)
    except KeyError:
        return {"ok": False, "error": f"this simulator has no {what}"}
    return {"ok": True}
