"""The operator token of the ready line: the same one at every start, while it is good."""

from datetime import datetime
from pathlib import Path

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.registry import tokens
from lampkeep_standalone import private_file

NAME = "lampkeep up"


async def keep(connection: AsyncConnection[DictRow], file: Path, *, now: datetime) -> str:
    """The operator token for all areas that stands in `file` (mode 0600), or a new one where none does.

    A token that was revoked, or that this database does not know, is replaced. The caller commits.
    """
    secret = (private_file.read(file) or "").strip()
    known = await tokens.verify(connection, secret)
    if known is not None and known.revoked_at is None:
        return secret
    _, secret = await tokens.create(connection, name=NAME, role=tokens.TokenRole.OPERATOR, area="*", now=now)
    private_file.write(file, secret + "\n")
    return secret
