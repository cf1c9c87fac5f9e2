"""One round through a person's channels: in order, the next at the first failure or at half of the budget unanswered.

Knows nothing of the database and nothing of the alert.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lampkeep.clock import Clock
from lampkeep.ports import Accepted, Channel, ChannelSpec, Delivered, Final, Outgoing, Result, Retry

ATTEMPT_S = 3.0
"""One attempt takes at most this long (contract section 5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try on one channel; `index` is the channel's place in the person's list."""

    index: int
    kind: str
    started_at: datetime
    ended_at: datetime
    result: Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What became of the round. `delivered_at` is the first confirmation, `reference` the peer's acceptance."""

    attempts: tuple[Attempt, ...]
    delivered_at: datetime | None = None
    reference: str | None = None

    @property
    def sent_at(self) -> datetime | None:
        """When the first attempt began."""
        return min((attempt.started_at for attempt in self.attempts), default=None)

    @property
    def patience(self) -> timedelta | None:
        """The longest wait that a peer asked for; None where none did."""
        asked = [one.result.after for one in self.attempts if isinstance(one.result, Retry) and one.result.after]
        return max(asked, default=None)

    def all_final(self, channels: int) -> bool:
        """Whether each of the `channels` that could be tried has refused for good."""
        return len({one.index for one in self.attempts if isinstance(one.result, Final)}) >= channels > 0


class Sweep:
    """A round in progress."""

    def __init__(
        self,
        outgoing: Outgoing,
        channels: Sequence[tuple[int, ChannelSpec]],
        *,
        adapters: Callable[[str], Channel | None],
        clock: Clock,
        half_s: float,
        may_start: Callable[[], bool],
    ) -> None:
        """`half_s` is when the next channel is tried beside one that has not answered; `may_start` is asked before
        each attempt, and a no ends the round: the claim has run out and another copy may be sending."""
        self._outgoing = outgoing
        self._waiting = list(channels)
        self._adapters = adapters
        self._clock = clock
        self._half_s = half_s
        self._may_start = may_start
        self._running: set[asyncio.Task[Attempt]] = set()
        self._attempts: list[Attempt] = []

    async def run(self) -> Swept:
        """Try until something arrived (or was accepted, where that is asked for) or nothing is left to try."""
        try:
            self._start_next()
            while self._running:
                timeout_s = self._half_s if self._waiting else None
                done, self._running = await asyncio.wait(
                    self._running, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
                )
                self._attempts += sorted((task.result() for task in done), key=lambda one: one.ended_at)
                if self._is_enough():
                    break
                self._start_next()
        finally:
            await self._abandon()
        return self._swept()

    def _is_enough(self) -> bool:
        wanted = Accepted if self._outgoing.wants_acceptance else Delivered | Accepted
        return any(isinstance(attempt.result, wanted) for attempt in self._attempts)

    def _start_next(self) -> None:
        if self._waiting and self._may_start():
            index, spec = self._waiting.pop(0)
            self._running.add(asyncio.create_task(self._try(index, spec)))
        elif self._waiting:
            self._waiting.clear()

    async def _try(self, index: int, spec: ChannelSpec) -> Attempt:
        started_at = self._clock.now()
        adapter = self._adapters(spec.kind)
        result: Result = Final(reason="no such kind of channel here")
        if adapter is not None:
            try:
                result = await adapter.send(self._outgoing, spec, timeout_s=ATTEMPT_S)
            except asyncio.CancelledError:
                result = Retry(reason="another channel was faster")
            except Exception as error:  # noqa: BLE001 - one broken adapter must not keep the next from being tried
                result = Retry(reason=f"broken: {type(error).__name__}")
        return Attempt(index=index, kind=spec.kind, started_at=started_at, ended_at=self._clock.now(), result=result)

    async def _abandon(self) -> None:
        for task in self._running:
            task.cancel()
        for outcome in await asyncio.gather(*self._running, return_exceptions=True):
            if isinstance(outcome, Attempt):
                self._attempts.append(outcome)

    def _swept(self) -> Swept:
        arrived = [one.ended_at for one in self._attempts if isinstance(one.result, Delivered | Accepted)]
        references = [one.result.reference for one in self._attempts if isinstance(one.result, Accepted)]
        return Swept(
            attempts=tuple(self._attempts),
            delivered_at=min(arrived, default=None),
            reference=references[0] if references and self._outgoing.wants_acceptance else None,
        )
