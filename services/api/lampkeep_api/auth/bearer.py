"""Bearer tokens: from the Authorization header to the caller, through a cache short enough for revocation to hold."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from lampkeep.registry import tokens
from lampkeep.registry.tokens import TokenRole
from lampkeep_api.auth.roles import ACT
from lampkeep_api.database import Connection, Database

CACHE_S = 1.0
"""How long a verified token is believed: a revoked one is refused after this at the latest."""

CACHE_SIZE = 1_000
"""Tokens remembered at once; beyond that the oldest answer is asked for again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is asking. `area_id` None is all areas."""

    token_id: str
    name: str
    role: TokenRole
    area_id: str | None

    @property
    def is_operator(self) -> bool:
        """Operator or above: sees alerts without a home, telephone numbers and notes, and may act."""
        return self.role in ACT

    @property
    def scope(self) -> dict[str, str | bool | None]:
        """The parameters `scope` and `homeless` that every query with an area scope takes."""
        return {"scope": self.area_id, "homeless": self.is_operator}


class Bearer:
    """Knows tokens. Only their hashes are kept in memory."""

    def __init__(self, database: Database, monotonic: Callable[[], float]) -> None:
        """Ask `database`; `monotonic` gives seconds."""
        self._database = database
        self._monotonic = monotonic
        self._known: dict[bytes, tuple[Caller | None, float]] = {}

    async def caller(self, secret: str) -> Caller | None:
        """The holder of `secret`; None where it is no token, or a revoked one. Raises when the database is away."""
        key = sha256(secret.encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(key)
        now = self._monotonic()
        if known is not None and now < known[1]:
            return known[0]
        caller = await self._ask(secret)
        self._known.pop(key, None)
        while len(self._known) >= CACHE_SIZE:
            del self._known[next(iter(self._known))]
        self._known[key] = (caller, now + CACHE_S)
        return caller

    async def _ask(self, secret: str) -> Caller | None:
        async def verify(connection: Connection) -> tokens.Token | None:
            return await tokens.verify(connection, secret)

        token = await self._database.transact(verify)
        if token is None:
            return None
        return Caller(token_id=token.token_id, name=token.name, role=token.role, area_id=token.area_id)
