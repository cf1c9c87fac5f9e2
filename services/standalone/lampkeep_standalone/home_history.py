"""Where `lampkeep baseline` and `commission` hear a home from: the database, or a recording with its community.

Both know the home by its id, and end in a UsageError where there is none.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.contracts.community import Community, homes_for_domain, read_file
from lampkeep.domain.care_plan import CarePlan
from lampkeep.domain.home import Home
from lampkeep.domain.home_state import Reading
from lampkeep.registry import objects
from lampkeep.registry.context import load_home_context
from lampkeep.replay.lines import Urgent
from lampkeep.replay.recording import Recording
from lampkeep_standalone.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A recording and its community; without them the database of `data_dir`, or of the settings."""

    data_dir: Path | None = None
    file: Path | None = None
    community: Path | None = None

    def __post_init__(self) -> None:
        """Refuse half a recording, and two sources at once."""
        if (self.file is None) != (self.community is None):
            raise UsageError("--file and --community belong together: a recording, and the community that it is of")
        if self.file is not None and self.data_dir is not None:
            raise UsageError("--file and --data-dir: a home is read from a recording or from the database, not both")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A home with its plan; `rules` are those of the plan as they are spelled."""

    home: Home
    plan: CarePlan
    rules: dict[str, Any]
    zone: ZoneInfo


def known_in(path: Path, home_id: str) -> Known:
    """The home of a community file. Raises CommunityError, and UsageError where there is no such home."""
    community: Community = read_file(path)
    for home, plan in homes_for_domain(community, registered_at=_LONG_AGO):
        if home.home_id == home_id:
            body = next(spec.body() for spec in community.plans if spec.id == plan.plan_id)
            return Known(home=home, plan=plan, rules=body["rules"], zone=community.zone)
    raise UsageError(f"--home {home_id}: {path} has no such home")


async def known_to(connection: AsyncConnection[DictRow], home_id: str) -> Known:
    """The home of the registry. Raises UsageError where there is no such home."""
    context = await load_home_context(connection, home_id)
    stored = None if context is None else await objects.get(connection, objects.Kind.PLAN, context.plan.plan_id)
    if context is None or stored is None:
        raise UsageError(f"--home {home_id}: there is no such home")
    return Known(home=context.home, plan=context.plan, rules=stored.body["rules"], zone=context.reach.zone)


@contextmanager
def recorded(file: Path, home: Home) -> Iterator[Iterator[tuple[datetime, Reading | Urgent]]]:
    """What devices of `home` say in a recording, in order; what is left out is told on stderr. Raises UsageError."""
    ours = {device.device_id for device in home.devices}
    try:
        with file.open("rb") as lines:
            recording = Recording(lines, _to_stderr)
            yield ((at, said) for at, said in recording if said.device_id in ours)
            recording.report_end({})
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise UsageError(f"{file}: {error.strerror}") from error


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr)


_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
