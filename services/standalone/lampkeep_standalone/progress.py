"""A progress bar on a terminal: one line on stderr that is drawn over itself. Elsewhere nothing is written."""

import sys
import time
from collections.abc import Iterator
from typing import BinaryIO

WIDTH = 40
EVERY_S = 0.1
LINES = 1000
"""Lines that are read between two looks at the clock: a few hundredths of a second."""

_CLEAR = "\r\x1b[K"


class Progress:
    """How far something is; `what` stands before the bar."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._shown = sys.stderr.isatty()
        self._next_s = 0.0

    def of_lines(self, file: BinaryIO, size: int) -> Iterator[bytes]:
        """The lines of `file`, of `size` bytes, with the bar moving along."""
        if not self._shown or not size:
            yield from file
            return
        done = 0
        for number, line in enumerate(file):
            done += len(line)
            if not number % LINES:
                self.reached(done / size)
            yield line
        self.clear()

    def reached(self, share: float) -> None:
        """Draw the bar at `share` (0 to 1), unless it was drawn just now."""
        now_s = time.monotonic()
        if not self._shown or now_s < self._next_s:
            return
        self._next_s = now_s + EVERY_S
        full = round(WIDTH * min(max(share, 0.0), 1.0))
        sys.stderr.write(f"{_CLEAR}{self._what} [{'#' * full}{'.' * (WIDTH - full)}] {share:4.0%}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Take the bar away, so that something else may be written."""
        if self._shown and self._next_s:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
            self._next_s = 0.0
