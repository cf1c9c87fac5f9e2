"""`lampkeep commission`: which sensors of a home should be looked at, as JSON lines."""

from collections import Counter
from datetime import datetime, timedelta

import orjson

from lampkeep.clock import SystemClock
from lampkeep.domain.commissioning import Inspection, described
from lampkeep.replay.inspecting import as_reading, inspect_home, inspection_for
from lampkeep.settings import Settings
from lampkeep_standalone import database
from lampkeep_standalone.home_history import Source, known_in, known_to, recorded


async def commission(settings: Settings, source: Source, home_id: str, *, days: int) -> None:
    """Print one JSON line for each suspicion, then the summary. Raises CommunityError and UsageError."""
    if source.file is not None and source.community is not None:
        known = known_in(source.community, home_id)
        inspection = inspection_for(known.home, known.plan, known.zone)
        with recorded(source.file, known.home) as lines:
            for at, said in lines:
                inspection.hear(as_reading(at, said))
        _print(inspection, home_id, now=None)
        return
    now = SystemClock().now()
    async with database.connected(settings, source.data_dir, "lampkeep commission") as connection:
        known = await known_to(connection, home_id)
        back = timedelta(days=days)
        inspection = await inspect_home(connection, known.home, known.plan, known.zone, now=now, back=back)
    _print(inspection, home_id, now=now)


def _print(inspection: Inspection, home_id: str, *, now: datetime | None) -> None:
    found = inspection.suspicions(now)
    for one in found:
        print(orjson.dumps(described(one, home_id)).decode())
    summary = {
        "home": home_id,
        "days": round(inspection.listened / timedelta(days=1), 3),
        "messages": inspection.messages,
        "absences": inspection.absences,
        "suspicions": dict(sorted(Counter(one.flaw.value for one in found).items())),
    }
    print(orjson.dumps({"summary": summary}).decode())
