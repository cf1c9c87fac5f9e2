"""The hours of a recording in which a resident is awake and at home, told in hindsight.

For experiments on a recording only: live nobody knows what comes next. A stretch between two activities counts when it
is at most two hours long and does not run from an entrance door to an entrance door (out and back in), and of it what
lies in the local hours 07:00-22:00.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from lampkeep.domain.home import Device, Home
from lampkeep.domain.home_state import ALWAYS_ON, INSTANTS, LEVELS, PRESSES, Reading
from lampkeep.domain.spans import Span
from lampkeep.domain.times import Window
from lampkeep.replay.lines import Urgent

LONGEST_STRETCH = timedelta(hours=2)
"""Awake people at home stir more often than that in both recorded homes."""

WAKING_HOURS = Window(start=time(7), end=time(22))

WakingHours: TypeAlias = dict[str, list[Span]]
"""By home, in order, without overlaps."""


class Waking:
    """Collects the waking hours of each home from its messages, which come by `hear` in the order of their instants.

    What it keeps grows by some spans a day, not by messages.
    """

    def __init__(self, homes: Iterable[Home], zone: ZoneInfo) -> None:
        """Listen to the devices of `homes`."""
        self._devices: dict[str, Device] = {device.device_id: device for home in homes for device in home.devices}
        self._zone = zone
        self._levels: dict[tuple[str, str], bool | None] = {}
        self._last: dict[str, tuple[datetime, bool]] = {}
        self.hours: WakingHours = {}

    def hear(self, at: datetime, said: Reading | Urgent) -> None:
        """Take in what was said at `at`."""
        device = self._devices.get(said.device_id)
        if device is None or not self._is_activity(said):
            return
        home_id, by_entrance = device.home_id, device.is_entrance
        last_at, left = self._last.get(home_id, (at, True))
        self._last[home_id] = (max(at, last_at), by_entrance)
        if last_at < at <= last_at + LONGEST_STRETCH and not (left and by_entrance):
            for start, end in _in_waking_hours(last_at, at, self._zone):
                self._add(home_id, start, end)

    def _is_activity(self, said: Reading | Urgent) -> bool:
        """Contract section 2: an "on" instant, a level that changed, a press."""
        if isinstance(said, Urgent):
            return said.type in PRESSES
        if said.type in LEVELS:
            key = (said.device_id, said.type)
            changed = self._levels.get(key) is not said.on
            self._levels[key] = said.on
            return changed
        return said.type in ALWAYS_ON or (said.type in INSTANTS and said.on is True)

    def _add(self, home_id: str, start: datetime, end: datetime) -> None:
        spans = self.hours.setdefault(home_id, [])
        if spans and spans[-1][1] == start:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))


def _in_waking_hours(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[Span]:
    while start < end:
        waking, until = WAKING_HOURS.stretch(start, zone)
        if waking:
            yield start, min(until, end)
        start = until
