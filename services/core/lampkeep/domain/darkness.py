"""A whole area that goes dark at once: a power cut, a maker's cloud, our own broker. One matter, not a thousand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

TOGETHER = timedelta(minutes=10)
"""Homes that are lost within this of one another are lost together."""

FEWEST = 5
"""Fewer homes are each a matter of their own, whatever share of the area they are."""

SHARE = 5
"""One in so many of the area's homes, 20 %, makes it the area's matter."""

MANY = 20
"""So many homes are one matter, however large the area."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaDark:
    """How many of an area's `homes`, those of the areas below it included, went dark together."""

    area_id: str
    dark: int
    homes: int

    @property
    def by_share(self) -> bool:
        """Enough of them, and a fifth of the area."""
        return self.dark >= FEWEST and self.dark * SHARE >= self.homes


def dark_area(lineage: Sequence[AreaDark]) -> AreaDark | None:
    """The area whose matter it is, from a home's own area upwards: the lowest that has enough dark homes, and above it
    as long as the next one has more of them and is dark by its share too. None: it is each home's own matter."""
    found: AreaDark | None = None
    for area in lineage:
        if found is None:
            if area.by_share or area.dark >= MANY:
                found = area
        elif area.by_share and area.dark > found.dark:
            found = area
        else:
            break
    return found
