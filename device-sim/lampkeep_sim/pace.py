"""Life at a speed: which wall-clock instant belongs to which instant of the simulated life."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

BEHIND_YIELD_EVERY = 50
"""A sender that is behind gives the loop a turn after this many messages, so that sockets keep being read."""


@dataclass(slots=True, kw_only=True)
class Pace:
    """Maps simulated instants to wall-clock ones: `wall_start` + (instant - `life_start`) / `speed`.

    Every `at` that leaves the simulator is mapped too, whatever the speed. A simulated afternoon that passes in a
    minute would otherwise lie hours in the future, where the contract does not believe it; so a fast life is a real
    one that is lived fast, by devices whose clocks are right. At speed 1, started now, the mapping changes nothing.
    """

    life_start: datetime
    wall_start: datetime
    speed: float = 1.0
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _origin_s: float = field(init=False)
    _behind: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._origin_s = self.monotonic()

    def wall(self, instant: datetime) -> datetime:
        """Return the wall-clock instant at which a simulated instant comes."""
        return self.wall_start + (instant - self.life_start) / self.speed

    def life(self) -> datetime:
        """Return the simulated instant that is now."""
        return self.life_start + timedelta(seconds=(self.monotonic() - self._origin_s) * self.speed)

    async def until(self, instant: datetime) -> None:
        """Return when a simulated instant has come; at once if it is past."""
        due_s = self._origin_s + (instant - self.life_start).total_seconds() / self.speed
        wait_s = due_s - self.monotonic()
        if wait_s > 0:
            self._behind = 0
            await self.sleep(wait_s)
            return
        self._behind += 1
        if self._behind % BEHIND_YIELD_EVERY == 0:
            await self.sleep(0)
