"""Identity for what comes without an id, where the same bytes may be a copy, or the same thing once more.

Every ingest copy receives every urgent message, and a broker may deliver one again, so an unreadable press or the press
of a Zigbee button must get the same key everywhere; but two real presses are two, and their bytes are often the same.
So a key is the hash of what was said, and its number: the first such message within the window is 0, the second 1.
Copies see the same sequence and number alike; a delivery that the broker flags as repeated does not count on. A copy
that joins late numbers from 0 and may take a second press for the first: the alert of that one stands already.
"""

from collections import OrderedDict
from datetime import timedelta
from hashlib import sha256

WINDOW = timedelta(seconds=60)
"""How long a key is taken: longer than a broker takes to deliver to all copies, and than a copy takes to restart."""

REMEMBERED = 10_000
"""Keys kept at most; the oldest go first."""


def fingerprint(*parts: bytes) -> str:
    """A short hash of the parts, no character of which can be mistaken for a device's own id at a glance."""
    digest = sha256()
    for part in parts:
        digest.update(len(part).to_bytes(4))
        digest.update(part)
    return f"~{digest.hexdigest()[:32]}"


class Recurrence:
    """Numbers equal messages within `WINDOW`."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def number(self, key: str, *, form: str, now_s: float, repeated: bool) -> int:
        """The number of this message among those of `key`; `now_s` is monotonic seconds.

        Forms of one thing (a state and its bare action) are counted apart, so that the first of each is number 0.
        `repeated`: the broker says that it delivers again.
        """
        known = self._seen.get((key, form))
        fresh = known is None or now_s - known[0] > WINDOW.total_seconds()
        number = 0 if known is None or fresh else known[1] + (not repeated)
        self._seen[key, form] = (now_s, number)
        self._seen.move_to_end((key, form))
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return number
