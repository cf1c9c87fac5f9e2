"""When to send: fixed before a run, and kept whatever the answers do."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

TICK_S = 0.001
"""The generator wakes at most this often and sends all that is due; at 10,000 a second that is ten at a time."""


def constant(rate: float, duration_s: float) -> list[float]:
    """Return offsets at a constant rate per second, from 0 up to `duration_s`."""
    return [number / rate for number in range(int(rate * duration_s))]


def poisson(rate: float, duration_s: float, seed: int) -> list[float]:
    """Return offsets of a Poisson process with `rate` per second, up to `duration_s`."""
    rng = random.Random(f"{seed}/poisson")
    offsets: list[float] = []
    at = rng.expovariate(rate)
    while at < duration_s:
        offsets.append(at)
        at += rng.expovariate(rate)
    return offsets


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorAudit:
    """How late the generator itself was (seconds, one per send), and the share of one core it used."""

    lateness_s: Sequence[float]
    cpu_share: float

    def p99_s(self) -> float:
        """Return the 99th percentile of the lateness."""
        found = sorted(self.lateness_s)
        return found[min(len(found) - 1, int(0.99 * len(found)))] if found else 0.0

    def objections(self, reported_p99_s: float) -> list[str]:
        """Return why a result whose p99 is `reported_p99_s` is void; empty if it stands.

        The bounds are those of the measurement protocol: lateness above a fifth of what is reported, or more than a
        quarter of a core (on two cores that generator, broker, services and database share).
        """
        found = []
        if self.p99_s() > 0.2 * reported_p99_s:
            found.append(
                f"generator p99 lateness {self.p99_s() * 1e3:.1f} ms of {reported_p99_s * 1e3:.1f} ms reported"
            )
        if self.cpu_share > 0.25:
            found.append(f"generator used {self.cpu_share:.0%} of a core")
        return found


async def send_all(offsets: Sequence[float], send: Callable[[int, float], None]) -> GeneratorAudit:
    """Call `send(number, intended)` for each offset at its time, `intended` being a monotonic instant in seconds.

    `send` must not block. A late one is sent at once and keeps its intended instant.
    """
    cpu, origin = time.process_time(), time.monotonic()
    late: list[float] = []
    number, count = 0, len(offsets)
    while number < count:
        now = time.monotonic()
        while number < count and origin + offsets[number] <= now:
            intended = origin + offsets[number]
            late.append(time.monotonic() - intended)
            send(number, intended)
            number += 1
        if number < count:
            await asyncio.sleep(max(TICK_S, origin + offsets[number] - time.monotonic()))
    spent = max(1e-9, time.monotonic() - origin)
    return GeneratorAudit(lateness_s=late, cpu_share=(time.process_time() - cpu) / spent)
