"""A day: whole, plausible, and the same again for the same seed."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise

from hypothesis import given
from hypothesis import strategies as st

from lampkeep_sim.routine import day_of, days
from support.lived import LIVED_IN

DAY = date(2026, 11, 22)
SEEDS = st.integers(0, 10_000)
DAYS = st.dates(date(2024, 1, 1), date(2030, 1, 1))


@given(SEEDS, DAYS)
def test_a_day_has_no_gap_and_ends_where_the_next_begins(seed: int, day: date) -> None:
    today = day_of(seed, "home-1", day, LIVED_IN)
    tomorrow = day_of(seed, "home-1", day + timedelta(days=1), LIVED_IN)
    assert all(before.end == after.start for before, after in pairwise(today))
    assert abs(today[-1].end - tomorrow[0].start) <= timedelta(seconds=1)


@given(SEEDS, DAYS)
def test_everybody_sleeps_at_three_in_the_morning_or_is_on_a_short_trip(seed: int, day: date) -> None:
    night = datetime(day.year, day.month, day.day, 3, tzinfo=LIVED_IN) + timedelta(days=1)
    stay = next(one for one in day_of(seed, "home-1", day, LIVED_IN) if one.start <= night < one.end)
    assert stay.doing in {"sleep", "toilet"}
    assert stay.doing == "sleep" or stay.end - stay.start < timedelta(minutes=10)


@given(SEEDS, DAYS)
def test_everybody_cooks_three_meals_and_is_home_at_night(seed: int, day: date) -> None:
    stays = day_of(seed, "home-1", day, LIVED_IN)
    assert sum(stay.doing == "cook" for stay in stays) == 3
    assert all(stay.end.astimezone(LIVED_IN).hour < 21 for stay in stays if stay.doing == "outing")


def test_the_same_seed_lives_the_same_day_and_another_a_different_one() -> None:
    assert day_of(7, "home-1", DAY, LIVED_IN) == day_of(7, "home-1", DAY, LIVED_IN)
    assert day_of(7, "home-1", DAY, LIVED_IN) != day_of(8, "home-1", DAY, LIVED_IN)
    assert day_of(7, "home-1", DAY, LIVED_IN) != day_of(7, "home-2", DAY, LIVED_IN)


def test_a_life_can_be_entered_at_any_instant() -> None:
    early = days(1, "home-1", datetime(2026, 11, 20, tzinfo=UTC), LIVED_IN)
    entered_at = datetime(2026, 11, 22, 5, tzinfo=UTC)
    late = list(islice(days(1, "home-1", entered_at, LIVED_IN), 40))
    assert late[0].start <= entered_at < late[0].end
    assert late == list(islice((stay for stay in early if stay.end > entered_at), 40))


def test_over_a_month_there_are_naps_outings_visitors_and_trips_at_night() -> None:
    stays = [stay for n in range(30) for stay in day_of(3, "home-1", DAY + timedelta(days=n), LIVED_IN)]
    seen = {stay.doing for stay in stays}
    assert {"sleep", "nap", "wash", "toilet", "cook", "sit", "visit", "outing"} <= seen
