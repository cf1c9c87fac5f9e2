"""How often a device reports by itself: what it declares, or what three days of regular reports have taught.

Only reports that no person causes count (heartbeats, battery reports, a bridge's repeated states), never events: the
silence of a sensor that speaks only on events is what a collapse looks like. A `heartbeat` row of the state keeps the
exact instants of the newest pure reports in `on_at`, and in `off_at` the starts of the newest stretches of `STRETCH` in
which there was any (see `fold`).
"""

from datetime import datetime, timedelta
from itertools import pairwise

from lampkeep.domain.home import Device
from lampkeep.domain.home_state import STRETCH, HomeState
from lampkeep.domain.vocabulary import MessageType

MISSED_BEATS = 3
"""Two may be lost to radio and a sleepy battery; three in a row are no accident."""

LEARNED_AFTER = timedelta(days=3)
"""So long a device must have reported without a hole before its silence is one: a weekend alone teaches nothing."""

FEWEST_BEATS = 4
"""Pure reports from which an interval is taken; with fewer the stretch stands for it."""

JITTER = timedelta(hours=1)
"""Reports at most this far apart leave no stretch empty even where one of them is lost."""


def beat_of(device: Device, state: HomeState) -> timedelta | None:
    """How far apart its reports are: declared, or learned; None where its silence says nothing."""
    if device.heartbeat_every is not None:
        return device.heartbeat_every
    reports = state.of(device.device_id, MessageType.HEARTBEAT)
    if reports is None or not reports.off_at or reports.off_at[0] - reports.off_at[-1] < LEARNED_AFTER:
        return None
    pure = reports.on_at
    beat = max((a - b for a, b in pairwise(pure)), default=STRETCH)
    if len(pure) < FEWEST_BEATS:
        beat = STRETCH
    hole = STRETCH * (-(-beat // STRETCH) + (beat > JITTER and len(pure) >= FEWEST_BEATS))
    regular = all(a - b <= hole for a, b in pairwise(reports.off_at))
    return beat if regular else None


def signs_of_life(device: Device, state: HomeState) -> tuple[datetime, ...]:
    """Instants at which the device is known to have spoken or been online, oldest first; none is missing between them.

    The first is its registration, unless older instants have been forgotten.
    """
    signs: set[datetime] = {device.registered_at}
    complete_from = device.registered_at
    for type_ in state.types_of(device.device_id):
        said = state.states[device.device_id, type_]
        signs.update(said.spoken_at)
        complete_from = max(complete_from, said.complete_from)
    return tuple(sorted(at for at in signs if at >= complete_from))
