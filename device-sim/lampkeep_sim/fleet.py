"""All accounts of a community on the air: who carries which device, and who is silent."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterable
from typing import Self

from lampkeep_sim.community import DeviceSpec
from lampkeep_sim.device import Account, OnCommand, Receipt
from lampkeep_sim.message import Message
from lampkeep_sim.session import Link

START_SPREAD_S = 0.002
"""Sessions start this far apart, 500 a second: a broker's listen queue is not what is being tested."""


class Fleet:
    """Accounts with their sessions. Sends by device id; unknown ids are a KeyError."""

    def __init__(self, accounts: Iterable[Account], link: Link) -> None:
        self.link = link
        self.accounts = {account.account: account for account in accounts}
        self._carrier = {device_id: account for account in self.accounts.values() for device_id in account.devices}
        self._lives: list[asyncio.Task[None]] = []
        self._presses: set[asyncio.Task[Receipt | None]] = set()
        self.silent: set[str] = set()

    @classmethod
    def of_devices(
        cls, devices: Iterable[DeviceSpec], link: Link, rng: random.Random, *, on_command: OnCommand | None = None
    ) -> Self:
        """Return a fleet with one session for each account of `devices`."""
        by_account: dict[str, list[DeviceSpec]] = defaultdict(list)
        for device in devices:
            by_account[device.account].append(device)
        accounts = (
            Account(account, specs, link, random.Random(rng.random()), on_command=on_command)
            for account, specs in by_account.items()
        )
        return cls(accounts, link)

    async def __aenter__(self) -> Self:
        """Start every session; they connect in the background."""
        for account in self.accounts.values():
            self._lives.append(asyncio.create_task(account.session.run()))
            await asyncio.sleep(START_SPREAD_S)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let urgent messages that wait for their receipts go, say goodbye on every session, and stop."""
        for press in self._presses:
            press.cancel()
        await asyncio.gather(*(account.session.close() for account in self.accounts.values()))
        for life in self._lives:
            life.cancel()
        await asyncio.gather(*self._lives, *self._presses, return_exceptions=True)

    async def connected(self, timeout_s: float) -> int:
        """Wait until every session is up, at most `timeout_s`; return how many are not."""
        waiting = [asyncio.create_task(account.session.up.wait()) for account in self.accounts.values()]
        if not waiting:
            return 0
        _, late = await asyncio.wait(waiting, timeout=timeout_s)
        for task in late:
            task.cancel()
        return len(late)

    def send(self, device_id: str, message: Message) -> None:
        """Send a message in its lane, an urgent one until its receipt; a silenced device sends nothing."""
        if device_id in self.silent:
            return
        account = self._carrier[device_id]
        if not message.urgent:
            account.observe(device_id, message)
            return
        press = asyncio.create_task(account.urge(device_id, message))
        self._presses.add(press)
        press.add_done_callback(self._presses.discard)

    def pending(self, device_id: str) -> int:
        """Return how many publishes of a device's session are not acknowledged yet."""
        return self._carrier[device_id].session.pending

    async def settled(self, timeout_s: float) -> bool:
        """Wait until every session has its acknowledgements and every press its receipt; False if not in time."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while any(account.session.pending for account in self.accounts.values()) or self._presses:
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(0.05)
        return True

    def silence(self, device_id: str) -> None:
        """Take a device off the air; KeyError if nobody carries it.

        One with a session of its own vanishes, so that the broker publishes its will. Of one behind a gateway the
        gateway says that it is gone, unless the device is the gateway itself: then everything behind it goes, too.
        """
        account = self._account(device_id)
        self.silent.add(device_id)
        if device_id == account.account:
            account.session.cut()
        else:
            account.announce(device_id, online=False)

    def wake(self, device_id: str) -> None:
        """Bring a silenced device back; KeyError if nobody carries it."""
        account = self._account(device_id)
        self.silent.discard(device_id)
        if device_id == account.account:
            account.session.mend()
        else:
            account.announce(device_id, online=True)

    def _account(self, device_id: str) -> Account:
        """Return who carries a device; a gateway that the file does not list is known by its account."""
        return self.accounts.get(device_id) or self._carrier[device_id]
