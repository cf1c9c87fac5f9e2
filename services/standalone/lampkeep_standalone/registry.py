"""What the small commands and `up` ask of the registry: the community file, the accounts, the kind of database."""

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
    connection: AsyncConnection[DictRow], file: CommunityFile, *, now: datetime
) -> "Changes | None":
    """Apply the file that was given, unless it was the last one to be applied, by whichever command, just as it is.

    None where nothing was to be done. `connection` is in autocommit.
    """
    from lampkeep.registry.apply import applied_digest, apply  # noqa: PLC0415 - as above

    if await applied_digest(connection) == file.sha256:
        return None
    return await apply(connection, file.community, now=now, digest=file.sha256)


async def apply_demo_when_changed(
    connection: AsyncConnection[DictRow], file: CommunityFile, *, now: datetime
) -> "Changes | None":
    """Do the same with the demo's own community, which is remembered apart: it is no file that anybody gave.

    What is remembered is written last; a crash before it has the file applied once more, which changes nothing.
    """
    from lampkeep.registry.apply import apply  # noqa: PLC0415 - as above

    row = await (await connection.execute(QUERIES["demo_digest"])).fetchone()
    if row is not None and row["sha256"] == file.sha256:
        return None
    changes = await apply(connection, file.community, now=now)
    await connection.execute(QUERIES["remember_demo"], {"sha256": file.sha256})
    return changes


async def forget_demo(connection: AsyncConnection[DictRow]) -> None:
    """Have the demo's community applied at its next start: something removed what it does not name."""
    await connection.execute(QUERIES["forget_demo"])


async def accounts(connection: AsyncConnection[DictRow]) -> set[str]:
    """Every MQTT account that the registry knows."""
    rows = await (await connection.execute(QUERIES["accounts"])).fetchall()
    return {row["account"] for row in rows}


async def database_kind(connection: AsyncConnection[DictRow]) -> str:
    """`timescaledb` or `postgresql`."""
    row = await (await connection.execute(QUERIES["has_timescaledb"])).fetchone()
    return "timescaledb" if row is not None and row["present"] else "postgresql"
