"""From rows of the registry's tables to values of the domain."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lampkeep.contracts.community.values import plan_value, policy_value, suspension_values
from lampkeep.domain.care_plan import CarePlan
from lampkeep.domain.home import Device, Home
from lampkeep.domain.vocabulary import DeviceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A way to tell a responder. `secret` never goes into a log; an absent one signs as the empty text."""

    kind: str
    url: str
    secret: str = ""

    def __repr__(self) -> str:
        """Without the address's path and the secret, both of which may be keys."""
        return f"Channel(kind={self.kind!r})"


def channels_from(bodies: Iterable[Mapping[str, Any]]) -> tuple[Channel, ...]:
    """`responders.channels` in its order."""
    return tuple(Channel(kind=body["kind"], url=body["url"], secret=body.get("secret", "")) for body in bodies)


def device_from(row: Mapping[str, Any]) -> Device:
    """A row of `devices`."""
    return Device(
        device_id=row["device_id"],
        home_id=row["home_id"],
        account=row["account"],
        kind=DeviceKind(row["kind"]),
        registered_at=row["registered_at"],
        place=row["place"],
        z2m=row["z2m"],
        heartbeat_every=row["heartbeat_every"],
    )


def home_from(row: Mapping[str, Any], devices: Iterable[Device]) -> Home:
    """A row of `homes` and its devices."""
    return Home(
        home_id=row["home_id"],
        area_id=row["area_id"],
        plan_id=row["plan_id"],
        registered_at=row["registered_at"],
        emergency_consent=row["emergency_consent"],
        devices=tuple(devices),
        suspensions=suspension_values(row["suspend"]),
    )


def plan_from(row: Mapping[str, Any]) -> CarePlan:
    """A row of the query `changed_plans` or its like: the plan with the bodies of the policies that it names."""
    policies = {policy_id: policy_value(policy_id, body) for policy_id, body in (row["policies"] or {}).items()}
    return plan_value(row["plan_id"], row["body"], policies)
