"""Life at a speed, on a clock that is moved by hand."""

from datetime import UTC, datetime, timedelta

from lampkeep_sim.pace import Pace

WALL = datetime(2026, 11, 22, 10, tzinfo=UTC)
LIFE = datetime(2026, 11, 22, 7, tzinfo=UTC)


class Hand:
    """A monotonic clock that sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


async def test_an_hour_of_life_passes_in_a_minute_at_sixtyfold_speed() -> None:
    hand = Hand()
    pace = Pace(life_start=LIFE, wall_start=WALL, speed=60, monotonic=hand, sleep=hand.sleep)
    await pace.until(LIFE + timedelta(hours=1))
    assert hand.slept == [60.0]
    assert pace.life() == LIFE + timedelta(hours=1)


async def test_an_instant_of_a_fast_life_is_never_in_the_future_of_the_wall_clock() -> None:
    pace = Pace(life_start=LIFE, wall_start=WALL, speed=60)
    assert pace.wall(LIFE + timedelta(hours=10)) == WALL + timedelta(minutes=10)


async def test_at_life_speed_from_now_on_the_clocks_are_one() -> None:
    pace = Pace(life_start=WALL, wall_start=WALL)
    assert pace.wall(WALL + timedelta(hours=3)) == WALL + timedelta(hours=3)


async def test_who_is_behind_does_not_wait_but_lets_others_have_a_turn() -> None:
    hand = Hand()
    pace = Pace(life_start=LIFE, wall_start=WALL, monotonic=hand, sleep=hand.sleep)
    for _ in range(200):
        await pace.until(LIFE - timedelta(seconds=1))
    assert hand.slept == [0, 0, 0, 0]
