"""`lampkeep replay`: recorded messages, or stored history, through the live rules; their alerts as JSON lines."""

import gc
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from lampkeep_standalone.errors import UsageError
from lampkeep_standalone.progress import Progress

if TYPE_CHECKING:
    from lampkeep.contracts.community import Community
    from lampkeep.replay.collapse import Collapse
    from lampkeep.replay.stored import History
    from lampkeep.settings import Settings


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What is tried: one plan or several, and `collapses` that are drawn by `seed` (None: not asked for)."""

    plan: str | None = None
    compare: tuple[str, str] | None = None
    collapses: int | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        """Raise UsageError where options contradict each other."""
        if self.plan is not None and self.compare is not None:
            raise UsageError("--compare names two plans: leave --plan out")
        if self.seed is not None and self.collapses is None:
            raise UsageError("--seed goes with --collapse")

    @property
    def plans(self) -> tuple[str | None, ...]:
        """The plans to run; None is each home's own."""
        return self.compare or (self.plan,)

    @property
    def plan_option(self) -> str:
        """The option that named a plan."""
        return "--plan" if self.compare is None else "--compare"


def replay(file: Path, community: Path, experiment: Experiment) -> None:
    """Print one JSON line for each alert, then the summary; what was left out is told on stderr.

    Raises CommunityError, and UsageError for a recording that cannot be read or a plan that does not exist.
    """
    from lampkeep.contracts.community.parse import read_file  # noqa: PLC0415 - slow to import
    from lampkeep.replay import UnknownPlanError  # noqa: PLC0415 - as above

    known = read_file(community)
    try:
        _replay(file, known, experiment)
    except UnknownPlanError as error:
        raise UsageError(f"{experiment.plan_option}: {error}") from error
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise UsageError(f"{file}: {error.strerror}") from error


def _replay(file: Path, known: "Community", experiment: Experiment) -> None:
    from lampkeep.replay import compare, require_plans, run  # noqa: PLC0415 - slow to import

    require_plans(known, experiment.plans)
    gc.freeze()  # what was imported need not be searched for garbage over and over: a twentieth of the time
    collapses = None if experiment.collapses is None else _draw(file, known, experiment.collapses, experiment.seed or 0)
    bar = Progress("replaying")
    with file.open("rb") as read:
        lines, report = bar.of_lines(read, file.stat().st_size), _reporter(bar)
        if experiment.compare is not None:
            _print_comparison(compare(lines, known, experiment.compare, collapses=collapses, report=report), bar)
            return
        for found in run(lines, known, experiment.plan, collapses=collapses, report=report):
            _print(found, bar)


def _draw(file: Path, known: "Community", count: int, seed: int) -> "list[Collapse]":
    from lampkeep.replay import draw_collapses  # noqa: PLC0415 - slow to import

    read_twice = file.stat()
    if not stat.S_ISREG(read_twice.st_mode) and not stat.S_ISDIR(read_twice.st_mode):
        raise UsageError(f"{file}: --collapse reads the recording twice: it must be a regular file")
    bar = Progress("drawing")
    with file.open("rb") as read:
        return _told(draw_collapses(bar.of_lines(read, read_twice.st_size), known, count, seed), bar)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The history of a home that is asked for. `start` and `end` are instants, or local times without a zone."""

    home_id: str
    start: datetime
    end: datetime


async def replay_stored(
    settings: "Settings", data_dir: Path | None, stretch: Stretch, experiment: Experiment, *, now: datetime
) -> None:
    """The same of what the database keeps, up to `now` at most; raises UsageError for a home or plan that does not
    exist."""
    from lampkeep.db.connections import connect  # noqa: PLC0415 - nothing of this is needed for a file
    from lampkeep.registry.context import load_zone  # noqa: PLC0415
    from lampkeep.replay.plays import UnknownPlanError  # noqa: PLC0415
    from lampkeep.replay.stored import History, UnknownHomeError, registered_home  # noqa: PLC0415
    from lampkeep_standalone import database  # noqa: PLC0415

    async with (
        database.opened(settings, data_dir, holder="lampkeep replay") as url,
        await connect(url, application="lampkeep-replay", autocommit=True) as connection,
    ):
        # whoever pages through the alerts may take their time
        await connection.execute("set idle_in_transaction_session_timeout = 0")
        zone = await load_zone(connection)
        start, end = (at if at.tzinfo else at.replace(tzinfo=zone) for at in (stretch.start, stretch.end))
        if end <= start:
            raise UsageError("--to: it is not later than --from")
        try:
            home, plan = await registered_home(connection, stretch.home_id)
            history = History(connection=connection, home=home, plan=plan, zone=zone, start=start, end=min(end, now))
            await _replay_stored(history, experiment)
        except UnknownHomeError as error:
            raise UsageError(f"--home: {error}") from error
        except UnknownPlanError as error:
            raise UsageError(f"{experiment.plan_option}: {error}") from error


async def _replay_stored(history: "History", experiment: Experiment) -> None:
    await history.require_plans(experiment.plans)
    collapses = None
    if experiment.collapses is not None:
        bar = Progress("drawing")
        drawn = await replace(history, watch=_along(bar, history)).draw_collapses(
            experiment.collapses, experiment.seed or 0
        )
        collapses = _told(drawn, bar)
    bar = Progress("replaying")
    history = replace(history, watch=_along(bar, history))
    if experiment.compare is not None:
        _print_comparison(await history.compare(experiment.compare, collapses=collapses), bar)
        return
    async with aclosing(history.run(experiment.plan, collapses=collapses)) as found:
        async for one in found:
            _print(one, bar)


def stretch(given: Mapping[str, str | None], out_of_place: Mapping[str, object]) -> Stretch:
    """What `--home`, `--from` and `--to` ask for; UsageError where one is missing, or `out_of_place` is given."""
    refuse(out_of_place, "does not go with --from-database: the database has its own")
    home_id, start, end = require(given, "--from-database")
    return Stretch(home_id=home_id, start=_time(start, "--from"), end=_time(end, "--to"))


def refuse(given: Mapping[str, object], why: str) -> None:
    """Raise UsageError for the first option that was given."""
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"{name}: {why}")


def require(given: Mapping[str, _T | None], what: str) -> list[_T]:
    """The values; UsageError that names those that are missing."""
    missing = [name for name, value in given.items() if value is None]
    if missing:
        raise UsageError(f"{what} needs {' and '.join(missing)}")
    return [value for value in given.values() if value is not None]


def _time(text: str, option: str) -> datetime:
    """An RFC 3339 instant, or a date or time without zone, which is the community's."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option}: {text!r} is no time: write 2026-11-01 or 2026-11-01T08:00:00Z") from None


def _along(bar: Progress, history: "History") -> Callable[[datetime], None]:
    start, whole = history.start, history.end - history.start
    return lambda at: bar.reached((at - start) / whole)


def _reporter(bar: Progress) -> Callable[[str], None]:
    def report(line: str) -> None:
        bar.clear()
        sys.stderr.write(line + "\n")

    return report


def _told(drawn: "list[Collapse]", bar: Progress) -> "list[Collapse]":
    bar.clear()
    if not drawn:
        sys.stderr.write("no collapse was drawn: at no time was anybody awake and at home\n")
    return drawn


def _print(found: dict[str, Any], bar: Progress) -> None:
    bar.clear()
    print(orjson.dumps(found).decode())


def _print_comparison(found: dict[str, Any], bar: Progress) -> None:
    bar.clear()
    if sys.stdout.isatty():
        for row in table(found["compare"]):
            print(row)
    print(orjson.dumps(found).decode())


def table(plans: Sequence[dict[str, Any]]) -> list[str]:
    """The outcomes side by side, a plan a column."""
    kinds = sorted({kind for one in plans for kind in one["summary"]["alerts"]})
    rows = [["", *(one["plan"] for one in plans)]]
    rows.append(["home-days", *(f"{one['summary']['home_days']:.1f}" for one in plans)])
    rows += [[kind, *(str(one["summary"]["alerts"].get(kind, 0)) for one in plans)] for kind in kinds]
    rows.append(["alerts a home-day", *(f"{one['summary']['per_home_day']:.4f}" for one in plans)])
    if all("collapse" in one for one in plans):
        first = [one["collapse"]["first"]["hours"] for one in plans]
        rows += [
            [f"noticed after, {name}", *(_hours(hours[name]) for hours in first)] for name in ("p50", "p90", "max")
        ]
        rows.append(["hidden by away", *(str(one["collapse"]["hidden_by_away"]) for one in plans)])
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join([row[0].ljust(wide[0]), *map(str.rjust, row[1:], wide[1:])]) for row in rows]


def _hours(hours: float | None) -> str:
    return "not noticed" if hours is None else f"{hours:.1f} h"
