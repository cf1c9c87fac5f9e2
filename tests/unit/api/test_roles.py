"""The role table as a whole: every row, who may and who may not."""

import pytest

from lampkeep.registry.tokens import TokenRole
from lampkeep_api.auth.guard import check_table
from lampkeep_api.auth.roles import ACT, PUBLIC, READ, TABLE, WRITE, roles_of

READS = {
    "/api/v1/alerts",
    "/api/v1/alerts/stream",
    "/api/v1/alerts/{alert_id}",
    "/api/v1/alerts/{alert_id}/timeline",
    "/api/v1/homes",
    "/api/v1/homes/{home_id}",
    "/api/v1/homes/{home_id}/activity",
    "/api/v1/devices",
    "/api/v1/devices/{device_id}",
    "/api/v1/responders",
    "/api/v1/responders/{responder_id}",
    "/api/v1/areas",
    "/api/v1/rosters/{area_id}/now",
    "/api/v1/plans",
    "/api/v1/plans/{plan_id}",
    "/api/v1/policies",
    "/api/v1/policies/{policy_id}",
}


def test_the_kinds_of_routes_are_these_and_no_others() -> None:
    kinds = {
        roles: {route for route, allowed in TABLE.items() if allowed == roles} for roles in (READ, ACT, WRITE, PUBLIC)
    }
    assert kinds[READ] == {("GET", path) for path in READS}
    assert {method for method, _ in kinds[ACT]} == {"POST"}
    assert all(path.startswith("/api/v1/alerts/{alert_id}/") for _, path in kinds[ACT])
    assert len(kinds[ACT]) == 8
    objects = {"homes/{home_id}", "devices/{device_id}", "responders/{responder_id}", "plans/{plan_id}"}
    objects |= {"policies/{policy_id}"}
    assert kinds[WRITE] == {(method, f"/api/v1/{path}") for method in ("PUT", "DELETE") for path in objects}
    assert not any(path.startswith("/api/v1") for _, path in kinds[PUBLIC])
    assert sum(map(len, kinds.values())) == len(TABLE)


@pytest.mark.parametrize(
    ("role", "reads", "acts", "writes"),
    [
        (TokenRole.ADMIN, True, True, True),
        (TokenRole.SUPERVISOR, True, True, False),
        (TokenRole.OPERATOR, True, True, False),
        (TokenRole.VIEWER, True, False, False),
        (TokenRole.AUDITOR, True, False, False),
        (TokenRole.RESPONDER, False, False, False),
    ],
)
def test_each_role_may_what_it_should(role: TokenRole, reads: bool, acts: bool, writes: bool) -> None:
    assert (role in READ, role in ACT, role in WRITE) == (reads, acts, writes)


def test_every_role_of_the_contract_is_decided() -> None:
    assert {role.value for role in TokenRole} == {"admin", "supervisor", "operator", "viewer", "responder", "auditor"}


def test_a_route_that_is_not_in_the_table_or_only_in_it_stops_the_start() -> None:
    check_table(set(TABLE))
    with pytest.raises(LookupError, match="/api/v1/new"):
        check_table({*TABLE, ("GET", "/api/v1/new")})
    with pytest.raises(LookupError, match="without a route"):
        check_table(set(TABLE) - {("GET", "/healthz")})


def test_the_door_opens_for_no_route_that_is_unknown_or_public() -> None:
    with pytest.raises(KeyError):
        roles_of("GET", "/api/v1/new")
    with pytest.raises(LookupError):
        roles_of("GET", "/healthz")
