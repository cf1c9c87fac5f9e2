"""Ports: what dispatch needs of the outside, as protocols. Adapters live in the process that uses them.

Fakes are in `lampkeep.testing`, and one contract suite runs on both.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One notification on its way: the same id and meaning on each retry.

    `body` is the raw JSON. `wants_acceptance` asks for the peer's own word that it took the matter over (the emergency
    line); `urgent` is a `life` alert's, which shares no limit with anything else.
    """

    notification_id: UUID
    body: bytes
    wants_acceptance: bool = False
    urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The channel confirmed it; nobody has accepted anything by that."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Delivered, and the peer took the matter over under `reference`."""

    reference: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """It did not arrive, another time it may: not before `after`, where the peer asked for that."""

    reason: str
    after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """It will never arrive this way."""

    reason: str


Result = Delivered | Accepted | Retry | Final
"""What became of one attempt. `reason` is short, for records: no address, no name, no secret."""


class ChannelSpec(Protocol):
    """A channel object of the community file. A missing secret is the empty one."""

    @property
    def kind(self) -> str:
        """`webhook`."""
        ...

    @property
    def url(self) -> str:
        """Where to."""
        ...

    @property
    def secret(self) -> str:
        """What its requests are signed with."""
        ...


class Channel(Protocol):
    """One kind of way to a person."""

    async def send(self, notification: Outgoing, spec: ChannelSpec, *, timeout_s: float) -> Result:
        """Try once, within `timeout_s` seconds all in all.
        Never raises for anything that the peer, the network or the spec did: that is what the result says.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command to a device: `payload` is the raw JSON; the broker drops it after `expires_in_s` where it can."""

    account: str
    device_id: str
    payload: bytes
    expires_in_s: int


class DeviceCommands(Protocol):
    """The way down to devices."""

    async def send(self, command: Command, *, timeout_s: float) -> Result:
        """Hand the command to the broker; Delivered once it has acknowledged it. Never raises for the outside."""
        ...
