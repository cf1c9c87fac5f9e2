"""`lampkeep baseline`: thresholds of `inactivity` learned from a home's own history; only `--apply` writes them."""

import hashlib
from bisect import bisect_right
from collections.abc import Mapping
from contextlib import aclosing
from datetime import datetime, timedelta
from math import isfinite
from operator import itemgetter
from typing import Any

import orjson
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.clock import SystemClock
from lampkeep.contracts.community import InvalidObjectError
from lampkeep.contracts.community.fields import format_duration
from lampkeep.domain.baseline import Usual
from lampkeep.domain.rules.inactivity import Inactivity
from lampkeep.domain.rules.wording import length
from lampkeep.domain.vocabulary import AlertKind, Priority
from lampkeep.registry import checks, objects
from lampkeep.registry.objects import Kind, StaleVersionError, Stored
from lampkeep.replay.history import said_in_home
from lampkeep.replay.learning import History, Lesson, TooLittleHistoryError, Trial, learn
from lampkeep.settings import Settings
from lampkeep_standalone import database
from lampkeep_standalone.errors import StandaloneError, UsageError
from lampkeep_standalone.home_history import Known, Source, known_in, known_to, recorded

LONGEST_ID = 63

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOUR = timedelta(hours=1)


async def baseline(settings: Settings, source: Source, home_id: str, *, days: int, budget: float, apply: bool) -> None:
    """Print what is usual, the plan before and after, and a summary, a JSON line each.

    With `apply` the home gets a plan of its own with the thresholds proposed. Raises CommunityError, StandaloneError,
    and UsageError, also where there is too little history.
    """
    if not isfinite(budget):
        raise UsageError(f"--budget {budget}: write false alarms per home-day, such as 0.0333")
    if source.file is not None and source.community is not None:
        if apply:
            raise UsageError("--apply: a recording is no registry; leave out --file, or --apply")
        known = known_in(source.community, home_id)
        with recorded(source.file, known.home) as lines:
            said = list(lines)
        _report(_learn(said, known, days=days, budget=budget), known, budget=budget, applied=None)
        return
    now = SystemClock().now()
    async with database.connected(settings, source.data_dir, "lampkeep baseline") as connection:
        known = await known_to(connection, home_id)
        async with aclosing(said_in_home(connection, home_id, start=now - timedelta(days=days + 1), end=now)) as heard:
            said = [one async for one in heard]
        lesson = _learn(said, known, days=days, budget=budget)
        plan_id = await _apply(connection, known, lesson, now=now) if apply else None
    _report(lesson, known, budget=budget, applied=plan_id)


def _learn(said: History, known: Known, *, days: int, budget: float) -> Lesson:
    try:
        return learn(_newest(said, days), known.home, known.plan, known.zone, budget=budget)
    except TooLittleHistoryError as error:
        raise UsageError(f"--home {known.home.home_id}: {error}") from error


def _newest(said: History, days: int) -> History:
    """The newest `days`: whole, so from the last message before they begin."""
    if not said:
        return said
    start = said[-1][0] - timedelta(days=days)
    return said[max(bisect_right(said, start, key=itemgetter(0)) - 1, 0) :]


async def _apply(connection: AsyncConnection[DictRow], known: Known, lesson: Lesson, *, now: datetime) -> str:
    """Write the plan and point the home to it; returns its id. Raises StandaloneError where nothing can be written."""
    home_id = known.home.home_id
    if lesson.after is None or lesson.after.rule is None:
        raise StandaloneError(f"home {home_id}: no thresholds keep within the budget; nothing was written")
    async with connection.transaction():
        home = await objects.get(connection, Kind.HOME, home_id)
        plan = await objects.get(connection, Kind.PLAN, known.home.plan_id)
        own = _own_id(known.home.plan_id, home_id)
        users = await checks.users(connection, Kind.PLAN.value, own)
    if home is None or plan is None:
        raise StandaloneError(f"home {home_id} went away meanwhile; nothing was written")
    if set(users) - {f"home {home_id}"}:
        raise StandaloneError(f"plan {own} is used by {', '.join(users)}, too; nothing was written")
    try:
        await objects.put(connection, Kind.PLAN, own, _plan_body(plan, own, lesson.after.rule), now=now)
        if own != known.home.plan_id:
            moved = {key: value for key, value in home.body.items() if key != "devices"} | {"plan": own}
            await objects.put(connection, Kind.HOME, home_id, moved, now=now, if_version=home.version)
    except (InvalidObjectError, StaleVersionError) as error:
        raise StandaloneError(f"home {home_id} was changed meanwhile, try again: {error}") from error
    return own


def _plan_body(plan: Stored, own: str, rule: Inactivity) -> dict[str, Any]:
    """The home's plan as it is spelled, with the thresholds in place of its own; all else stays."""
    given = plan.body["rules"].get(AlertKind.INACTIVITY.value)
    kept = given if isinstance(given, Mapping) else {}
    rules = {**plan.body["rules"], AlertKind.INACTIVITY.value: {**kept, **_thresholds(rule)}}
    return {**plan.body, "id": own, "rules": rules}


def _own_id(plan_id: str, home_id: str) -> str:
    """`<plan>-<home>`; where that is too long for an id, a digest stands for the home. A plan that is the home's own
    already keeps its name."""
    digest = hashlib.sha256(home_id.encode()).hexdigest()[:8]
    if plan_id.endswith((f"-{home_id}", f"-{digest}")):
        return plan_id
    own = f"{plan_id}-{home_id}"
    return own if len(own) <= LONGEST_ID else f"{plan_id[: LONGEST_ID - 1 - len(digest)]}-{digest}"


def _thresholds(rule: Inactivity) -> dict[str, str]:
    return {"day": format_duration(rule.day), "night": format_duration(rule.night)}


def _report(lesson: Lesson, known: Known, *, budget: float, applied: str | None) -> None:
    before, after = _trial(lesson.before), None if lesson.after is None else _trial(lesson.after)
    summary = {"home": known.home.home_id, "days": round(lesson.days, 3), "budget": budget, "applied": applied}
    for line in (
        {"usual": _by_weekday(lesson.usual)},
        {"before": {"plan": known.plan.plan_id, **before}},
        {"after": after},
        {"summary": {**summary, **_sentences(lesson)}},
    ):
        print(orjson.dumps(line).decode())


def _by_weekday(usual: Usual) -> dict[str, list[float]]:
    """The longest usual silence of each local hour, in hours."""
    hours = [round(longest / _HOUR, 1) for longest in usual]
    return {name: hours[24 * day : 24 * (day + 1)] for day, name in enumerate(_WEEKDAYS)}


def _trial(trial: Trial) -> dict[str, Any]:
    rule = trial.rule
    told = {kind: count for kind, count in sorted(trial.alerts.items()) if _about_people(kind)}
    noticed = None if trial.noticed_after is None else round(trial.noticed_after / _HOUR, 1)
    return {
        "inactivity": None if rule is None else {**_thresholds(rule), "day_hours": _hours(rule)},
        "false_alarms": trial.false_alarms,
        "per_home_day": trial.per_home_day,
        "welfare_alerts": told,
        "noticed_after_h": noticed,
    }


def _about_people(kind: str) -> bool:
    return AlertKind(kind).priority is Priority.WELFARE


def _hours(rule: Inactivity) -> str:
    return f"{rule.day_hours.start:%H:%M}-{rule.day_hours.end:%H:%M}"


def _sentences(lesson: Lesson) -> dict[str, str]:
    if lesson.after is None or lesson.after.rule is None:
        zh, en = "没有任何阈值能满足误报预算", "No thresholds keep within the budget"
        return {"text_zh": zh, "text_en": en}
    rule, was, rate = lesson.after.rule, lesson.before.per_home_day, lesson.after.per_home_day
    return {
        "text_zh": f"建议：白天{length(rule.day, 'zh')}，夜间{length(rule.night, 'zh')}；"
        f"每户每天误报：原{was}，改后{rate}",
        "text_en": f"Proposed: day {length(rule.day, 'en')}, night {length(rule.night, 'en')}; "
        f"false alarms per home-day: {was} before, {rate} after",
    }
