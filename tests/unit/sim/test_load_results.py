"""The arithmetic of a load run, and the checker: it must see each loss that is put before it."""

import math
import time
from dataclasses import asdict, replace
from itertools import pairwise

import pytest

from lampkeep_sim.load.checker import Findings, check, press_latencies
from lampkeep_sim.load.latency import summarize
from lampkeep_sim.load.ledger import Ledger
from lampkeep_sim.load.schedule import GeneratorAudit, constant, poisson, send_all
from lampkeep_sim.load.sent import Sent


def a_press(number: int, home: str) -> Sent:
    return Sent(
        account=f"p{number}",
        device_id=f"p{number}",
        message_id=f"m{number}",
        home_id=home,
        urgent=True,
        intended_s=10.0 + number,
        acked_s=10.1 + number,
        receipted_s=10.2 + number,
    )


def an_observation(number: int) -> Sent:
    return replace(a_press(number, "home-1"), urgent=False, receipted_s=None)


SENT = [a_press(1, "home-1"), a_press(2, "home-2"), an_observation(3)]
LEDGER = Ledger(
    stored=dict.fromkeys((one.identity for one in SENT), 1),
    causes={SENT[0].identity: ("alert-1",), SENT[1].identity: ("alert-2",)},
    alerts_of_home={"home-1": ("alert-1",), "home-2": ("alert-2",)},
)
TOLD = {"home-1": 11.05, "home-2": 12.05}


def found(sent: list[Sent] = SENT, ledger: Ledger = LEDGER, told: dict[str, float] = TOLD) -> Findings:
    return check(sent, ledger, told, budget_s=1.0)


def without(identity_of: Sent) -> Ledger:
    return replace(LEDGER, stored={one: 1 for one in LEDGER.stored if one != identity_of.identity})


def troubles(findings: Findings) -> set[str]:
    return {name for name, value in asdict(findings).items() if value}


def test_a_run_that_kept_every_promise_is_clean() -> None:
    assert found().clean
    assert found().summary() == "nothing amiss"


@pytest.mark.parametrize(
    ("what_happened", "findings", "expected"),
    [
        ("a receipted press is not stored", found(ledger=without(SENT[0])), {"acknowledged_lost", "receipted_lost"}),
        ("an acknowledged observation is not stored", found(ledger=without(SENT[2])), {"acknowledged_lost"}),
        ("a message was never acknowledged", found([*SENT[:2], replace(SENT[2], acked_s=None)]), {"unacknowledged"}),
        ("a press was never receipted", found([replace(SENT[0], receipted_s=None), *SENT[1:]]), {"unreceipted"}),
        (
            "a message is stored twice",
            found(ledger=replace(LEDGER, stored={**LEDGER.stored, SENT[2].identity: 2})),
            {"stored_twice"},
        ),
        (
            "a press has no alert",
            found(ledger=replace(LEDGER, causes={SENT[1].identity: ("alert-2",)})),
            {"without_alert"},
        ),
        (
            "a press has two alerts",
            found(ledger=replace(LEDGER, causes={**LEDGER.causes, SENT[0].identity: ("alert-1", "alert-9")})),
            {"with_several_alerts"},
        ),
        (
            "a home has two alerts",
            found(ledger=replace(LEDGER, alerts_of_home={"home-1": ("alert-1", "alert-9")})),
            {"homes_with_several_alerts"},
        ),
        ("nobody was told", found(told={"home-1": 11.05}), {"untold"}),
        ("somebody was told too late", found(told={**TOLD, "home-2": 13.5}), {"late"}),
    ],
)
def test_the_checker_sees_it_when(what_happened: str, findings: Findings, expected: set[str]) -> None:
    assert troubles(findings) == expected
    assert not findings.clean
    assert expected.pop() in findings.summary()


def test_of_several_presses_in_a_home_the_first_is_timed() -> None:
    again = replace(a_press(7, "home-1"), intended_s=30.0)
    assert press_latencies([*SENT, again], TOLD) == pytest.approx([0.05, 0.05])


def test_what_never_came_is_infinitely_late_and_counted() -> None:
    summary = summarize([0.001] * 98, intended=100)
    assert (summary.n, summary.missing) == (100, 2)
    assert (summary.p50_ms, summary.p99_ms, summary.max_ms) == (1.0, math.inf, math.inf)
    assert summary.as_json()["p99_ms"] is None


def test_percentiles_are_observed_values() -> None:
    summary = summarize(number / 1000 for number in range(1, 101))
    assert (summary.p50_ms, summary.p90_ms, summary.p99_ms, summary.max_ms) == (50.0, 90.0, 99.0, 100.0)
    assert summary.p999_ms is None, "too few samples for it"


def test_a_poisson_schedule_has_its_rate_and_is_the_same_again() -> None:
    offsets = poisson(100, 60, seed=1)
    assert len(offsets) == pytest.approx(6000, rel=0.05)
    assert offsets == sorted(offsets)
    assert offsets == poisson(100, 60, seed=1) != poisson(100, 60, seed=2)


async def test_sends_keep_their_intended_instants_when_one_of_them_is_slow() -> None:
    intended: list[float] = []

    def send(number: int, at: float) -> None:
        intended.append(at)
        if number == 2:
            time.sleep(0.05)  # a stall of the generator

    audit = await send_all(constant(200, 0.1), send)
    gaps = [after - before for before, after in pairwise(intended)]
    assert gaps == pytest.approx([0.005] * 19)
    assert max(audit.lateness_s) > 0.03, "what follows a stall is late, and that is on record"


def test_a_generator_that_was_the_bottleneck_voids_its_run() -> None:
    assert GeneratorAudit(lateness_s=[0.0001] * 100, cpu_share=0.1).objections(0.010) == []
    assert GeneratorAudit(lateness_s=[0.005] * 100, cpu_share=0.1).objections(0.010)
    assert GeneratorAudit(lateness_s=[0.0001] * 100, cpu_share=0.5).objections(0.010)
