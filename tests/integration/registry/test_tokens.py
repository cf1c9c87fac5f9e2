"""Tokens: made once, shown once, kept as a hash."""

import re
from datetime import timedelta

import pytest
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.registry.tokens import (
    TokenRole,
    UnknownTokenAreaError,
    UnknownTokenError,
    all_tokens,
    create,
    revoke,
    verify,
)
from support.registry import NOW, applied, rows

Connection = AsyncConnection[DictRow]


async def test_a_token_is_256_random_bits_and_only_its_hash_is_kept(connection: Connection) -> None:
    token, secret = await create(connection, name="desk", role=TokenRole.OPERATOR, area="*", now=NOW)
    assert re.fullmatch(r"lk_[A-Za-z0-9_-]{43}", secret)
    stored = str(await rows(connection, "select * from tokens"))
    assert secret not in stored
    assert secret[3:] not in stored
    assert await verify(connection, secret) == token
    assert (token.role, token.area_id, token.created_at) == (TokenRole.OPERATOR, None, NOW)


async def test_a_token_may_stand_for_one_area_that_exists(connection: Connection) -> None:
    with pytest.raises(UnknownTokenAreaError, match="jinhua"):
        await create(connection, name="desk", role=TokenRole.VIEWER, area="jinhua", now=NOW)
    await applied(connection)
    token, _ = await create(connection, name="desk", role=TokenRole.VIEWER, area="jinhua", now=NOW)
    assert token.area_id == "jinhua"


async def test_a_revoked_token_is_worthless_and_stays_in_the_list(connection: Connection) -> None:
    token, secret = await create(connection, name="desk", role=TokenRole.ADMIN, area="*", now=NOW)
    later = NOW + timedelta(hours=1)
    assert (await revoke(connection, token.token_id, now=later)).revoked_at == later
    assert (await revoke(connection, token.token_id, now=later + timedelta(hours=1))).revoked_at == later
    assert await verify(connection, secret) is None
    assert [one.revoked_at for one in await all_tokens(connection)] == [later]


async def test_an_unknown_token_cannot_be_revoked(connection: Connection) -> None:
    with pytest.raises(UnknownTokenError, match="t-1"):
        await revoke(connection, "t-1", now=NOW)


async def test_any_other_text_is_no_token(connection: Connection) -> None:
    await create(connection, name="desk", role=TokenRole.ADMIN, area="*", now=NOW)
    for secret in ("", "lk_", "lk_" + "x" * 43, "x" * 46, "lk_\udcff", "lk_\x00", "lk_" + "x" * 5000):
        assert await verify(connection, secret) is None
