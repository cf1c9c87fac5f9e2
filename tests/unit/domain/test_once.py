"""One silence is told once, whatever else is known, lost or left out meanwhile."""

from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from lampkeep.domain.care_plan import CarePlan
from lampkeep.domain.findings import Memory, onsets, remembered
from lampkeep.domain.home_state import LEVELS, DeviceState, HomeState, Reading, StateKey, fold, merge_into
from lampkeep.domain.rules import check
from lampkeep.domain.spans import Spans, union
from support.watched import DOOR, ZONE, at, device, door, every, home, plan, reading, stirred

START = at("00:00")
STEP = timedelta(minutes=20)
DAYS = 2
STEPS = st.integers(0, DAYS * 72)
HOME = home(
    device("gw-001", "gateway"),
    device("door-001", "door", "entrance"),
    device("pir-001", "motion", "bathroom", account="gw-001"),
    device("pir-002", "motion", "kitchen", heartbeat_every=timedelta(minutes=40)),
    device("bed-001", "presence", "bedroom", account="gw-001"),
    registered_at=START,
)
SAYS = [
    ("gw-001", "online"),
    ("gw-001", "online"),
    ("door-001", "door"),
    ("pir-001", "motion"),
    ("pir-001", "tamper"),
    ("pir-002", "motion"),
    ("pir-002", "heartbeat"),
    ("bed-001", "presence"),
]


@st.composite
def told(draw: st.DrawFn) -> list[Reading]:
    """What the devices of `HOME` say, in order."""
    steps = sorted(draw(st.lists(STEPS, max_size=10)))
    said = [(draw(st.sampled_from(SAYS)), draw(st.booleans())) for _ in steps]
    return [
        reading(device_id, type_, START + step * STEP, on=None if type_ == "heartbeat" else on)
        for step, ((device_id, type_), on) in zip(steps, said, strict=True)
    ]


OUTAGES: st.SearchStrategy[Spans] = st.lists(st.tuples(STEPS, STEPS), max_size=2).map(
    lambda pairs: union((START + a * STEP, START + b * STEP) for a, b in pairs)
)


def begun(kind: str, given: CarePlan, readings: list[Reading], unwatched: Spans) -> list[datetime]:
    """When `kind` begins, looking at each message and when due; what is not watched is known from its start."""
    states: dict[StateKey, DeviceState] = {}
    memory, now, left, found = Memory(), START, list(readings), []
    while now <= START + (DAYS + 1) * timedelta(days=1):
        while left and left[0].at <= now:
            merge_into(states, fold(left.pop(0)))
        verdict = check(HOME, given, HomeState(states=states), now, ZONE, memory=memory, unwatched=unwatched)
        found += [now for one in onsets(verdict.findings, memory.standing) if one.kind == kind]
        memory = remembered(memory, verdict, now)
        now = min([verdict.next_check_at, *(one.at for one in left[:1])])
    return found


def changed(readings: list[Reading], after: datetime, until: datetime) -> bool:
    """Whether any of `readings` in that time may have been activity."""
    active = (one.at for one in readings if one.type in LEVELS or (one.type == "motion" and one.on))
    return any(after < at <= until for at in active)


@settings(max_examples=100, deadline=None)
@given(told(), OUTAGES)
def test_no_silence_is_told_twice(readings: list[Reading], unwatched: Spans) -> None:
    given = plan(inactivity={"day": "3h", "night": "6h", "at_rest": "8h"}, home_unobservable={"after": "1h"})
    instants = begun("inactivity", given, readings, unwatched)
    for earlier, later in pairwise(instants):
        assert changed(readings, earlier, later), (earlier, later)


def test_a_morning_that_was_told_is_not_told_again_when_the_next_is_put_off() -> None:
    asleep = stirred(at("22:00", days=-1))
    outage = ((at("06:00"), at("05:50", days=1)),)
    assert len(every("not_up", plan(not_up={"by": "09:30"}), asleep, unwatched=outage, until=at("20:00", days=1))) == 1


def test_a_stay_that_was_told_is_not_told_again_when_sight_comes_back() -> None:
    bathroom = home(device("pir-001", "motion", "bathroom"))
    lost = [reading("pir-001", "online", at(clock), on=on) for clock, on in (("11:30", False), ("12:30", True))]
    told_at = every("overstay", plan(overstay={"for": "1h"}), stirred(at("10:00")), *lost, of=bathroom, until=LATER)
    assert told_at == [at("11:00")]


def test_an_exit_that_was_told_is_not_told_again_when_sight_comes_back() -> None:
    of = home(DOOR, device("pir-001", "motion", "bathroom", heartbeat_every=timedelta(minutes=30)))
    beats = [reading("pir-001", "heartbeat", when) for when in (at("22:50"), at("00:30", days=1))]
    out = [door(at("23:00"), open_=True), door(at("23:01"), open_=False)]
    assert every("night_exit", plan(night_exit=True), *beats, *out, of=of, until=LATER) == [at("23:10")]


LATER = at("05:00", days=1)
