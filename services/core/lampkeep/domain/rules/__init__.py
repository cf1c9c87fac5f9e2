"""The rules of a care plan, one module each, and the look at a home with all of them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from lampkeep.domain.findings import (
    Evidence,
    Finding,
    HomeVerdict,
    Look,
    Memory,
    Note,
    Rule,
    Scene,
    Verdict,
    is_new,
    resting,
)
from lampkeep.domain.home import Device, Home
from lampkeep.domain.home_state import HomeState, Reading
from lampkeep.domain.rules.not_returned import NotReturned
from lampkeep.domain.rules.wording import told
from lampkeep.domain.sight import STUCK_AFTER, look_around, without_stuck
from lampkeep.domain.spans import FOREVER, Spans, since, union
from lampkeep.domain.times import first_instant
from lampkeep.domain.verdict import SILENCES, judge, reasons
from lampkeep.domain.vocabulary import AlertKind, MessageType
from lampkeep.domain.whereabouts import Place, whereabouts

if TYPE_CHECKING:
    from lampkeep.domain.care_plan import CarePlan

LONGEST_SLEEP = timedelta(hours=24)
"""A home is looked at once a day even where no rule has a reason to: a safety net, as the slow poll is for timers."""

SUSPENSION_OVER = "suspension_over"
"""The note that rules which rested hold again."""

PROMPT_RECHECK = timedelta(seconds=1)
"""How soon an answer of the resident, or any activity of theirs, ends a pre-alarm."""

UNSEEN_KEPT = timedelta(hours=48)
"""So long it is remembered that a home could not be seen, beyond the present silence too: more than any rule looks back
that counts from anything else than the last activity."""

NOTED_FOR = timedelta(days=7)
"""How long the end of a suspension stays a note."""


NOTHING = Memory()


def check(
    home: Home,
    plan: "CarePlan",
    state: HomeState,
    now: datetime,
    zone: ZoneInfo,
    *,
    memory: Memory = NOTHING,
    unwatched: Spans = (),
) -> Verdict:
    """What holds in `home` at `now`, and when to look again: never later than the first instant at which a rule would
    find more without a new message, and always after `now`.

    `memory` is what the last look left behind, `unwatched` the time in which we ourselves did not watch. A `state` may
    hold devices that are no longer in the home: they are not seen.
    """
    now = now.astimezone(UTC)  # arithmetic in a zone with clock changes would reckon by the wall clock
    scene = _scene(home, plan, state, now, zone, memory, unwatched)
    lowered_until = _lowered_until(scene, plan)
    looks = [_look(rule, scene) for rule in plan.rules]
    findings: list[Finding] = []
    notes: list[Note] = list(_suspensions_over(scene))
    again = [look.again_at for look in looks if look.again_at is not None]
    for finding in (finding for look in looks for finding in look.findings):
        lowered = finding.kind in SILENCES and lowered_until is not None and now < lowered_until
        if lowered_until is not None and lowered and is_new(finding, memory.standing):
            notes.append(Note(what=finding.kind.value, subject=finding.subject, since=finding.since))
            again.append(min(lowered_until, scene.sight.lost_at or lowered_until))
        else:
            findings.append(finding)
    again.extend(_prompted_again(findings, plan, memory, now))
    silent = any(finding.kind in SILENCES for finding in findings)
    verdict = judge(scene, silent=silent)
    describe = _Describer(scene, plan, verdict)
    return Verdict(
        verdict=verdict,
        findings=tuple(describe.finding(one) if is_new(one, memory.standing) else one for one in findings),
        notes=tuple(describe.note(one) if is_new(one, memory.noted) else one for one in notes),
        next_check_at=min([*again, now + LONGEST_SLEEP]),
        unseen=tuple((start, min(end, now)) for start, end in scene.unseen),
        sight=scene.sight,
    )


def _scene(
    home: Home, plan: "CarePlan", state: HomeState, now: datetime, zone: ZoneInfo, memory: Memory, unwatched: Spans
) -> Scene:
    unobservable = plan.home_unobservable
    stuck_after = unobservable.stuck_after if unobservable else STUCK_AFTER
    devices = {device.device_id: device for device in home.devices}
    seen = state.only(home.devices)
    sight = look_around(devices, seen, now, stuck_after)
    seen = without_stuck(seen, sight, stuck_after)
    activity = seen.activity
    quiet_since = activity.at if activity else home.registered_at
    unseen = union(sight.unseen, memory.unseen) if sight.unseen or memory.unseen else ()
    return Scene(
        home=home,
        devices=devices,
        state=seen,
        now=now,
        zone=zone,
        standing={**memory.noted, **memory.standing} if memory.noted else memory.standing,
        activity=activity,
        sight=sight,
        where=whereabouts(devices, seen, now, plan.away),
        unwatched=unwatched,
        unseen=since(unseen, min(quiet_since, now - UNSEEN_KEPT)),
        told_as_one=unobservable is not None,
    )


def _prompted_again(findings: Iterable[Finding], plan: "CarePlan", memory: Memory, now: datetime) -> Iterator[datetime]:
    """While the resident is being asked, the home is looked at again at once and again: any activity is an answer."""
    for finding in findings:
        prompt = plan.prompts.get(finding.kind.value)
        if prompt is not None:
            found_at = now if is_new(finding, memory.standing) else memory.standing[finding.key]
            if now < found_at + prompt:
                yield min(now + PROMPT_RECHECK, found_at + prompt)


def describe(home: Home, plan: "CarePlan", state: HomeState, now: datetime, zone: ZoneInfo) -> Evidence:
    """The verdict of a home at `now` with its reasons, for people who look at it; see `lampkeep.domain.verdict`."""
    scene = _scene(home, plan, state, now.astimezone(UTC), zone, NOTHING, ())
    verdict = check(home, plan, state, now, zone).verdict
    return reasons(scene, verdict)


def answered(state: HomeState, home: Home, asked_at: datetime) -> bool | None:
    """The resident's answer to a prompt since `asked_at`: well (any activity is), not well, or None for none yet."""
    seen = state.only(home.devices)
    for device in home.devices:
        answer = seen.of(device.device_id, MessageType.PROMPT_ANSWER)
        if answer is not None and answer.off_at and answer.off_at[0] > asked_at:
            return False
    activity = seen.activity
    return True if activity is not None and activity.at > asked_at else None


def _lowered_until(scene: Scene, plan: "CarePlan") -> datetime | None:
    """Until when a silence is only a note: while the resident is away, but never longer than `not_returned` waits."""
    left_at, sight_lost_at = scene.where.since, scene.sight.since
    if scene.where.place is not Place.AWAY or left_at is None:
        return None
    if sight_lost_at is not None and sight_lost_at <= left_at:
        return None  # who is at home could not be seen either
    rests = resting(scene.home, AlertKind.NOT_RETURNED.value, scene.now, scene.zone)[0] is not None
    if plan.not_returned is not None and not rests:
        return FOREVER  # that rule raises its own alert
    return NotReturned().due_at(left_at, scene.zone, scene.unwatched)


def _suspensions_over(scene: Scene) -> Iterator[Note]:
    """A note on the day a suspension is over, for a week; told once."""
    for pause in scene.home.suspensions:
        over_at = first_instant(pause.until_day, time(0), scene.zone)
        if over_at <= scene.now < over_at + NOTED_FOR and pause.from_day < pause.until_day:
            subject = f"{pause.until_day.isoformat()} {','.join(sorted(pause.rules))}"
            yield Note(what=SUSPENSION_OVER, subject=subject, since=over_at)


class _Describer:
    """Puts evidence to what is to be told: that of its rule, and the reasons of the verdict."""

    def __init__(self, scene: Scene, plan: "CarePlan", verdict: HomeVerdict) -> None:
        self._scene = scene
        self._rules = {rule.kind.value: rule for rule in plan.rules}
        self._verdict = verdict

    def finding(self, finding: Finding) -> Finding:
        """With its evidence."""
        evidence = self._rules[finding.kind.value].describe(finding, self._scene)
        return replace(finding, evidence=evidence | reasons(self._scene, self._verdict))

    def note(self, note: Note) -> Note:
        """With its evidence."""
        rule = self._rules.get(note.what)
        if rule is None:
            names = note.subject.partition(" ")[2]
            zh, en = f"暂停已结束，规则恢复：{names}", f"The suspension is over, these rules hold again: {names}"
            return replace(note, evidence=told(self._scene, zh=zh, en=en))
        finding = Finding(kind=AlertKind(note.what), subject=note.subject, since=note.since)
        return replace(note, evidence=rule.describe(finding, self._scene) | reasons(self._scene, self._verdict))


def wake_at(reading: Reading, device: Device, plan: "CarePlan") -> datetime | None:
    """The earliest instant at which `reading` could make a rule find more than the home's next check awaits, or None.

    Whoever stores the reading moves the next check forward to it; an instant in the past means now.
    """
    if reading.on is None and reading.battery is None and reading.type != MessageType.HEARTBEAT:
        return None
    earliest = None
    for rule in plan.rules:
        at = rule.wake_at(reading, device)
        if at is not None and (earliest is None or at < earliest):
            earliest = at
    return earliest


def _look(rule: Rule, scene: Scene) -> Look:
    rests_until, rested_until = resting(scene.home, rule.kind.value, scene.now, scene.zone)
    if rests_until is not None:
        return Look(again_at=rests_until)
    return rule.look(scene.after_rest(rested_until))
