"""What the small commands and `up` ask of the registry: the community file, the accounts, the kind of database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.db.queries import load

if TYPE_CHECKING:
    from lampkeep.contracts.community import Community
    from lampkeep.registry.changes import Changes

QUERIES = load("lampkeep_standalone")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunityFile:
    """A community file that was read and found right; `sha256` is its content's, in hex."""

    community: "Community"
    sha256: str


def read_community(path: Path) -> CommunityFile:
    """Read and check a community file. Raises CommunityError, each of whose lines names file, line and field."""
    from lampkeep.contracts.community.parse import bytes_of, digest, parse  # noqa: PLC0415 - slow to import

    content = bytes_of(path)
    return CommunityFile(community=parse(content, str(path)), sha256=digest(content))


async def apply_when_changed(
    connection: AsyncConnection[DictRow], files: Sequence[CommunityFile], *, now: datetime
) -> "list[Changes]":
    """Apply the files one after the other, unless they were applied last just as they are; then nothing changes.

    `connection` is in autocommit. What is remembered is written with the last file, so that half of them is no whole.
    """
    from lampkeep.registry.apply import applied_digest, apply  # noqa: PLC0415 - as above

    digest = " ".join(file.sha256 for file in files)
    if not files or await applied_digest(connection) == digest:
        return []
    *first, last = files
    changes = [await apply(connection, file.community, now=now) for file in first]
    return [*changes, await apply(connection, last.community, now=now, digest=digest)]


async def accounts(connection: AsyncConnection[DictRow]) -> set[str]:
    """Every MQTT account that the registry knows."""
    rows = await (await connection.execute(QUERIES["accounts"])).fetchall()
    return {row["account"] for row in rows}


async def database_kind(connection: AsyncConnection[DictRow]) -> str:
    """`timescaledb` or `postgresql`."""
    row = await (await connection.execute(QUERIES["has_timescaledb"])).fetchone()
    return "timescaledb" if row is not None and row["present"] else "postgresql"
