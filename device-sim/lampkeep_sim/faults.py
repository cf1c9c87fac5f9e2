"""What hardware and radio do to a stream: clocks that are off, copies, silence that ends in a burst. Pure, seeded.

Urgent messages get copies and skew like the rest, but no outage: what an outage does to a press is shown by cutting its
session, where the device's resending is at work.
"""

import heapq
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from lampkeep_sim.home import Happening

OUTAGE = (timedelta(minutes=2), timedelta(minutes=20))
"""How long a device's radio is away, drawn evenly: shorter ones are what a resend hides, longer ones a gateway's."""

COPY_AFTER = timedelta(seconds=5)
"""A copy follows its original within this long, as a link layer that missed an acknowledgement makes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How much goes wrong. All zero is hardware as it should be."""

    duplicates: float = 0.0
    """Chance of each message to be sent twice."""
    late: float = 0.0
    """Chance of each observation to begin an outage of its device."""
    skew: timedelta = timedelta(0)
    """Standard deviation of how far each device's clock is off, for good."""
    seed: int = 1

    def skew_of(self, device_id: str) -> timedelta:
        """Return by how much a device's clock is ahead; negative is behind."""
        if not self.skew:
            return timedelta(0)
        return self.skew * random.Random(f"{self.seed}/{device_id}/skew").gauss(0, 1)


@dataclass(frozen=True, slots=True)
class _Sending:
    send_at: datetime
    order: int
    happening: Happening

    def __lt__(self, other: "_Sending") -> bool:
        return (self.send_at, self.order) < (other.send_at, other.order)


def with_faults(stream: Iterable[Happening], faults: Faults) -> Iterator[tuple[datetime, Happening]]:
    """Yield (instant of sending, happening) in order of sending; `happening.at` stays what it was.

    The message's own `at` is shifted by the skew of its device's clock.
    """
    rng = random.Random(f"{faults.seed}/faults")
    back_at: dict[str, datetime] = {}
    ahead: list[_Sending] = []
    for order, happening in enumerate(stream):
        while ahead and ahead[0].send_at <= happening.at:
            due = heapq.heappop(ahead)
            yield due.send_at, due.happening
        told = _skewed(happening, faults)
        send_at = _sent(told, faults, back_at, rng)
        heapq.heappush(ahead, _Sending(send_at, order, told))
        if rng.random() < faults.duplicates:
            heapq.heappush(ahead, _Sending(send_at + COPY_AFTER * rng.random(), order, told))
    while ahead:
        due = heapq.heappop(ahead)
        yield due.send_at, due.happening


def _sent(happening: Happening, faults: Faults, back_at: dict[str, datetime], rng: random.Random) -> datetime:
    """Return when a message goes out: now, or when its device is back on the air."""
    device_id = happening.device_id
    if happening.message.urgent:
        return happening.at
    if happening.at < back_at.get(device_id, happening.at):
        return back_at[device_id]
    if rng.random() < faults.late:
        back_at[device_id] = happening.at + OUTAGE[0] + (OUTAGE[1] - OUTAGE[0]) * rng.random()
        return back_at[device_id]
    return happening.at


def _skewed(happening: Happening, faults: Faults) -> Happening:
    skew, at = faults.skew_of(happening.device_id), happening.message.at
    if not skew or at is None:
        return happening
    return Happening(
        at=happening.at,
        device_id=happening.device_id,
        message=happening.message.stamped(at + skew),
        lived=happening.lived,
    )
