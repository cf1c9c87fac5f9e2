"""Readiness: the database and its schema decide whether the API can work; the other services are only reported."""

from datetime import datetime, timedelta

from lampkeep.db.migrate import flavour, pending
from lampkeep.db.queries import load
from lampkeep.health import Part
from lampkeep_api.database import Connection

QUERIES = load(__package__)

SILENT_AFTER = timedelta(seconds=15)
"""A service whose newest heartbeat is older is reported as silent: three beats of five seconds."""

DECIDING = ("database", "migrations", "stream")
"""Parts without which the API cannot answer. Without ingest or dispatch it still shows and takes acts."""

SERVICES = ("ingest", "dispatch")


async def database_parts(connection: Connection, now: datetime) -> dict[str, Part]:
    """The state of everything that the database knows of. Raises psycopg's errors."""
    missing = await pending(connection)
    if missing:
        return {
            "database": Part(ok=True, state="answers"),
            "migrations": Part(ok=False, state=f"missing {', '.join(missing)}: run `lampkeep migrate`"),
        }
    kind = await flavour(connection)
    cursor = await connection.execute(QUERIES["heartbeats"], {"since": now - SILENT_AFTER})
    beats = {row["service"]: row for row in await cursor.fetchall()}
    services = {}
    for name in SERVICES:
        row = beats.get(name)
        services[name] = _service(row["beat_at"] if row else None, row["copies"] if row else 0, now)
    return {"database": Part(ok=True, state=kind), "migrations": Part(ok=True, state="current"), **services}


def _service(beat_at: datetime | None, copies: int, now: datetime) -> Part:
    if beat_at is None:
        return Part(ok=False, state="never seen")
    if not copies:
        return Part(ok=False, state=f"silent for {(now - beat_at).total_seconds():.0f} s")
    return Part(ok=True, state="alive" if copies == 1 else f"alive, {copies} copies")
