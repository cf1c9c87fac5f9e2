"""Homes under watch in a replay: the live fold and the live rules, with the clock of the recording.

A home is looked at exactly when dispatch would: at its next check, which only a wake-up can move forward. What people
do is not recorded, so an alert of a rule counts as closed when its condition is over, and a life alert when nothing was
added to it for ten minutes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Any
from zoneinfo import ZoneInfo

from lampkeep.domain.care_plan import CarePlan
from lampkeep.domain.findings import Evidence, Finding, HomeVerdict, Key, Memory, Standing, Verdict, onsets, remembered
from lampkeep.domain.home import Device, Home
from lampkeep.domain.home_state import PRESSES, DeviceState, HomeState, Reading, StateKey, fold_into
from lampkeep.domain.rules import answered, check, wake_at
from lampkeep.domain.rules.urgent import Raise, meaning, urgent_evidence
from lampkeep.domain.rules.wording import instant
from lampkeep.domain.vocabulary import AlertKind, Priority
from lampkeep.replay.lines import Urgent

SAME_MATTER = timedelta(minutes=10)
"""A new cause more than 10 minutes after the last one starts a round of its own (contract section 4)."""

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A pre-alarm: the resident was asked at `at`, and it opens at `until` unless they answer."""

    at: datetime
    until: datetime
    finding: Finding
    verdict: HomeVerdict


@dataclass(slots=True, kw_only=True)
class Watched:
    """A home from its first message on."""

    home: Home
    plan: CarePlan
    next_check_at: datetime
    states: dict[StateKey, DeviceState] = field(default_factory=dict)
    pressed: tuple[datetime, str] | None = None
    memory: Memory = field(default_factory=Memory)
    verdict: HomeVerdict = HomeVerdict.ACTIVE
    asked: dict[AlertKind, Asked] = field(default_factory=dict)
    wakes: dict[tuple[str, str, bool | None, int | None], timedelta | None] = field(default_factory=dict)
    """`wake_at` by what it depends on, counted from the reading; to ask every rule at each message is dear."""

    @property
    def state(self) -> HomeState:
        """What the rules see."""
        at, device_id = self.pressed or (None, None)
        return HomeState(states=self.states, pressed_at=at, pressed_device=device_id)


class Watch:
    """All homes of a recording. `hear` and `end` give the alerts that the live rules would have raised, in order."""

    def __init__(self, homes: Iterable[tuple[Home, CarePlan]], zone: ZoneInfo) -> None:
        """Watch `homes`, each from its first message on."""
        self._plans = {home.home_id: (home, plan) for home, plan in homes}
        self._homes_of = {device.device_id: home.home_id for home, _ in self._plans.values() for device in home.devices}
        self._zone = zone
        self._watched: dict[str, Watched] = {}
        self._known: dict[str, tuple[Device, Watched]] = {}
        self._due: list[tuple[datetime, str]] = []
        self._last_cause: dict[tuple[str, str], datetime] = {}
        self._now: datetime | None = None
        self.strangers: Counter[str] = Counter()

    @property
    def home_days(self) -> float:
        """Days from each home's first message to the end of the recording, added up."""
        if self._now is None:
            return 0.0
        spans = (self._now - watched.home.registered_at for watched in self._watched.values())
        return sum(spans, timedelta(0)) / timedelta(days=1)

    def hear(self, at: datetime, said: Reading | Urgent) -> list[dict[str, Any]]:
        """Move the clock to `at`, looking at what is due before it, and take in `said`.

        A message that came late is folded at its own instant; the clock does not go back for it.
        """
        alerts = self._look_until(at) if self._due and self._due[0][0] < at else []
        if self._now is None or at > self._now:
            self._now = at
        known = self._known.get(said.device_id) or self._meet(said.device_id)
        if isinstance(said, Urgent):
            alerts += self._urgent(at, said, *known or (None, None))
        elif known is None:
            self.strangers[said.device_id] += 1
        else:
            self._observe(said, *known)
        return alerts

    def end(self) -> list[dict[str, Any]]:
        """Look at what is due at the end of the recording; the clock stays there."""
        return [] if self._now is None else self._look_until(self._now + _MICROSECOND)

    def pass_time(self, until: datetime) -> list[dict[str, Any]]:
        """Look at what is due up to `until`, where the clock then stands; nothing before the first message."""
        if self._now is None or until < self._now:
            return []
        self._now = until
        return self._look_until(until + _MICROSECOND)

    def keep_only(self, home_id: str) -> Watched:
        """Make of a shallow copy a watch over that home alone, which goes its own way from here by its clock and hears
        nothing more. All that is remembered of a home is in the `Watched` that is returned."""
        watched = self._watched[home_id]
        alone = replace(watched, states=dict(watched.states), asked=dict(watched.asked))
        self._watched, self._known = {home_id: alone}, {}
        self._due = sorted(due for due in self._due if due[-1] == home_id)
        return alone

    def _meet(self, device_id: str) -> tuple[Device, Watched] | None:
        """A device that speaks for the first time, and its home, watched from now on; None for a stranger."""
        home_id = self._homes_of.get(device_id)
        if home_id is None:
            return None
        home, plan = self._plans[home_id]
        now = self._clock
        devices = tuple(replace(device, registered_at=now) for device in home.devices)
        watched = Watched(home=replace(home, registered_at=now, devices=devices), plan=plan, next_check_at=now)
        self._watched[home_id] = watched
        self._known |= {device.device_id: (device, watched) for device in devices}
        heappush(self._due, (now, home_id))
        return self._known[device_id]

    @property
    def _clock(self) -> datetime:
        assert self._now is not None
        return self._now

    def _observe(self, said: Reading, device: Device, watched: Watched) -> None:
        fold_into(watched.states, said)
        if said.battery is not None and (AlertKind.LOW_BATTERY, said.device_id) in watched.memory.standing:
            said = replace(said, battery=None)  # told already: it need not wake the home with each message
        key = (said.device_id, said.type, said.on, said.battery)
        if key not in watched.wakes:
            wake = wake_at(said, device, watched.plan)
            watched.wakes[key] = None if wake is None else wake - said.at
        after = watched.wakes[key]
        if after is not None and said.at + after < watched.next_check_at:
            self._sleep(watched, max(said.at + after, self._clock))

    def _sleep(self, watched: Watched, until: datetime) -> None:
        watched.next_check_at = until
        heappush(self._due, (until, watched.home.home_id))

    def _look_until(self, end: datetime) -> list[dict[str, Any]]:
        alerts = []
        while self._due and self._due[0][0] < end:
            due, home_id = heappop(self._due)
            watched = self._watched[home_id]
            if due == watched.next_check_at:
                alerts += self._look(watched, due)
        return alerts

    def _look(self, watched: Watched, now: datetime) -> list[dict[str, Any]]:
        home, told = watched.home, watched.memory.standing
        verdict = check(home, watched.plan, watched.state, now, self._zone, memory=watched.memory)
        begun = onsets(verdict.findings, told)
        watched.verdict = verdict.verdict
        alerts = self._answered(watched, verdict, now)
        for finding in _first_of_each_kind(begun, told, verdict):
            prompt = watched.plan.prompts.get(finding.kind.value)
            if prompt is None or not home.can_be_asked:
                alerts.append(_alert(now, home.home_id, finding.kind, verdict.verdict, finding.evidence))
            else:
                watched.asked[finding.kind] = Asked(
                    at=now, until=now + prompt, finding=finding, verdict=verdict.verdict
                )
        watched.memory = remembered(watched.memory, verdict, now)
        self._sleep(watched, verdict.next_check_at)
        return alerts

    def _answered(self, watched: Watched, verdict: Verdict, now: datetime) -> list[dict[str, Any]]:
        """What becomes of the home's pre-alarms: activity ends one, "not well" opens it at once, and time does."""
        alerts = []
        kinds = {finding.kind for finding in verdict.findings}
        for kind, asked in list(watched.asked.items()):
            answer = answered(watched.state, watched.home, asked.at)
            if answer is False or (answer is None and kind in kinds and now >= asked.until):
                priority = Priority.LIFE if answer is False else kind.priority
                evidence = asked.finding.evidence
                alerts.append(_alert(now, watched.home.home_id, kind, asked.verdict, evidence, priority))
            elif answer is None and kind in kinds:
                continue
            del watched.asked[kind]
        return alerts

    def _urgent(
        self, at: datetime, said: Urgent, device: Device | None, watched: Watched | None
    ) -> list[dict[str, Any]]:
        now = self._clock
        if watched is not None and said.type in PRESSES and (watched.pressed is None or at > watched.pressed[0]):
            watched.pressed = (at, said.device_id)
        asked = meaning(said.type, said.content, registered=device is not None)
        if not isinstance(asked, Raise):
            return []
        cause = ("home", watched.home.home_id) if watched else ("device", said.device_id)
        last, self._last_cause[cause] = self._last_cause.get(cause), now
        if last is not None and now - last <= SAME_MATTER:
            return []
        evidence = urgent_evidence(asked, said.device_id, device, at)
        verdict = watched.verdict if watched else None
        return [_alert(now, watched.home.home_id if watched else None, asked.kind, verdict, evidence)]


def _first_of_each_kind(begun: Iterable[Finding], told: Standing, verdict: Verdict) -> Iterator[Finding]:
    """Those that open an alert of their own: one of a kind whose alert stands already joins it."""
    fresh = {finding.key for finding in begun}
    open_kinds = {kind for kind, subject in told if (kind, subject) in _keys(verdict) - fresh}
    for finding in begun:
        if finding.kind not in open_kinds:
            open_kinds.add(finding.kind)
            yield finding


def _keys(verdict: Verdict) -> set[Key]:
    return {finding.key for finding in verdict.findings}


def _alert(
    at: datetime,
    home_id: str | None,
    kind: AlertKind,
    verdict: HomeVerdict | None,
    evidence: Evidence,
    priority: Priority | None = None,
) -> dict[str, Any]:
    return {
        "at": instant(at),
        "home": home_id,
        "kind": kind.value,
        "priority": (priority or kind.priority).value,
        "verdict": verdict,
        "evidence": evidence,
    }
