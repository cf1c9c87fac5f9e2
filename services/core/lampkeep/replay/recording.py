"""A recording as a stream of messages in the order of their instants, in constant memory.

Lines may come in any order within five minutes. The same `(device, id)` within 24 hours is a resend and has the effect
of once. The clock is taken from the recording: the newest believed instant stands for the time of receipt. As live, an
`at` is not believed when it is over 72 hours old, or in the future: when most of the next lines lie well before it. One
device with a wrong clock must not move everybody's time; its message counts as said when it came.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from heapq import heappop, heappush

from lampkeep.domain.home_state import Reading
from lampkeep.replay.lines import BrokenLineError, Said, Urgent, read_line

DISORDER = timedelta(minutes=5)
"""How far lines may be out of order."""

RESENT_WITHIN = timedelta(hours=24)
"""How long an id is remembered (contract section 2)."""

BELIEVED_PAST = timedelta(hours=72)
"""How old an `at` may be (contract section 2)."""

BELIEVED_FUTURE = timedelta(minutes=2)
"""How far an `at` may be ahead without a look at the lines that follow (contract section 2)."""

AHEAD = 8
"""Lines that are asked whether an instant lies in the future: enough that one device with a wrong clock is outvoted."""


NAMED = 50
"""Broken lines whose numbers are repeated at the end; each was named when it was met."""


class Recording:
    """Reads lines and gives messages in order; names every line that it leaves out through `report`."""

    def __init__(self, lines: Iterable[bytes | str], report: Callable[[str], None]) -> None:
        """Read from `lines`, one JSON object each; empty lines are skipped."""
        self._lines = lines
        self._report = report
        self._newest: datetime | None = None
        self._seen: set[tuple[str, str]] = set()
        self._ages: deque[tuple[datetime, tuple[str, str]]] = deque()
        self.broken = 0
        self._named: list[int] = []
        self.resent = 0
        self.disbelieved = 0

    def __iter__(self) -> Iterator[tuple[datetime, Reading | Urgent]]:
        """(believed instant, message), oldest first; what came later than `DISORDER` is given as soon as it is read."""
        waiting: list[tuple[datetime, int, Reading | Urgent]] = []
        for placed in self._placed():
            heappush(waiting, placed)
            if self._newest is None or placed[0] > self._newest:
                self._newest = placed[0]
                ready = self._newest - DISORDER
            while waiting[0][0] <= ready:
                at, _, said = heappop(waiting)
                yield at, said
        while waiting:
            at, _, said = heappop(waiting)
            yield at, said

    def report_end(self, strangers: Mapping[str, int]) -> None:
        """Say how many lines were left out, which, and what else was odd; `strangers` are lines by unknown device."""
        if self.broken:
            numbers = ", ".join(str(number) for number in self._named)
            self._report(f"{self.broken} broken lines left out: {numbers}{', …' * (self.broken > NAMED)}")
        for device_id, count in sorted(strangers.items()):
            self._report(f"{count} lines of device {device_id!r} left out: it is in no home of the community file")
        if self.resent:
            self._report(f"{self.resent} lines were resends")
        if self.disbelieved:
            self._report(
                f"{self.disbelieved} lines had a clock that is not believed: the time of the lines around holds"
            )

    def _placed(self) -> Iterator[tuple[datetime, int, Reading | Urgent]]:
        """Each message once, with the instant that is believed and the number of its line."""
        ahead: deque[Said] = deque()
        for said in self._read():
            ahead.append(said)
            if len(ahead) > AHEAD and (placed := self._place(ahead.popleft(), ahead)) is not None:
                yield placed
        while ahead:
            if (placed := self._place(ahead.popleft(), ahead)) is not None:
                yield placed

    def _read(self) -> Iterator[Said]:
        for number, line in enumerate(self._lines, start=1):
            raw = line.encode() if isinstance(line, str) else line
            try:
                if raw and not raw.isspace():
                    yield read_line(raw, number)
            except BrokenLineError as error:
                self._leave_out(number, str(error))
                if error.still_urgent is not None:
                    yield error.still_urgent

    def _place(self, line: Said, ahead: deque[Said]) -> tuple[datetime, int, Reading | Urgent] | None:
        """`line` with the instant that is believed; None where it is a resend, or nobody can tell the time."""
        at, number, message_id, said = line
        newest = self._newest
        if at is None or newest is None or not newest - BELIEVED_PAST <= at <= newest + BELIEVED_FUTURE:
            at = self._believed(line, ahead)
            if at is None:
                self._leave_out(number, "no `at`, and no line near it tells the time")
                return None
            if at is not line[0] and isinstance(said, Reading):
                said = replace(said, at=at)
        if self._is_resent((said.device_id, message_id), newest or at):
            return None
        return at, number, said

    def _believed(self, line: Said, ahead: deque[Said]) -> datetime | None:
        """When a line was said whose clock is absent or surprising; None where no line near it tells the time."""
        at = line[0]
        if at is not None and self._believes(at, ahead):
            return at
        self.disbelieved += at is not None
        return self._newest or next((later[0] for later in ahead if later[0] is not None), None)

    def _believes(self, at: datetime, ahead: deque[Said]) -> bool:
        if self._newest is not None and at <= self._newest + BELIEVED_FUTURE:
            return at >= self._newest - BELIEVED_PAST
        earliest = at - DISORDER
        return 2 * sum(later[0] is not None and later[0] < earliest for later in ahead) <= len(ahead)

    def _is_resent(self, key: tuple[str, str], now: datetime) -> bool:
        ages, oldest = self._ages, now - RESENT_WITHIN
        while ages and ages[0][0] < oldest:
            self._seen.discard(ages.popleft()[1])
        if key in self._seen:
            self.resent += 1
            return True
        self._seen.add(key)
        ages.append((now, key))
        return False

    def _leave_out(self, number: int, why: str) -> None:
        self.broken += 1
        if len(self._named) < NAMED:
            self._named.append(number)
        self._report(f"line {number} left out: {why}")
