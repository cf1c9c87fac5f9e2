"""The rules of a care plan, one module each, and the look at a home with all of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from lampkeep.domain.findings import HomeVerdict, Look, Rule, Scene, Standing, Verdict, is_new, resting
from lampkeep.domain.home import Device, Home
from lampkeep.domain.home_state import HomeState, Reading
from lampkeep.domain.vocabulary import AlertKind

if TYPE_CHECKING:
    from lampkeep.domain.care_plan import CarePlan

LONGEST_SLEEP = timedelta(hours=24)
"""A home is looked at once a day even where no rule has a reason to: a safety net, as the slow poll is for timers."""

_SILENT = frozenset({AlertKind.INACTIVITY, AlertKind.NOT_UP})


def check(
    home: Home, plan: "CarePlan", state: HomeState, now: datetime, zone: ZoneInfo, *, standing: Standing | None = None
) -> Verdict:
    """What holds in `home` at `now`, and when to look again: never later than the first instant at which a rule would
    find more without a new message, and always after `now`.

    `standing` are the findings that were told and not over at the last look; a low battery needs more to be over than
    to begin. A `state` may hold devices that are no longer in the home: they are not seen.
    """
    now = now.astimezone(UTC)  # arithmetic in a zone with clock changes would reckon by the wall clock
    seen = state.only(home.devices)
    scene = Scene(home=home, state=seen, now=now, zone=zone, standing=standing or {}, activity=seen.activity)
    looks = [_look(rule, scene) for rule in plan.rules]
    findings = tuple(finding for look in looks for finding in look.findings)
    silent = any(finding.kind in _SILENT for finding in findings)
    return Verdict(
        verdict=HomeVerdict.SILENT if silent else HomeVerdict.ACTIVE,
        findings=findings,
        next_check_at=min([look.again_at for look in looks if look.again_at] + [now + LONGEST_SLEEP]),
    )


def wake_at(reading: Reading, device: Device, plan: "CarePlan") -> datetime | None:
    """The earliest instant at which `reading` could make a rule find more than the home's next check awaits, or None.

    Whoever stores the reading moves the next check forward to it; an instant in the past means now.
    """
    if reading.on is None and reading.battery is None:
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
    scene = scene.after_rest(rested_until)
    look = rule.look(scene)
    if not look.findings:
        return look
    told = (
        replace(finding, evidence=rule.describe(finding, scene)) if is_new(finding, scene.standing) else finding
        for finding in look.findings
    )
    return Look(findings=tuple(told), again_at=look.again_at)
