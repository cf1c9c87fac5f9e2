"""API tokens: made once, shown once, kept as SHA-256.

A token is "lk_" and 43 url-safe characters, 256 random bits: a slow hash would protect nothing more. The caller
owns the transaction.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.db.queries import load

_QUERIES = load("lampkeep.registry", "tokens.sql")


class TokenRole(StrEnum):
    """What the holder of a token may do (contract section 6); the API's role table says it route by route."""

    ADMIN = "admin"
    SUPERVISOR = "supervisor"
    OPERATOR = "operator"
    VIEWER = "viewer"
    RESPONDER = "responder"
    AUDITOR = "auditor"


class UnknownTokenError(Exception):
    """There is no such token."""


class UnknownTokenAreaError(Exception):
    """A token was asked for in an area that does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is known of a token; `area_id` None is all areas. The secret itself is nowhere."""

    token_id: str
    name: str
    role: TokenRole
    area_id: str | None
    created_at: datetime
    revoked_at: datetime | None = None


async def create(
    connection: AsyncConnection[DictRow], *, name: str, role: TokenRole, area: str, now: datetime
) -> tuple[Token, str]:
    """Make a token for `area` ('*': all areas) and return it with its secret, which is never seen again.

    Raises UnknownTokenAreaError where no such area is registered.
    """
    secret = "lk_" + secrets.token_urlsafe(32)
    token = Token(
        token_id="t-" + secrets.token_hex(6),
        name=name,
        role=role,
        area_id=None if area == "*" else area,
        created_at=now,
    )
    made = await connection.execute(
        _QUERIES["insert_token"],
        {
            "token_id": token.token_id,
            "name": name,
            "role": role.value,
            "area_id": token.area_id,
            "sha256": _hash(secret),
            "created_at": now,
        },
    )
    if made.rowcount == 0:
        raise UnknownTokenAreaError(f"no area {area!r}: apply a community file that has it, or use '*' for all areas")
    return token, secret


async def all_tokens(connection: AsyncConnection[DictRow]) -> list[Token]:
    """Every token, revoked ones too, oldest first."""
    rows = await (await connection.execute(_QUERIES["all_tokens"])).fetchall()
    return [_token(row) for row in rows]


async def revoke(connection: AsyncConnection[DictRow], token_id: str, *, now: datetime) -> Token:
    """Make a token worthless from now on; one that is so already stays as it is. Raises UnknownTokenError."""
    cursor = await connection.execute(_QUERIES["revoke_token"], {"token_id": token_id, "now": now})
    row = await cursor.fetchone()
    if row is None:
        raise UnknownTokenError(f"no token {token_id!r}")
    return _token(row)


async def verify(connection: AsyncConnection[DictRow], secret: str) -> Token | None:
    """The token whose secret this is; None for any other text, and for a revoked one."""
    if not secret.startswith("lk_") or len(secret) > 64:
        return None
    cursor = await connection.execute(_QUERIES["token_by_hash"], {"sha256": _hash(secret)})
    row = await cursor.fetchone()
    return _token(row) if row else None


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _token(row: dict[str, Any]) -> Token:
    return Token(
        token_id=row["token_id"],
        name=row["name"],
        role=TokenRole(row["role"]),
        area_id=row["area_id"],
        created_at=row["created_at"],
        revoked_at=row["revoked_at"],
    )
