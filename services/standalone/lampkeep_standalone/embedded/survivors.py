"""PostgreSQL processes that still work in a cluster's folder after the one that started them has gone."""

import os
import signal
import time
from pathlib import Path

from lampkeep_standalone.errors import StandaloneError

PROC = Path("/proc")

LOOK_EVERY_S = 0.05


class SurvivorsError(StandaloneError):
    """Processes of an earlier run hold the folder and cannot be ended; the message names them."""


def working_in(folder: Path) -> list[int]:
    """Ids of PostgreSQL processes whose working directory is `folder`, as far as we may see them.

    A server and every one of its backends stand in its cluster's folder, also after the server itself was killed; a
    person's shell that stands there is not counted.
    """
    target = os.path.realpath(folder)
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit() and _stands_in(entry, target)]


def end_all(folder: Path, *, patience_s: float = 3.0) -> None:
    """Wait until nobody works in `folder`: first by themselves, then after SIGQUIT, then after SIGKILL.

    An orphaned server is on its way out already, told by the tether; SIGQUIT is PostgreSQL's immediate shutdown, from
    which it recovers by its log. Blocks; raises SurvivorsError after three times `patience_s`.
    """
    for number in (None, signal.SIGQUIT, signal.SIGKILL):
        if number is not None:
            _signal_all(working_in(folder), number)
        if _gone(folder, patience_s):
            return
    raise SurvivorsError(f"processes {working_in(folder)} still use {folder}: end them, then start again")


def _gone(folder: Path, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while working_in(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_EVERY_S)
    return True


def _signal_all(ids: list[int], number: signal.Signals) -> None:
    for process_id in ids:
        try:
            os.kill(process_id, number)
        except (ProcessLookupError, PermissionError):
            continue


def _stands_in(entry: Path, target: str) -> bool:
    try:
        # Magic links of the kernel, not paths to follow: a replaced program reads "postgres (deleted)".
        program = os.readlink(entry / "exe").rpartition("/")[2]  # noqa: PTH115
        return program.startswith("postgres") and os.readlink(entry / "cwd") == target  # noqa: PTH115
    except OSError:
        return False
