"""What a rule says: findings (conditions that hold now, with their evidence), and when it must look again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import ClassVar, Protocol, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

from lampkeep.domain.home import Device, Home
from lampkeep.domain.home_state import Activity, HomeState, Reading
from lampkeep.domain.sight import Sight
from lampkeep.domain.spans import Spans, union
from lampkeep.domain.times import first_instant, local_day
from lampkeep.domain.vocabulary import AlertKind
from lampkeep.domain.whereabouts import Whereabouts

RECHECK = timedelta(minutes=5)
"""How soon a home with a new finding about a person is looked at again, to see whether it is over: activity reschedules
nothing. Five minutes old is still true enough for a duty room, and few homes have one."""

SLOWEST_RECHECK = timedelta(minutes=30)
"""The same for a finding about a device, or one that has stood for two hours: a dead battery may stand for weeks in
many homes, and nobody goes there within the hour."""

Evidence: TypeAlias = dict[str, "str | int | list[Evidence] | None"]
Key: TypeAlias = tuple[str, str]
"""What a finding or a note is, and its subject."""
Standing: TypeAlias = Mapping[Key, datetime]
"""What was told and is not over yet, each with the instant at which it was found."""


class HomeVerdict(StrEnum):
    """What can be said of a home as a whole (see `lampkeep.domain.verdict`)."""

    ACTIVE = "active"
    AT_REST = "at_rest"
    AWAY = "away"
    SILENT = "silent"
    UNOBSERVABLE = "unobservable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What earlier looks at a home left behind. `standing` are the findings that were told and are not over, `noted`
    the notes, and `unseen` the stretches of the present silence in which the home could not be seen."""

    standing: Standing = field(default_factory=dict)
    noted: Standing = field(default_factory=dict)
    unseen: Spans = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A condition that holds now. `subject` is the device it is about, '' the home; `since` is when it began, and a
    later `since` than before means a new one; None where that cannot be said (a low battery). `evidence` is that of a
    finding to be told; empty for one that was told and goes on."""

    kind: AlertKind
    subject: str = ""
    since: datetime | None = None
    evidence: Evidence = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """What makes it the same finding at the next look."""
        return (self.kind, self.subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that the duty room should know and nobody need be sent for. `what` is a kind of alert that was lowered
    to a note, or a word of its own; `subject` and `since` are as in a finding."""

    what: str
    subject: str = ""
    since: datetime | None = None
    evidence: Evidence = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """What makes it the same note at the next look."""
        return (self.what, self.subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one rule found, and when it must look again if no message comes (None: never by itself)."""

    findings: tuple[Finding, ...] = ()
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What all rules of a plan found in a home. Look again at `next_check_at`, or at an earlier `wake_at`. `unseen` is
    to be remembered, `sight` says since when the home cannot be seen."""

    verdict: HomeVerdict
    findings: tuple[Finding, ...]
    next_check_at: datetime
    notes: tuple[Note, ...] = ()
    unseen: Spans = ()
    sight: Sight = field(default_factory=lambda: Sight(sensors=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A home at an instant, as a rule sees it. `rested_until` is the end of that rule's last suspension, if any.

    `unwatched` are the stretches in which we ourselves did not watch, `unseen` those in which the home could not be
    seen; neither counts as silence. `told_as_one`: the plan tells a home that cannot be seen as one finding.
    """

    home: Home
    devices: Mapping[str, Device]
    state: HomeState
    now: datetime
    zone: ZoneInfo
    standing: Standing
    activity: Activity | None
    sight: Sight
    where: Whereabouts
    unwatched: Spans = ()
    unseen: Spans = ()
    told_as_one: bool = False
    rested_until: datetime | None = None

    @property
    def quiet_since(self) -> datetime:
        """When the present silence began: at the last activity, or where there was none, at the registration. What lies
        in a suspension of the rule does not count as silence."""
        starts = (self.home.registered_at, self.activity.at if self.activity else None, self.rested_until)
        return max(at for at in starts if at is not None)

    @property
    def uncounted(self) -> Spans:
        """What must not be taken for silence: `unwatched` and `unseen`."""
        return union(self.unwatched, self.unseen) if self.unwatched and self.unseen else self.unwatched or self.unseen

    def goes_on(self, key: Key, began_at: datetime) -> bool:
        """Whether what began then was told already: it is over by its own end only, not because time is left out or
        sight is lost afterwards."""
        told_at = self.standing.get(key)
        return told_at is not None and began_at <= told_at

    def after_rest(self, rested_until: datetime | None) -> "Scene":
        """The same scene for a rule whose last suspension ended then."""
        return self if rested_until == self.rested_until else replace(self, rested_until=rested_until)

    def device(self, device_id: str | None) -> Device | None:
        """The device of that id in this home."""
        return self.devices.get(device_id or "")


def recheck_at(scene: Scene, found: Iterable[Finding]) -> datetime | None:
    """When to see whether what was found is over: a quarter of the time that the newest has stood; None for nothing."""
    stood = [scene.now - scene.standing.get(finding.key, scene.now) for finding in found]
    if not stood:
        return None
    return scene.now + min(max(RECHECK, min(stood) / 4), SLOWEST_RECHECK)


class Rule(Protocol):
    """A rule of a care plan with its parameters: pure, so that live running, tests and replay are the same."""

    kind: ClassVar[AlertKind]

    def look(self, scene: Scene) -> Look:
        """The findings that hold at `scene.now`. If no message comes, none is added before the answer's `again_at`."""
        ...

    def describe(self, finding: Finding, scene: Scene) -> Evidence:
        """The evidence of one of its findings, with a sentence in Chinese and English."""
        ...

    def wake_at(self, reading: Reading, device: Device) -> datetime | None:
        """The earliest instant at which this reading could add a finding; None where it cannot."""
        ...


_Told = TypeVar("_Told", Finding, Note)


def onsets(findings: Iterable[_Told], standing: Standing) -> tuple[_Told, ...]:
    """Those to tell: not told yet, or over and begun again since they were found."""
    return tuple(finding for finding in findings if is_new(finding, standing))


def is_new(finding: Finding | Note, standing: Standing) -> bool:
    """Whether it is to be told; see `onsets`."""
    found_at = standing.get(finding.key)
    return found_at is None or (finding.since is not None and finding.since > found_at)


def ended(findings: Iterable[Finding | Note], standing: Standing) -> frozenset[Key]:
    """The standing ones that hold no longer."""
    return frozenset(standing) - {finding.key for finding in findings}


def remembered(memory: Memory, verdict: Verdict, now: datetime) -> Memory:
    """What the next look is to know: what is over is forgotten, and what began, or began anew, was found `now`."""
    return Memory(
        standing={one.key: _found_at(one, memory.standing, now) for one in verdict.findings},
        noted={one.key: _found_at(one, memory.noted, now) for one in verdict.notes},
        unseen=verdict.unseen,
    )


def _found_at(one: Finding | Note, told: Standing, now: datetime) -> datetime:
    return now if is_new(one, told) else told[one.key]


def resting(home: Home, rule: str, now: datetime, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """(end of the suspension in which `rule` rests now, end of the last one that is over); None where there is none."""
    if not home.suspensions:
        return None, None
    today = local_day(now, zone)
    pauses = [pause for pause in home.suspensions if rule in pause.rules and pause.from_day <= today]
    now_until = max((pause.until_day for pause in pauses if today < pause.until_day), default=None)
    last_until = max((pause.until_day for pause in pauses if pause.until_day <= today), default=None)
    return _dawn(now_until, zone), _dawn(last_until, zone)


def _dawn(day: date | None, zone: ZoneInfo) -> datetime | None:
    return None if day is None else first_instant(day, time(0), zone)
