"""The control socket: for its owner, one run at a time, and deaf to noise."""

import asyncio
import socket
from pathlib import Path

import pytest

from lampkeep_sim.control import InUseError, listening, tell
from lampkeep_sim.errors import RunError, UsageError


def unknown(what: str) -> None:
    raise KeyError(what)


async def test_a_request_reaches_the_run_that_listens(tmp_path: Path) -> None:
    done: list[str] = []
    async with listening(tmp_path / "s", {"collapse": done.append}):
        await tell(tmp_path / "s", "collapse", "home-1")
    assert done == ["home-1"]


async def test_what_the_run_does_not_know_is_refused(tmp_path: Path) -> None:
    async with listening(tmp_path / "s", {"collapse": unknown}):
        with pytest.raises(UsageError, match="has no home-1"):
            await tell(tmp_path / "s", "collapse", "home-1")
        with pytest.raises(UsageError, match="not a request"):
            await tell(tmp_path / "s", "dance", "home-1")


async def test_noise_does_not_end_it(tmp_path: Path) -> None:
    done: list[str] = []
    async with listening(tmp_path / "s", {"collapse": done.append}) as path:
        for noise in (b"\xff\xfe\n", b"[]\n", b"x" * 10_000, b""):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(noise)
            writer.write_eof()
            await reader.read()
            writer.close()
            await writer.wait_closed()
        await tell(tmp_path / "s", "collapse", "home-1")
    assert done == ["home-1"]


async def test_only_one_run_listens_in_a_folder(tmp_path: Path) -> None:
    async with listening(tmp_path / "s", {}):
        with pytest.raises(InUseError):
            async with listening(tmp_path / "s", {}):
                pass
    async with listening(tmp_path / "s", {}):
        pass


async def test_a_socket_left_by_a_killed_run_is_taken_over(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    done: list[str] = []
    folder.mkdir(mode=0o700)
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(folder / "control.sock"))
    left.close()
    async with listening(folder, {"collapse": done.append}):
        await tell(folder, "collapse", "home-1")


async def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(UsageError, match="0700"):
        async with listening(folder, {}):
            pass


async def test_a_folder_deeper_than_a_sockets_path_may_be_is_used_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 110) / "数据"
    done: list[str] = []
    async with listening(folder, {"collapse": done.append}):
        await tell(folder, "collapse", "home-1")
        with pytest.raises(InUseError):
            async with listening(folder, {}):
                pass
    assert done == ["home-1"]
    assert list(folder.iterdir()) == []


async def test_nobody_listening_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no simulator runs"):
        await tell(tmp_path, "collapse", "home-1")
