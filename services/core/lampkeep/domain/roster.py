"""Who is on duty: rosters by weekly shift, resolved from the home's area upwards.

An area stands for everything below it. `path` arguments run from the root to the area itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from lampkeep.domain.home import Responder
from lampkeep.domain.vocabulary import Role

DAY = 24 * 60
"""Minutes of a day; "24:00" as the end of a shift."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A weekly shift: `days` 0 (Monday) to 6, from and to in minutes of the local day (0–1440).

    `to` at or before `from` runs over midnight and belongs to its first day.
    """

    responder_ids: tuple[str, ...]
    days: frozenset[int]
    from_minute: int
    to_minute: int

    def covers(self, local: datetime) -> bool:
        """Whether the shift runs at `local`, an instant in the community's zone."""
        minute = local.hour * 60 + local.minute
        today, yesterday = local.weekday(), (local.weekday() - 1) % 7
        if self.from_minute < self.to_minute:
            return today in self.days and self.from_minute <= minute < self.to_minute
        return (today in self.days and minute >= self.from_minute) or (
            yesterday in self.days and minute < self.to_minute
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """The shifts of one role in one area."""

    area_id: str
    role: Role
    shifts: tuple[Shift, ...]

    def on_shift(self, local: datetime) -> tuple[str, ...]:
        """Ids of the people whose shift runs, in the roster's order, each once."""
        ids = (responder_id for shift in self.shifts if shift.covers(local) for responder_id in shift.responder_ids)
        return tuple(dict.fromkeys(ids))


def on_duty(
    role: Role,
    *,
    path: tuple[str, ...],
    responders: Iterable[Responder],
    rosters: Mapping[tuple[str, Role], Roster],
    local: datetime,
) -> tuple[Responder, ...]:
    """The people of `role` who answer for the area at the end of `path` at `local`, in a stable order.

    Without any roster for the role on the path, every responder of the role for any area of it. With one, the levels
    are walked upwards until somebody is found: the roster's people on shift, or, at a level without a roster, the
    responders named for that very area. The duty room does not stop at the first level: everybody on duty for the
    area or above belongs to it.
    """
    candidates = {person.responder_id: person for person in responders if person.role is role}
    levels = [_at_level(area_id, role, candidates, rosters, local) for area_id in reversed(path)]
    if _gathers_all_levels(role) or not any((area_id, role) in rosters for area_id in path):
        return tuple({person.responder_id: person for level in levels for person in level}.values())
    return next((level for level in levels if level), ())


def on_duty_anywhere(
    role: Role,
    *,
    responders: Iterable[Responder],
    rosters: Mapping[tuple[str, Role], Roster],
    local: datetime,
) -> tuple[Responder, ...]:
    """The people of `role` on duty for any area, for an alert that belongs to none."""
    candidates = {person.responder_id: person for person in responders if person.role is role}
    area_ids = dict.fromkeys(area_id for person in candidates.values() for area_id in person.area_ids)
    found = (person for area_id in area_ids for person in _at_level(area_id, role, candidates, rosters, local))
    return tuple({person.responder_id: person for person in found}.values())


def _gathers_all_levels(role: Role) -> bool:
    return role in {Role.OPERATOR, Role.SUPERVISOR}


def _at_level(
    area_id: str,
    role: Role,
    candidates: Mapping[str, Responder],
    rosters: Mapping[tuple[str, Role], Roster],
    local: datetime,
) -> tuple[Responder, ...]:
    roster = rosters.get((area_id, role))
    if roster is not None:
        return tuple(candidates[one] for one in roster.on_shift(local) if one in candidates)
    return tuple(person for person in candidates.values() if area_id in person.area_ids)
