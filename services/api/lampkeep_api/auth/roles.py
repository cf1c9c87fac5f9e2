"""Who may do what: every route of the API and the roles that may use it, in one table.

`responder` tokens exist and open nothing here: a responder acts through the link that was sent to them. `supervisor`
may what `operator` may, `auditor` sees what `viewer` sees; reports and audits that tell them apart come later.
"""

from collections.abc import Mapping

from lampkeep.registry.tokens import TokenRole

Route = tuple[str, str]
"""Method and path template."""

PUBLIC: frozenset[TokenRole] | None = None
"""No token is asked for."""

WRITE = frozenset({TokenRole.ADMIN})
ACT = WRITE | {TokenRole.SUPERVISOR, TokenRole.OPERATOR}
"""Operator and above: they also see alerts without a home, telephone numbers and notes."""

READ = ACT | {TokenRole.VIEWER, TokenRole.AUDITOR}

_ALERT = "/api/v1/alerts/{alert_id}"

TABLE: Mapping[Route, frozenset[TokenRole] | None] = {
    ("GET", "/"): PUBLIC,
    ("GET", "/page/{name}"): PUBLIC,
    ("GET", "/a/{token}"): PUBLIC,
    ("POST", "/a/{token}"): PUBLIC,
    ("GET", "/healthz"): PUBLIC,
    ("GET", "/readyz"): PUBLIC,
    ("GET", "/metrics"): PUBLIC,
    ("GET", "/api/openapi.json"): PUBLIC,
    ("GET", "/api/v1/alerts"): READ,
    ("GET", "/api/v1/alerts/stream"): READ,
    ("GET", _ALERT): READ,
    ("GET", f"{_ALERT}/timeline"): READ,
    ("POST", f"{_ALERT}/acknowledge"): ACT,
    ("POST", f"{_ALERT}/on-the-way"): ACT,
    ("POST", f"{_ALERT}/on-scene"): ACT,
    ("POST", f"{_ALERT}/resolve"): ACT,
    ("POST", f"{_ALERT}/cancel"): ACT,
    ("POST", f"{_ALERT}/escalate"): ACT,
    ("POST", f"{_ALERT}/confirm-emergency"): ACT,
    ("POST", f"{_ALERT}/notes"): ACT,
    ("GET", "/api/v1/homes"): READ,
    ("GET", "/api/v1/homes/{home_id}"): READ,
    ("GET", "/api/v1/homes/{home_id}/activity"): READ,
    ("PUT", "/api/v1/homes/{home_id}"): WRITE,
    ("DELETE", "/api/v1/homes/{home_id}"): WRITE,
    ("GET", "/api/v1/devices"): READ,
    ("GET", "/api/v1/devices/{device_id}"): READ,
    ("PUT", "/api/v1/devices/{device_id}"): WRITE,
    ("DELETE", "/api/v1/devices/{device_id}"): WRITE,
    ("GET", "/api/v1/responders"): READ,
    ("GET", "/api/v1/responders/{responder_id}"): READ,
    ("PUT", "/api/v1/responders/{responder_id}"): WRITE,
    ("DELETE", "/api/v1/responders/{responder_id}"): WRITE,
    ("GET", "/api/v1/areas"): READ,
    ("GET", "/api/v1/rosters/{area_id}/now"): READ,
    ("GET", "/api/v1/plans"): READ,
    ("GET", "/api/v1/plans/{plan_id}"): READ,
    ("PUT", "/api/v1/plans/{plan_id}"): WRITE,
    ("DELETE", "/api/v1/plans/{plan_id}"): WRITE,
    ("GET", "/api/v1/policies"): READ,
    ("GET", "/api/v1/policies/{policy_id}"): READ,
    ("PUT", "/api/v1/policies/{policy_id}"): WRITE,
    ("DELETE", "/api/v1/policies/{policy_id}"): WRITE,
}


def roles_of(method: str, template: str) -> frozenset[TokenRole]:
    """The roles that may use a route behind the token check.

    Raises KeyError for a route that is not in the table and LookupError for a public one: neither may be reached.
    """
    roles = TABLE[method, template]
    if roles is None:
        raise LookupError(f"{method} {template} is public")
    return roles
