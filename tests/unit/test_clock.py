"""The clock follows drift, slews over steps, and never runs backwards."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from lampkeep.clock import ManualClock, SystemClock


class FakeTime:
    """The two clocks of a machine, moved apart by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.tick = 1_800_000_000.0, 100.0
        monkeypatch.setattr(time, "time", lambda: self.wall)
        monkeypatch.setattr(time, "monotonic", lambda: self.tick)

    def pass_(self, seconds: float, *, step: float = 0.0) -> None:
        self.tick += seconds
        self.wall += seconds + step


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    return FakeTime(monkeypatch)


def test_small_drift_is_followed_at_once(machine: FakeTime) -> None:
    clock = SystemClock()
    machine.pass_(10, step=1.5)
    assert clock.now().timestamp() == pytest.approx(machine.wall)


@pytest.mark.parametrize("step", [7200.0, -7200.0])
def test_a_step_of_the_wall_clock_is_slewed_not_followed(machine: FakeTime, step: float) -> None:
    clock = SystemClock()
    before = clock.now().timestamp()
    machine.pass_(10, step=step)
    assert clock.step_s == pytest.approx(step)
    assert clock.now().timestamp() - before == pytest.approx(10, abs=0.51)
    for _ in range(1000):
        machine.pass_(200)
        clock.now()
    assert abs(clock.step_s) < 2


def test_now_never_runs_backwards(machine: FakeTime) -> None:
    clock = SystemClock()
    answers = []
    for step in (0, -1.9, 0, -1.9, 1.0, -500):
        machine.pass_(0.5, step=step)
        answers.append(clock.now())
    assert answers == sorted(answers)


def test_a_manual_clock_moves_only_forward() -> None:
    start = datetime(2026, 11, 22, tzinfo=UTC)
    clock = ManualClock(start)
    clock.advance(timedelta(seconds=5))
    assert (clock.now(), clock.monotonic()) == (start + timedelta(seconds=5), 5.0)
    with pytest.raises(ValueError, match="backwards"):
        clock.set(start)
