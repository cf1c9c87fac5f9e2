"""Whether the sensors of a home do what the registry says of them: what an installer should look at.

An `Inspection` hears what was said, oldest first, and keeps a few numbers for each device and each pair of them,
however long it listens. It judges devices, never the resident; nothing here raises an alert.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import combinations
from zoneinfo import ZoneInfo

from lampkeep.domain.baseline import stirs
from lampkeep.domain.findings import Evidence
from lampkeep.domain.home import Device, Home
from lampkeep.domain.home_state import LEVELS, Reading
from lampkeep.domain.rules.inactivity import Inactivity
from lampkeep.domain.rules.wording import instant, length, named
from lampkeep.domain.sight import STUCK_AFTER
from lampkeep.domain.times import Window
from lampkeep.domain.vocabulary import DeviceKind, MessageType

MOST_CHANGES = 500
"""Changes a day of which no person is the cause: the busiest sound sensor of the recorded homes has 85."""

MOST_SHARE = 0.5
"""Of a home's messages, by one device."""

BUSY = 200
"""Messages a day below which the share says nothing: somebody has to say most in a quiet home."""

TOGETHER = timedelta(seconds=2)
"""Events so near one another coincide."""

NEARLY_ALWAYS = 0.9
"""The share of the events of both sensors that coincide, where one stands twice."""

FEWEST_EVENTS = 20
"""With fewer, two sensors may coincide by chance, or a wrong kind be a test."""

ABSENCE = timedelta(hours=4)
"""A silence with so much of it in the day hours is likely an absence."""

FEWEST_ABSENCES = 5
"""With fewer it cannot be told which door leads outside."""

AROUND = timedelta(minutes=5)
"""How long before the last activity, and after the first, a door belongs to leaving or coming home."""

RARELY, MOSTLY = 0.3, 0.7
"""Shares of the absences: an entrance that precedes fewer, and a contact that stands at both ends of more."""

DAY_HOURS = Inactivity().day_hours

_DAY = timedelta(days=1)
_MOVEMENTS = frozenset({MessageType.DOOR, MessageType.MOTION, MessageType.PRESENCE})


class Flaw(StrEnum):
    """What may be wrong with a device."""

    NEVER_FIRED = "never_fired"
    STUCK_ON = "stuck_on"
    CHATTERS = "chatters"
    DUPLICATED = "duplicated"
    MISLABELLED = "mislabelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A device to look at. `other` is the sensor that it doubles, or that seems to be what it is said to be. `evidence`
    holds the numbers, and a sentence in Chinese and English."""

    flaw: Flaw
    device: Device
    other: Device | None = None
    evidence: Evidence = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class _Heard:
    """What is kept of a device. `fired`: changes of a level after its first report, and each "on" of a movement."""

    device: Device
    types: Counter[str] = field(default_factory=Counter)
    values: dict[str, bool | None] = field(default_factory=dict)
    fired: int = 0
    on_since: datetime | None = None
    was_off: bool = False
    moved_at: datetime | None = None
    before_absences: int = 0
    around_absences: int = 0

    @property
    def messages(self) -> int:
        return self.types.total()


@dataclass(slots=True, kw_only=True)
class _Absence:
    """One whose end is not over yet: the contacts that moved before it, and those that moved after it."""

    ended_at: datetime
    before: frozenset[str]
    after: set[str]


class Inspection:
    """Listens to one home: `hear` what was said, then ask for `suspicions`. Memory grows with the square of the number
    of devices and not with time."""

    def __init__(
        self,
        home: Home,
        zone: ZoneInfo,
        *,
        day_hours: Window = DAY_HOURS,
        stuck_after: timedelta = STUCK_AFTER,
    ) -> None:
        """Inspect `home`; `day_hours` and `stuck_after` are those of its plan."""
        self._zone = zone
        self._day_hours = day_hours
        self._stuck_after = stuck_after
        self._heard = {device.device_id: _Heard(device=device) for device in home.devices}
        self._first_at: datetime | None = None
        self._now: datetime | None = None
        self._stirred_at: datetime | None = None
        self._absence: _Absence | None = None
        self._absences = 0
        self._events: Counter[str] = Counter()
        self._event_at: dict[str, datetime] = {}
        self._together: Counter[tuple[str, str]] = Counter()
        self._counted_at: dict[tuple[str, str], datetime] = {}

    @property
    def listened(self) -> timedelta:
        """From the first message of the home to the newest."""
        return timedelta(0) if self._now is None or self._first_at is None else self._now - self._first_at

    @property
    def messages(self) -> int:
        """Of all devices of the home."""
        return sum(heard.messages for heard in self._heard.values())

    @property
    def absences(self) -> int:
        """Long silences by day."""
        return self._absences

    def hear(self, reading: Reading) -> None:
        """Take in what a device said; a press is a reading of its urgent type. Strangers are passed over."""
        heard = self._heard.get(reading.device_id)
        if heard is None:
            return
        if self._now is None:
            self._first_at = self._now = reading.at
        self._now = max(self._now, reading.at)
        before = heard.values.get(reading.type)
        heard.types[reading.type] += 1
        if reading.on is not None:
            heard.values[reading.type] = reading.on
            if reading.type in _MOVEMENTS:
                self._level(heard, reading)
        if stirs(reading, before=before):
            if reading.type not in LEVELS or before is not None:
                heard.fired += 1
                self._coincide(reading)
            self._stir(heard, reading)

    def suspicions(self, now: datetime | None = None, *, tried_for: timedelta = timedelta(0)) -> tuple[Suspicion, ...]:
        """What should be looked at, by `now` (None: the newest message).

        A sensor never fired only if it had `tried_for` to do so: nightly, a new one wants a day; an installer who has
        just walked past it does not.
        """
        self._settle(None)
        now = now or self._now
        if now is None or self._first_at is None:
            return ()
        sensors = [heard for heard in self._heard.values() if heard.device.sees_activity]
        days = max((now - self._first_at) / _DAY, 1.0)
        return (
            *self._never_fired(sensors, now, tried_for),
            *self._stuck(sensors, now),
            *self._chattering(days),
            *self._duplicated(sensors),
            *_of_another_kind(sensors),
            *self._no_entrance(sensors),
        )

    def _level(self, heard: _Heard, reading: Reading) -> None:
        """Since when it is on; a movement sensor that never says "off" has no level (see `sight`)."""
        if not reading.on:
            heard.was_off, heard.on_since = True, None
        elif heard.on_since is None:
            heard.on_since = reading.at

    def _stir(self, heard: _Heard, reading: Reading) -> None:
        at, last = reading.at, self._stirred_at
        self._settle(at)
        if last is not None and at - last >= ABSENCE and self._by_day(last, at):
            moved = {one.device.device_id: one.moved_at for one in self._contacts()}
            before = frozenset(id_ for id_, moved_at in moved.items() if moved_at and last - moved_at <= AROUND)
            self._absences += 1
            self._absence = _Absence(ended_at=at, before=before, after=set())
        if reading.type == MessageType.DOOR:
            heard.moved_at = at
            if self._absence is not None:
                self._absence.after.add(reading.device_id)
        self._stirred_at = at if last is None else max(last, at)

    def _settle(self, at: datetime | None) -> None:
        """Count an absence once all that belongs to its end was heard (`at` None: there is no more)."""
        absence = self._absence
        if absence is None or (at is not None and at - absence.ended_at <= AROUND):
            return
        for device_id in absence.before:
            self._heard[device_id].before_absences += 1
            self._heard[device_id].around_absences += device_id in absence.after
        self._absence = None

    def _by_day(self, start: datetime, end: datetime) -> bool:
        """Whether a silence begins in the day hours and lasts for `ABSENCE` of them."""
        by_day, until = self._day_hours.stretch(start, self._zone)
        passed, at = timedelta(0), start
        if not by_day:
            return False
        while at < end and passed < ABSENCE:
            passed += (min(until, end) - at) * by_day
            at = until
            by_day, until = self._day_hours.stretch(at, self._zone)
        return passed >= ABSENCE

    def _contacts(self) -> Iterator[_Heard]:
        return (one for one in self._heard.values() if one.moved_at is not None)

    def _coincide(self, reading: Reading) -> None:
        """Count this event with the newest of each other device, for both, each event once with each device."""
        at, one = reading.at, reading.device_id
        for other, other_at in self._event_at.items():
            if other != one and abs(at - other_at) <= TOGETHER:
                self._together[one, other] += 1
                if self._counted_at.get((other, one)) != other_at:
                    self._together[other, one] += 1
                    self._counted_at[other, one] = other_at
                self._counted_at[one, other] = at
        self._events[one] += 1
        self._event_at[one] = at

    def _never_fired(self, sensors: Iterable[_Heard], now: datetime, tried_for: timedelta) -> Iterator[Suspicion]:
        assert self._first_at is not None
        for heard in sensors:
            tried = now - max(self._first_at, heard.device.registered_at)
            if heard.fired or tried < tried_for:
                continue
            zh, en = length(tried, "zh"), length(tried, "en")
            said_zh = f"只有{heard.messages}条其他消息" if heard.messages else "没有任何消息"
            said_en = f"{heard.messages} messages of other kinds" if heard.messages else "it has said nothing at all"
            yield _suspicion(
                Flaw.NEVER_FIRED,
                heard.device,
                zh=f"{zh}内从未触发（{said_zh}），请检查安装、电池和配对",
                en=f"has not fired in {en} ({said_en}): check its mounting, battery and pairing",
                numbers={"messages": heard.messages},
            )

    def _stuck(self, sensors: Iterable[_Heard], now: datetime) -> Iterator[Suspicion]:
        for heard in sensors:
            levelled = heard.was_off or heard.device.kind is not DeviceKind.MOTION
            if heard.on_since is None or not levelled or now - heard.on_since < self._stuck_after:
                continue
            on = now - heard.on_since
            yield _suspicion(
                Flaw.STUCK_ON,
                heard.device,
                zh=f"一直显示触发已{length(on, 'zh')}，可能卡住或装反",
                en=f"has been on for {length(on, 'en')}: stuck, or mounted the wrong way round",
                numbers={"since": instant(heard.on_since)},
            )

    def _chattering(self, days: float) -> Iterator[Suspicion]:
        every = self.messages
        speakers = sum(heard.messages > 0 for heard in self._heard.values())
        for heard in self._heard.values():
            share = heard.messages / every if every else 0.0
            most = speakers > 1 and share > MOST_SHARE and heard.messages / days >= BUSY
            if heard.fired / days <= MOST_CHANGES and not most:
                continue
            changes, percent = round(heard.fired / days), round(share * 100)
            yield _suspicion(
                Flaw.CHATTERS,
                heard.device,
                zh=f"每天变化{changes}次，占全家消息的{percent}%，可能抖动，请调整或更换",
                en=f"changes {changes} times a day and sends {percent} % of the home's messages: adjust or replace it",
                numbers={
                    "changes_a_day": changes,
                    "messages_a_day": round(heard.messages / days),
                    "percent_of_messages": percent,
                },
            )

    def _duplicated(self, sensors: Iterable[_Heard]) -> Iterator[Suspicion]:
        many = [heard for heard in sensors if self._events[heard.device.device_id] >= FEWEST_EVENTS]
        for one, other in combinations(many, 2):
            shares = (self._share(one, other), self._share(other, one))
            if min(shares) < NEARLY_ALWAYS:
                continue
            percent = round(min(shares) * 100)
            zh, en = named(one.device, "zh"), named(one.device, "en")
            yield _suspicion(
                Flaw.DUPLICATED,
                other.device,
                other=one.device,
                zh=f"与{zh}几乎总是同时触发（{percent}%），可能是同一个传感器登记了两次",
                en=f"nearly always fires together with {en} ({percent} %): perhaps one sensor that stands twice",
                numbers={"percent_together": percent, "events": self._events[other.device.device_id]},
            )

    def _share(self, one: _Heard, other: _Heard) -> float:
        """Of the events of `one` those that coincide with one of `other`."""
        first, second = one.device.device_id, other.device.device_id
        return self._together[first, second] / self._events[first]

    def _no_entrance(self, sensors: Iterable[_Heard]) -> Iterator[Suspicion]:
        """Another contact stands at both ends of most absences, and no entrance door precedes them."""
        doors = [heard for heard in sensors if heard.device.kind is DeviceKind.DOOR]
        entrances = [heard for heard in doors if heard.device.is_entrance]
        others = [heard for heard in doors if not heard.device.is_entrance]
        if self._absences < FEWEST_ABSENCES or not others:
            return
        likely = max(others, key=lambda heard: heard.around_absences)
        if likely.around_absences < MOSTLY * self._absences:
            return
        if any(heard.before_absences >= RARELY * self._absences for heard in entrances):
            return
        zh, en = named(likely.device, "zh"), named(likely.device, "en")
        numbers: Evidence = {"absences": self._absences, "of_the_other": likely.around_absences}
        for heard in entrances:
            yield _suspicion(
                Flaw.MISLABELLED,
                heard.device,
                other=likely.device,
                zh=f"登记为大门，但{self._absences}次白天长时间无动静之前只动过{heard.before_absences}次，而{zh}有{likely.around_absences}次："
                "两者可能标反",
                en=f"is said to be an entrance, but moved before {heard.before_absences} of {self._absences} long "
                f"absences, and {en} around {likely.around_absences}: perhaps the labels are swapped",
                numbers={**numbers, "preceded": heard.before_absences},
            )
        if not entrances:
            yield _suspicion(
                Flaw.MISLABELLED,
                likely.device,
                zh=f"{self._absences}次白天长时间无动静中有{likely.around_absences}次前后都动过，可能是大门，但没有登记为大门",
                en=f"moved around {likely.around_absences} of {self._absences} long absences: it seems to be the "
                "entrance, and the home has none",
                numbers=numbers,
            )


def inspect(readings: Iterable[Reading], home: Home, zone: ZoneInfo) -> tuple[Suspicion, ...]:
    """The suspicions of an `Inspection` with its defaults, once it has heard all of `readings`."""
    inspection = Inspection(home, zone)
    for reading in readings:
        inspection.hear(reading)
    return inspection.suspicions()


def described(suspicion: Suspicion, home_id: str) -> Mapping[str, object]:
    """A suspicion as JSON shows it."""
    return {
        "home": home_id,
        "flaw": suspicion.flaw.value,
        "device": suspicion.device.device_id,
        "kind": suspicion.device.kind.value,
        "place": suspicion.device.place,
        "other": suspicion.other.device_id if suspicion.other else None,
        "evidence": suspicion.evidence,
    }


def _of_another_kind(sensors: Iterable[_Heard]) -> Iterator[Suspicion]:
    """Sensors that only ever speak as another kind does."""
    for heard in sensors:
        said = {type_: heard.types[type_] for type_ in _MOVEMENTS if heard.types[type_]}
        if not said or heard.device.kind.value in said or sum(said.values()) < FEWEST_EVENTS:
            continue
        most = max(said, key=lambda type_: said[type_]).value
        yield _suspicion(
            Flaw.MISLABELLED,
            heard.device,
            zh=f"登记为{heard.device.kind.value}，但发送的都是{most}消息",
            en=f"is registered as {heard.device.kind.value}, but sends {most} messages only",
            numbers={"messages": sum(said.values()), "speaks_as": most},
        )


def _suspicion(
    flaw: Flaw, device: Device, *, zh: str, en: str, numbers: Evidence, other: Device | None = None
) -> Suspicion:
    zh, en = f"{named(device, 'zh')}：{zh}", f"{named(device, 'en')} {en}"
    return Suspicion(
        flaw=flaw, device=device, other=other, evidence={**numbers, "text": zh, "text_zh": zh, "text_en": en}
    )
