"""Recorded messages: one JSON object of the contract per line, each with `device`; written and played."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from lampkeep_sim.errors import UsageError
from lampkeep_sim.home import Happening


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One line: who said it, when (None where it does not say), and the object as it was, without `device`."""

    device_id: str
    at: datetime | None
    body: dict[str, Any]

    @property
    def type(self) -> str:
        """The message's type, empty where it has none."""
        return str(self.body.get("type", ""))

    @property
    def message_id(self) -> str:
        """The message's id, empty where it has none."""
        return str(self.body.get("id", ""))

    def moved(self, at: datetime | None, id_prefix: str = "") -> "Recorded":
        """Return the line with another instant, and its id behind a prefix."""
        body = dict(self.body)
        if at is not None:
            body["at"] = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if id_prefix and "id" in body:
            body["id"] = f"{id_prefix}{body['id']}"
        return replace(self, at=at, body=body)


class Rebase(StrEnum):
    """Which end of a recording is now; `none` sends every `at` as recorded."""

    NONE = "none"
    START = "start"
    END = "end"


def read(path: Path) -> list[Recorded]:
    """Read a recording, in the order of the file; raises UsageError naming file and line."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise UsageError(f"{path}: cannot read: {error.strerror}") from error
    return [_recorded(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def write(path: Path, happenings: Iterable[Happening]) -> int:
    """Write a recording and return how many lines it has."""
    count = 0
    with path.open("wb") as file:
        for count, happening in enumerate(happenings, start=1):  # noqa: B007 - the last count is the answer
            file.write(orjson.dumps({"device": happening.device_id, **happening.message.fields()}) + b"\n")
    return count


def timed(recording: Iterable[Recorded], now: datetime, rebase: Rebase) -> Iterator[tuple[timedelta, Recorded]]:
    """Yield (how long after the first line, line) in order of time; lines without `at` go with the line before them.

    With `START` the first `at` becomes `now`, with `END` the last one does.
    """
    placed: list[tuple[datetime, Recorded]] = []
    last: datetime | None = None
    for line in recording:
        last = line.at or last
        placed.append((last or now, line))
    placed.sort(key=lambda one: one[0])
    if not placed:
        return
    first, end = placed[0][0], placed[-1][0]
    shift = {Rebase.NONE: timedelta(0), Rebase.START: now - first, Rebase.END: now - end}[rebase]
    for at, line in placed:
        yield at - first, line.moved(at + shift if line.at and shift else line.at)


def _recorded(path: Path, number: int, line: bytes) -> Recorded:
    try:
        body = orjson.loads(line)
        device_id = body.pop("device")
        at = datetime.fromisoformat(body["at"]) if body.get("at") else None
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(f"{path}, line {number}: not a recorded message with `device`: {error}") from error
    if not isinstance(device_id, str) or (at is not None and at.tzinfo is None):
        raise UsageError(f"{path}, line {number}: `device` must be text and `at` must have an offset")
    return Recorded(device_id=device_id, at=at, body=body)
