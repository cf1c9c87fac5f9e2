"""The one door to everything under `/api/v1`: a token that is known, and a role that may."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param

from lampkeep_api.auth.bearer import Caller
from lampkeep_api.auth.roles import TABLE, roles_of
from lampkeep_api.parts import Using
from lampkeep_api.problems import Problem, unauthorized

_scheme = HTTPBearer(auto_error=False, scheme_name="token", description="A token of `lampkeep token create`.")


async def guard(request: Request, parts: Using, _documented: Annotated[object, Depends(_scheme)]) -> Caller:
    """The caller, whose role may use the route; else the 401 or 403 problem."""
    kind, secret = get_authorization_scheme_param(request.headers.get("Authorization"))
    if kind.lower() != "bearer" or not secret:
        raise unauthorized("Send a token: `Authorization: Bearer <token>`.")
    caller = await parts.bearer.caller(secret)
    if caller is None:
        raise unauthorized("The token is not known, or was revoked.", error="invalid_token")
    roles = roles_of(request.method, request.scope["route"].path_format)
    if caller.role not in roles:
        allowed = sorted(role.value for role in roles)
        raise Problem(403, f"A token of role {caller.role} may not do this.", extra={"roles": allowed})
    return caller


Asking = Annotated[Caller, Depends(guard)]
"""An endpoint's parameter: `caller: Asking`."""


def check_table(routes: set[tuple[str, str]]) -> None:
    """Raise LookupError where the role table and the application's routes differ: nothing starts so."""
    if routes != set(TABLE):
        missing, spare = routes - set(TABLE), set(TABLE) - routes
        raise LookupError(f"role table: missing {sorted(missing)}, without a route {sorted(spare)}")
