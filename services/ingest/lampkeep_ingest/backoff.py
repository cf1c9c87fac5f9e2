"""Waiting longer after each failure, with full jitter, so that copies do not knock at one instant."""

import asyncio
import random


class Backoff:
    """Waits between 0 and a bound that doubles from `first_s` to `longest_s`."""

    def __init__(self, *, first_s: float, longest_s: float) -> None:
        self._first_s, self._longest_s = first_s, longest_s
        self.failures = 0

    def reset(self) -> None:
        """It went well."""
        self.failures = 0

    async def wait(self) -> None:
        """After a failure."""
        bound_s = min(self._longest_s, self._first_s * 2 ** min(self.failures, 16))
        self.failures += 1
        await asyncio.sleep(random.uniform(bound_s / 2, bound_s))  # noqa: S311 - jitter is no secret
