"""Sleeping until the next check loses nothing: whatever is known, and however the messages come."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lampkeep.domain.care_plan import CarePlan, rules_from
from lampkeep.domain.findings import Memory, onsets, remembered
from lampkeep.domain.home import Device, Suspension
from lampkeep.domain.home_state import DeviceState, HomeState, Reading, StateKey, fold, merge_into
from lampkeep.domain.rules import check
from lampkeep.replay.watch import Watch
from support.watched import DAY, ZONE, at, device, home, state

STEP = timedelta(minutes=5)
"""Messages, hours and thresholds are multiples of twice that, and night limits of day limits: so no silence becomes too
long between two steps, and looking at each sees all there is."""

PER_DAY = 24 * 6
START = at("00:00")
DEVICES = (
    device("door-001", "door", "entrance"),
    device("pir-001", "motion", "bathroom", heartbeat_every=timedelta(minutes=40)),
    device("bed-001", "presence", "bedroom", account="gateway-001"),
    device("fridge-001", "door", "kitchen", account="gateway-001"),
    device("gateway-001", "gateway"),
)

_SAYS = {"door": "door", "motion": "motion", "presence": "presence", "gateway": "online"}

durations = st.integers(1, 90).map(lambda steps: f"{steps}0m")
clocks = st.integers(0, PER_DAY - 1).map(lambda step: f"{step // 6:02}:{step % 6}0")
windows = st.tuples(clocks, clocks).filter(lambda ends: ends[0] != ends[1]).map("-".join)
INACTIVITIES = st.builds(
    lambda steps, factor, hours: {"day": f"{steps}0m", "night": f"{steps * factor}0m", "day_hours": hours},
    st.integers(1, 60),
    st.sampled_from([1, 2]),
    windows,
)
PLANS = st.fixed_dictionaries(
    {},
    optional={
        "inactivity": INACTIVITIES,
        "not_up": st.fixed_dictionaries({"by": clocks}),
        "door_left_open": st.fixed_dictionaries({"for": durations}),
        "device_silent": st.fixed_dictionaries({"after": durations}),
        "low_battery": st.just(True),
        "tamper": st.just(True),
        "overstay": st.fixed_dictionaries({"for": durations}),
        "night_exit": st.fixed_dictionaries({"for": durations, "window": windows}),
        "not_returned": st.fixed_dictionaries({"after": durations}, optional={"by": clocks}),
        "missed_checkin": st.fixed_dictionaries({"by": clocks}).filter(lambda given: given["by"] != "00:00"),
        "home_unobservable": st.fixed_dictionaries(
            {"unobservable_after": durations}, optional={"gateway_after": st.just("10m"), "stuck_after": durations}
        ),
    },
).map(lambda rules: CarePlan(plan_id="plan", rules=rules_from(_told_apart(rules))))


def _told_apart(rules: dict[str, object]) -> dict[str, object]:
    """Not both of these: what is silent in a home that cannot be seen is told as one, by itself at the next look."""
    return {name: rule for name, rule in rules.items() if name != "device_silent" or "home_unobservable" not in rules}


@st.composite
def readings(draw: st.DrawFn, *, types: tuple[str, ...], days: int, of: tuple[Device, ...] = DEVICES) -> list[Reading]:
    found = []
    for step in sorted(draw(st.sets(st.integers(0, days * PER_DAY), max_size=11))):
        one = draw(st.sampled_from(of))
        type_ = draw(st.sampled_from((*(_SAYS[one.kind.value],) * 4, *types)))
        on, percent = draw(st.booleans()), draw(st.none() | st.integers(0, 30)) if "battery" in types else None
        found.append(
            Reading(
                device_id=one.device_id,
                home_id="home-001",
                type=type_,
                at=START + 2 * step * STEP,
                on=None if type_ == "heartbeat" else on,
                battery=percent,
            )
        )
    return found


@st.composite
def suspensions(draw: st.DrawFn) -> tuple[Suspension, ...]:
    first = draw(st.integers(-1, 3))
    pause = Suspension(
        rules=frozenset(draw(st.sets(st.sampled_from(["inactivity", "not_up", "tamper"])))),
        from_day=DAY + timedelta(days=first),
        until_day=DAY + timedelta(days=first + draw(st.integers(1, 3))),
        reason="holiday",
    )
    return draw(st.sampled_from([(), (pause,)]))


@given(
    PLANS,
    readings(types=("battery", "tamper", "online", "heartbeat", "checkin"), days=2),
    suspensions(),
    st.integers(0, 4 * PER_DAY),
    st.floats(0, 1),
)
def test_nothing_is_found_before_the_next_check_that_was_not_found_now(
    plan: CarePlan, told: list[Reading], pauses: tuple[Suspension, ...], step: int, part: float
) -> None:
    now = START + 2 * step * STEP
    of, known = home(*DEVICES, suspensions=pauses, registered_at=START), state(*[one for one in told if one.at <= now])
    verdict = check(of, plan, known, now, ZONE)
    assert verdict.next_check_at > now
    memory = remembered(Memory(), verdict, now)
    asleep = verdict.next_check_at - now
    for when in (now + asleep * part, verdict.next_check_at - timedelta(microseconds=1)):
        if now < when < verdict.next_check_at:
            assert onsets(check(of, plan, known, when, ZONE, memory=memory).findings, memory.standing) == ()


STEPPED = st.fixed_dictionaries(
    {},
    optional={
        "inactivity": INACTIVITIES,
        "not_up": st.fixed_dictionaries({"by": clocks}),
        "door_left_open": st.fixed_dictionaries({"for": durations}),
        "device_silent": st.fixed_dictionaries({"after": durations}),
        "low_battery": st.just(True),
        "tamper": st.just(True),
    },
).map(lambda rules: CarePlan(plan_id="plan", rules=rules_from(rules)))
"""Rules whose findings begin and end by their own device or by silence alone: what a message about one device makes of
another's finding is seen at the next look."""

ALONE = (*DEVICES[:2], device("bed-001", "presence", "bedroom"))


@settings(max_examples=200, deadline=None)
@given(STEPPED, readings(types=("tamper", "online", "heartbeat", "checkin"), days=2, of=ALONE))
def test_looking_only_when_due_finds_what_looking_all_the_time_finds(plan: CarePlan, told: list[Reading]) -> None:
    assert seldom(plan, told) == every_step(plan, told), f"{plan.rules} {told}"


def every_step(plan: CarePlan, told: list[Reading]) -> list[tuple[str, datetime]]:
    """(kind, instant) of every finding that begins, by looking at each step."""
    if not told:
        return []
    first = told[0].at
    of = home(*(replace(one, registered_at=first) for one in ALONE), registered_at=first)
    begun, now, left = [], first, list(told)
    states: dict[StateKey, DeviceState] = {}
    memory = Memory()
    while now <= told[-1].at:
        while left and left[0].at <= now:
            merge_into(states, fold(left.pop(0)))
        verdict = check(of, plan, HomeState(states=states), now, ZONE, memory=memory)
        new = onsets(verdict.findings, memory.standing)
        before = {
            key[0] for key in memory.standing if key in {one.key for one in verdict.findings} - {one.key for one in new}
        }
        for finding in new:
            if finding.kind not in before:
                begun.append((finding.kind.value, now))
                before.add(finding.kind)
        memory = remembered(memory, verdict, now)
        now += STEP
    return sorted(begun)


def seldom(plan: CarePlan, told: list[Reading]) -> list[tuple[str, datetime]]:
    """The same by replay, each instant put off to the next step."""
    watch = Watch([(home(*ALONE), plan)], ZONE)
    alerts: list[dict[str, Any]] = []
    for one in told:
        alerts += watch.hear(one.at, one)
    alerts += watch.end()
    found = [(alert["kind"], next_step(datetime.fromisoformat(alert["at"]))) for alert in alerts]
    return sorted(found)


def next_step(when: datetime) -> datetime:
    rest = (when - START) % STEP
    return when + (STEP - rest if rest else timedelta(0))
