"""Bearer tokens: from the Authorization header to the caller. Asked of the database each time (one row by its hash), so
that a token which was revoked anywhere is refused at once."""

from dataclasses import dataclass

from lampkeep.registry import tokens
from lampkeep.registry.tokens import TokenRole
from lampkeep_api.auth.roles import ACT
from lampkeep_api.database import Connection, Database


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
    """Knows tokens, and keeps none."""

    def __init__(self, database: Database) -> None:
        """Ask `database`."""
        self._database = database

    async def caller(self, secret: str) -> Caller | None:
        """The holder of `secret`; None where it is no token, or a revoked one. Raises when the database is away."""

        async def verify(connection: Connection) -> tokens.Token | None:
            return await tokens.verify(connection, secret)

        token = await self._database.transact(verify)
        if token is None:
            return None
        return Caller(token_id=token.token_id, name=token.name, role=token.role, area_id=token.area_id)
