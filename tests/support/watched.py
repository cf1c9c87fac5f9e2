"""A home under watch, built with defaults so that a test shows only what matters. Times are those of Asia/Shanghai."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from lampkeep.domain.care_plan import CarePlan, away_from, rules_from
from lampkeep.domain.findings import Finding, Memory, Standing, Verdict, onsets, remembered
from lampkeep.domain.home import Device, Home, Suspension
from lampkeep.domain.home_state import DeviceState, HomeState, Reading, StateKey, fold, merge_into
from lampkeep.domain.rules import check
from lampkeep.domain.spans import Spans
from lampkeep.domain.vocabulary import DeviceKind

ZONE = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 11, 22)
"""A Sunday without anything special."""

REGISTERED = datetime(2026, 3, 1, tzinfo=UTC)


def at(clock: str, *, days: int = 0) -> datetime:
    """`"14:30"` or `"14:30:05"` of the test's day, or of a day after it."""
    moment = datetime.fromisoformat(f"{DAY.isoformat()}T{clock}")
    return moment.replace(tzinfo=ZONE).astimezone(UTC) + timedelta(days=days)


def device(device_id: str, kind: str, place: str | None = None, **more: object) -> Device:
    """A device that speaks for itself, registered long ago."""
    given: dict[str, object] = {"account": device_id, "registered_at": REGISTERED, "home_id": "home-001", **more}
    return Device(device_id=device_id, kind=DeviceKind(kind), place=place, **given)  # type: ignore[arg-type]


DOOR = device("door-001", "door", "entrance")
PIR = device("pir-001", "motion", "bathroom")
BED = device("bed-001", "presence", "bedroom")
PENDANT = device("pendant-001", "pendant")
DEVICES = (DOOR, PIR, BED, PENDANT)


def home(*devices: Device, registered_at: datetime = REGISTERED, suspensions: Iterable[Suspension] = ()) -> Home:
    """A home with `devices`, or with one of each."""
    return Home(
        home_id="home-001",
        area_id="jiangnan-g03",
        plan_id="plan",
        registered_at=registered_at,
        devices=devices or DEVICES,
        suspensions=tuple(suspensions),
    )


def plan(**rules: object) -> CarePlan:
    """A plan with the rules as a community file spells them: `plan(not_up={"by": "09:30"})`."""
    return CarePlan(plan_id="plan", rules=rules_from(rules), away=away_from(rules))


def reading(
    device_id: str,
    type_: str,
    when: datetime,
    *,
    on: bool | None = None,
    battery: int | None = None,
    repeats: bool = False,
) -> Reading:
    """What one message says."""
    return Reading(
        device_id=device_id, home_id="home-001", type=type_, at=when, on=on, battery=battery, repeats=repeats
    )


def stirred(when: datetime) -> Reading:
    """The movement sensor of the bathroom saw somebody."""
    return reading("pir-001", "motion", when, on=True)


def door(when: datetime, *, open_: bool) -> Reading:
    """The front door moved, or repeats itself."""
    return reading("door-001", "door", when, on=open_)


def state(*readings: Reading, pressed_at: datetime | None = None) -> HomeState:
    """What is known after `readings`."""
    states: dict[StateKey, DeviceState] = {}
    for one in readings:
        merge_into(states, fold(one))
    return HomeState(states=states, pressed_at=pressed_at, pressed_device="pendant-001" if pressed_at else None)


def look(
    when: datetime,
    given: CarePlan,
    *readings: Reading,
    of: Home | None = None,
    standing: Standing | None = None,
    memory: Memory | None = None,
    unwatched: Spans = (),
    pressed_at: datetime | None = None,
) -> Verdict:
    """What the rules find at `when` after `readings`."""
    known = state(*readings, pressed_at=pressed_at)
    return check(
        of or home(), given, known, when, ZONE, memory=memory or Memory(standing=standing or {}), unwatched=unwatched
    )


def every(kind: str, given: CarePlan, *readings: Reading, until: datetime, **more: Any) -> list[datetime]:
    """The instants until `until` at which `kind` begins, found by looking at each message and when due.

    Each is exact: a microsecond before it there is nothing to tell.
    """
    begun, memory = [], Memory()
    now = min(one.at for one in readings) if readings else more["of"].registered_at
    while now <= until:
        verdict = look(now, given, *(one for one in readings if one.at <= now), memory=memory, **more)
        if kind in {finding.kind for finding in onsets(verdict.findings, memory.standing)}:
            begun.append(now)
            earlier = now - timedelta(microseconds=1)
            before = look(earlier, given, *(one for one in readings if one.at <= earlier), memory=memory, **more)
            assert kind not in {finding.kind for finding in onsets(before.findings, memory.standing)}
        memory = remembered(memory, verdict, now)
        now = min([verdict.next_check_at, *(one.at for one in readings if one.at > now)])
    return begun


def first(
    kind: str, given: CarePlan, *readings: Reading, within: timedelta = timedelta(days=5), **more: Any
) -> datetime:
    """The first instant of `every`; an AssertionError where there is none `within` the last message."""
    last = max((one.at for one in readings), default=None) or more["of"].registered_at
    begun = every(kind, given, *readings, until=last + within, **more)
    assert begun, f"no {kind} until {last + within}"
    return begun[0]


def found(verdict: Verdict) -> list[tuple[str, str]]:
    """Kind and subject of each finding."""
    return [(finding.kind.value, finding.subject) for finding in verdict.findings]


def only(verdict: Verdict) -> Finding:
    """The one finding; an AssertionError where there are none or several."""
    assert len(verdict.findings) == 1, verdict.findings
    return verdict.findings[0]
