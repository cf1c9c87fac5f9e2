"""Who is on duty: shifts over midnight and daylight saving, and the walk from the home's area upwards."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from lampkeep.domain.home import Responder
from lampkeep.domain.roster import DAY, Roster, Shift, on_duty, on_duty_anywhere
from lampkeep.domain.vocabulary import Role

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
PATH = ("city", "town", "grid")
EVERY_DAY = frozenset(range(7))


def local(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def shift(*ids: str, days: frozenset[int] = EVERY_DAY, from_minute: int = 0, to_minute: int = DAY) -> Shift:
    return Shift(responder_ids=ids, days=days, from_minute=from_minute, to_minute=to_minute)


def worker(responder_id: str, *areas: str, role: Role = Role.GRID_WORKER) -> Responder:
    return Responder(responder_id=responder_id, name=responder_id, role=role, area_ids=areas)


def roster(area_id: str, *shifts: Shift, role: Role = Role.GRID_WORKER) -> dict[tuple[str, Role], Roster]:
    return {(area_id, role): Roster(area_id=area_id, role=role, shifts=shifts)}


def ids(people: tuple[Responder, ...]) -> list[str]:
    return [one.responder_id for one in people]


@pytest.mark.parametrize(
    ("at", "covered"),
    [
        ("2026-11-27T21:59", False),  # Friday
        ("2026-11-27T22:00", True),
        ("2026-11-28T05:59", True),  # Saturday morning belongs to Friday's shift
        ("2026-11-28T06:00", False),
        ("2026-11-28T22:30", False),  # Saturday has no shift
        ("2026-11-27T05:00", False),  # Friday morning would be Thursday's
    ],
)
def test_an_overnight_shift_belongs_to_its_first_day(at: str, covered: bool) -> None:
    friday_night = shift("li", days=frozenset({4}), from_minute=22 * 60, to_minute=6 * 60)
    assert friday_night.covers(local(at)) is covered


def test_a_shift_follows_the_wall_clock_through_daylight_saving() -> None:
    night = shift("li", from_minute=60, to_minute=4 * 60)
    hours = [hour for hour in range(24) if night.covers(datetime(2026, 3, 29, hour, tzinfo=BERLIN))]
    assert hours == [1, 2, 3]
    first, second = (datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=BERLIN) for fold in (0, 1))
    assert night.covers(first)
    assert night.covers(second)


def test_without_a_roster_every_responder_of_the_role_for_the_area_or_above_is_on_duty() -> None:
    people = [worker("a", "grid"), worker("b", "city"), worker("c", "elsewhere"), worker("d", "grid", role=Role.FAMILY)]
    found = on_duty(Role.GRID_WORKER, path=PATH, responders=people, rosters={}, local=local("2026-11-22T10:00"))
    assert ids(found) == ["a", "b"]


def test_a_roster_with_nobody_on_shift_sends_the_search_upwards() -> None:
    people = [worker("day", "grid"), worker("back-up", "town"), worker("far", "city")]
    rosters = roster("grid", shift("day", from_minute=8 * 60, to_minute=20 * 60))
    at = {"10:00": ["day"], "23:00": ["back-up"]}
    for time, expected in at.items():
        found = on_duty(
            Role.GRID_WORKER, path=PATH, responders=people, rosters=rosters, local=local(f"2026-11-22T{time}")
        )
        assert ids(found) == expected


def test_the_duty_room_is_everybody_on_duty_for_the_area_or_above() -> None:
    people = [worker("a", "grid", role=Role.OPERATOR), worker("b", "city", role=Role.OPERATOR)]
    rosters = roster("city", shift("b", from_minute=0, to_minute=12 * 60), role=Role.OPERATOR)
    morning = on_duty(Role.OPERATOR, path=PATH, responders=people, rosters=rosters, local=local("2026-11-22T10:00"))
    evening = on_duty(Role.OPERATOR, path=PATH, responders=people, rosters=rosters, local=local("2026-11-22T20:00"))
    assert (ids(morning), ids(evening)) == (["a", "b"], ["a"])


def test_an_alert_of_no_area_finds_everybody_on_duty_anywhere_once() -> None:
    people = [worker("a", "grid", "city", role=Role.OPERATOR), worker("b", "east", role=Role.OPERATOR)]
    rosters = roster("east", shift("b", from_minute=0, to_minute=60), role=Role.OPERATOR)
    found = on_duty_anywhere(Role.OPERATOR, responders=people, rosters=rosters, local=local("2026-11-22T10:00"))
    assert ids(found) == ["a"]
