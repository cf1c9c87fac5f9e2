"""The sessions of a load run, and the two ways in which they send: as fast as the schedule says, or until a receipt."""

import asyncio
import itertools
import random
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

from lampkeep_sim.community import Community, DeviceSpec
from lampkeep_sim.device import Account
from lampkeep_sim.errors import RunError
from lampkeep_sim.fleet import Fleet
from lampkeep_sim.load.sent import Sent
from lampkeep_sim.message import Message, lane, topic
from lampkeep_sim.session import Link

CONNECT_WITHIN_S = 60.0


class Crowd:
    """All devices of a community on the air, each message of theirs on record. Message ids are new in every run."""

    def __init__(self, community: Community, link: Link) -> None:
        self.sent: list[Sent] = []
        self.link = link
        self.prefix = f"load-{secrets.token_hex(4)}"
        """Every message id of the run begins with this."""
        self._home_of = {device.device_id: home.home_id for home in community.homes for device in home.devices}
        self._numbers = itertools.count(1)
        self._presses: set[asyncio.Task[None]] = set()
        self._fleet = Fleet.of_devices(community.devices(), link, random.Random(1))
        devices = list(community.devices())
        self.pendants = [device for device in devices if device.kind == "pendant"]
        self.sensors = [device for device in devices if device.kind in _SAY]

    async def __aenter__(self) -> Self:
        """Connect every session; raises RunError if one does not come up in time."""
        await self._fleet.__aenter__()
        down = await self._fleet.connected(CONNECT_WITHIN_S)
        if down:
            await self._fleet.__aexit__()
            raise RunError(f"{down} of {len(self._fleet.accounts)} sessions did not come up in {CONNECT_WITHIN_S:g} s")
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Say goodbye on every session."""
        for press in self._presses:
            press.cancel()
        await asyncio.gather(*self._presses, return_exceptions=True)
        await self._fleet.__aexit__(*exc)

    def observe(self, device: DeviceSpec, intended_s: float) -> None:
        """Send one observation; its PUBACK is put on record."""
        record = self._record(device, intended_s, urgent=False)
        type_, content = _SAY[device.kind](len(self.sent))
        payload = Message(message_id=record.message_id, type=type_, content=content).encode()
        self._account(device).session.send(
            topic(device.account, device.device_id, lane(type_)), payload, on_ack=lambda _ack: _acknowledge(record)
        )

    def press(self, device: DeviceSpec, intended_s: float) -> None:
        """Send one SOS until its receipt comes, which is put on record."""
        record = self._record(device, intended_s, urgent=True)
        task = asyncio.create_task(self._press(device, record))
        self._presses.add(task)
        task.add_done_callback(self._presses.discard)

    @property
    def sessions(self) -> int:
        """How many MQTT sessions there are."""
        return len(self._fleet.accounts)

    async def settled(self, timeout_s: float) -> bool:
        """Wait until every send has its PUBACK and every press its receipt; False if not within `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        if self._presses:
            await asyncio.wait(self._presses, timeout=timeout_s)
        return await self._fleet.settled(max(0.0, deadline - time.monotonic())) and not self._presses

    async def _press(self, device: DeviceSpec, record: Sent) -> None:
        message = Message(message_id=record.message_id, type="sos")
        receipt = await self._account(device).urge(device.device_id, message, on_ack=lambda _ack: _acknowledge(record))
        if receipt is not None:
            record.receipted_s = time.monotonic()

    def _record(self, device: DeviceSpec, intended_s: float, *, urgent: bool) -> Sent:
        record = Sent(
            account=device.account,
            device_id=device.device_id,
            message_id=f"{self.prefix}-{next(self._numbers)}",
            home_id=self._home_of[device.device_id],
            urgent=urgent,
            intended_s=intended_s,
        )
        self.sent.append(record)
        return record

    def _account(self, device: DeviceSpec) -> Account:
        return self._fleet.accounts[device.account]


def spread(items: Sequence[DeviceSpec], number: int) -> DeviceSpec:
    """Return the item whose turn it is, all in turn."""
    return items[number % len(items)]


def _acknowledge(record: Sent) -> None:
    if record.acked_s is None:
        record.acked_s = time.monotonic()


_SAY: dict[str, Callable[[int], tuple[str, dict[str, Any]]]] = {
    "door": lambda number: ("door", {"open": number % 2 == 0}),
    "motion": lambda _number: ("motion", {"active": True}),
    "presence": lambda number: ("presence", {"occupied": number % 2 == 0}),
}
