"""Recorded messages through the live fold and the live rules, with the clock of the recording: `run` and `compare`.

No database, no broker, constant memory. What people would have done is not part of it.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeAlias

from lampkeep.contracts.community import Community
from lampkeep.contracts.community.values import homes_for_domain, plans_for_domain
from lampkeep.domain.care_plan import BUILT_IN, CarePlan
from lampkeep.domain.home import Home
from lampkeep.replay.collapse import Collapse, draw
from lampkeep.replay.plays import Play, UnknownPlanError
from lampkeep.replay.recording import Recording
from lampkeep.replay.waking import Waking

__all__ = ["UnknownPlanError", "compare", "draw_collapses", "play_all", "require_plans", "run"]

Lines: TypeAlias = Iterable[bytes | str]
Report: TypeAlias = Callable[[str], None]


def run(
    lines: Lines,
    community: Community,
    plan: str | None = None,
    *,
    collapses: Sequence[Collapse] | None = None,
    report: Report | None = None,
) -> Iterator[dict[str, Any]]:
    """One object for each alert that the live rules would have raised, then {"summary": ...} (contract section 1).

    `plan` is tried in every home instead of its own: an id of the file, or `default` for the built-in one;
    UnknownPlanError (at once) for another. With `collapses` (see `draw_collapses`), {"collapse": ...} comes before the
    summary. `report` is told in a line each what was left out, by default on stderr.
    """
    play = Play(_homes(community, plan), community.zone, collapses=collapses)
    return _alerts(Recording(lines, report or _to_stderr), play)


def compare(
    lines: Lines,
    community: Community,
    plans: Sequence[str],
    *,
    collapses: Sequence[Collapse] | None = None,
    report: Report | None = None,
) -> dict[str, Any]:
    """{"compare": [{"plan": ..., "summary": ...}, ...]} of each of `plans` over the same recording, read once; with
    `collapses`, `collapse` stands in each, too. Plans, errors and `report` as in `run`."""
    plays = play_all(lines, community, plans, collapses=collapses, report=report)
    return {"compare": [{"plan": plan} | play.outcome() for plan, play in zip(plans, plays, strict=True)]}


def play_all(
    lines: Lines,
    community: Community,
    plans: Sequence[str | None],
    *,
    collapses: Sequence[Collapse] | None = None,
    report: Report | None = None,
) -> list[Play]:
    """Each of `plans` (None: each home's own) played to the end of the same recording, which is read once."""
    plays = [Play(_homes(community, plan), community.zone, collapses=collapses) for plan in plans]
    recording = Recording(lines, report or _to_stderr)
    for at, said in recording:
        for play in plays:
            play.hear(at, said)
    for play in plays:
        play.end()
    recording.report_end(plays[0].strangers if plays else {})
    return plays


def draw_collapses(lines: Lines, community: Community, count: int, seed: int = 0) -> list[Collapse]:
    """`count` instants at which a home of the recording falls silent (see `lampkeep.replay.collapse`), which is read
    for it from beginning to end; none where nobody was ever awake and at home."""
    waking = Waking((home for home, _ in _homes(community, None)), community.zone)
    for at, said in Recording(lines, lambda _: None):
        waking.hear(at, said)
    return draw(waking.hours, count, seed)


def require_plans(community: Community, plans: Iterable[str | None]) -> None:
    """Raise UnknownPlanError where one of `plans` is neither in the file nor `default`; None is each home's own."""
    for plan in plans:
        _homes(community, plan)


def _homes(community: Community, plan: str | None) -> list[tuple[Home, CarePlan]]:
    """Every home with the plan to run; `registered_at` is set when its first message comes."""
    homes = homes_for_domain(community, registered_at=_NEVER)
    if plan is None:
        return homes
    plans = plans_for_domain(community) | {BUILT_IN.plan_id: BUILT_IN}
    if plan not in plans:
        raise UnknownPlanError(f"no plan {plan!r}: there are {', '.join(sorted(plans))}")
    return [(replace(home, plan_id=plan), plans[plan]) for home, _ in homes]


def _alerts(recording: Recording, play: Play) -> Iterator[dict[str, Any]]:
    for at, said in recording:
        if alerts := play.hear(at, said):
            yield from alerts
    yield from play.end()
    recording.report_end(play.strangers)
    yield from play.closing()


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")


_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
