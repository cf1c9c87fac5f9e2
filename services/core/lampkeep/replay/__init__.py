"""Recorded messages through the live fold and the live rules, with the clock of the recording: `run`.

No database, no broker, constant memory. What people would have done is not part of it.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from lampkeep.contracts.community import Community
from lampkeep.contracts.community.values import homes_for_domain, plans_for_domain
from lampkeep.domain.care_plan import BUILT_IN, CarePlan
from lampkeep.domain.home import Home
from lampkeep.replay.recording import Recording
from lampkeep.replay.watch import Watch

__all__ = ["UnknownPlanError", "run"]


class UnknownPlanError(ValueError):
    """The plan is neither in the community file nor `default`."""


def run(
    lines: Iterable[bytes | str],
    community: Community,
    plan: str | None = None,
    *,
    report: Callable[[str], None] | None = None,
) -> Iterator[dict[str, Any]]:
    """One object for each alert that the live rules would have raised, then {"summary": ...} (contract section 1).

    `plan` is tried in every home instead of its own: an id of the file, or `default` for the built-in one;
    UnknownPlanError (at once) for another. `report` is told in a line each what was left out, by default on stderr.
    """
    return _alerts(Recording(lines, report or _to_stderr), Watch(_homes(community, plan), community.zone))


def _homes(community: Community, plan: str | None) -> list[tuple[Home, CarePlan]]:
    """Every home with the plan to run; `registered_at` is set when its first message comes."""
    homes = homes_for_domain(community, registered_at=_NEVER)
    if plan is None:
        return homes
    plans = plans_for_domain(community) | {BUILT_IN.plan_id: BUILT_IN}
    if plan not in plans:
        raise UnknownPlanError(f"no plan {plan!r}: there are {', '.join(sorted(plans))}")
    return [(replace(home, plan_id=plan), plans[plan]) for home, _ in homes]


def _alerts(recording: Recording, watch: Watch) -> Iterator[dict[str, Any]]:
    counts: Counter[str] = Counter()
    for at, said in recording:
        for alert in watch.hear(at, said):
            counts[alert["kind"]] += 1
            yield alert
    for alert in watch.end():
        counts[alert["kind"]] += 1
        yield alert
    recording.report_end(watch.strangers)
    days = watch.home_days
    yield {
        "summary": {
            "home_days": round(days, 3),
            "alerts": dict(sorted(counts.items())),
            "per_home_day": round(counts.total() / days, 4) if days else 0.0,
        }
    }


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")


_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
