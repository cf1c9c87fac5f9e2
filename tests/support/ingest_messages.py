"""Builders for ingest's tests: messages as a broker delivers them, and a registry in memory."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lampkeep.domain.care_plan import BUILT_IN, CarePlan
from lampkeep.domain.home import Device
from lampkeep.domain.vocabulary import DeviceKind
from lampkeep_ingest.inbox import Received

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def body(type_: str = "door", message_id: str = "m1", **fields: Any) -> bytes:
    data = {"open": True} if type_ == "door" else {}
    return json.dumps({"v": 1, "id": message_id, "type": type_, "data": data} | fields).encode()


class NoInbox:
    """An inbox for messages that nobody acknowledges."""

    def acknowledge(self, messages: Iterable[Received]) -> None:
        del messages

    def comes_again(self, message: Received) -> bool:
        del message
        return False

    def publish(self, topic: str, payload: bytes, *, expires_in_s: int) -> bool:
        del topic, payload, expires_in_s
        return False


def received(
    topic: str,
    payload: bytes,
    *,
    at: datetime = NOW,
    now_s: float = 0.0,
    retained: bool = False,
    repeated: bool = False,
) -> Received:
    return Received(
        inbox=NoInbox(),
        topic=topic,
        payload=payload,
        size=len(payload),
        retained=retained,
        repeated=repeated,
        packet_id=1,
        connection=1,
        received_at=at,
        received_s=now_s,
    )


def device(
    device_id: str = "door-1",
    kind: DeviceKind = DeviceKind.DOOR,
    *,
    account: str = "gw-1",
    z2m: str | None = None,
    place: str | None = None,
) -> Device:
    return Device(
        device_id=device_id, home_id="home-1", account=account, kind=kind, registered_at=NOW, z2m=z2m, place=place
    )


@dataclass
class Known:
    """A registry of a few devices."""

    devices: list[Device] = field(default_factory=list)
    plan: CarePlan = BUILT_IN

    def device(self, device_id: str) -> Device | None:
        return next((one for one in self.devices if one.device_id == device_id), None)

    def device_by_z2m(self, account: str, name: str) -> Device | None:
        mine = [one for one in self.devices if one.account == account]
        return next((one for one in mine if name in {one.z2m, one.device_id}), None)

    def gateway_of(self, account: str) -> Device | None:
        mine = [one for one in self.devices if one.account == account]
        return next((one for one in mine if one.kind is DeviceKind.GATEWAY or one.device_id == account), None)

    def plan_for(self, home_id: str) -> CarePlan | None:
        del home_id
        return self.plan
