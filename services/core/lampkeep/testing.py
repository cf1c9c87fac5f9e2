"""Fakes of the ports, so that tests of every part use the same; the contract suite in tests/ holds them to it."""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from lampkeep.ports import ChannelSpec, Command, Delivered, Outgoing, Result, Retry


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One attempt that a fake channel saw."""

    notification: Outgoing
    spec: ChannelSpec


class FakeChannel:
    """A channel in memory: answers what it was told to, in order, and Delivered after that.

    `hangs` makes it never answer: it then says Retry at the caller's limit, as a real one does.
    """

    def __init__(self, results: Iterable[Result] = (), *, hangs: bool = False) -> None:
        """Answer with `results`, one an attempt."""
        self.sent: list[Sent] = []
        self.results = deque(results)
        self.hangs = hangs

    async def send(self, notification: Outgoing, spec: ChannelSpec, *, timeout_s: float) -> Result:
        """Record the attempt and answer."""
        self.sent.append(Sent(notification=notification, spec=spec))
        if self.hangs:
            await asyncio.sleep(timeout_s)
            return Retry(reason="no answer in time")
        return self.results.popleft() if self.results else Delivered(reason="fake")


class FakeDeviceCommands:
    """Commands in memory."""

    def __init__(self, results: Iterable[Result] = ()) -> None:
        """Answer with `results`, one a command, then Delivered."""
        self.sent: list[Command] = []
        self.results = deque(results)

    async def send(self, command: Command, *, timeout_s: float) -> Result:
        """Record the command and answer."""
        del timeout_s
        self.sent.append(command)
        return self.results.popleft() if self.results else Delivered(reason="fake")
