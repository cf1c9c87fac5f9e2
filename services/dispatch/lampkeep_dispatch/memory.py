"""What earlier looks at homes left behind, read and written in the transaction that looks."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from lampkeep.domain.findings import Key, Memory, Verdict
from lampkeep.domain.spans import Spans
from lampkeep_dispatch.database import Connection
from lampkeep_dispatch.sql import QUERIES


async def load_memories(connection: Connection, watched: Sequence[Mapping[str, Any]]) -> dict[str, Memory]:
    """The memory of each home of `watched`, rows of `home_watch` that are held."""
    home_ids = [row["home_id"] for row in watched]
    told: dict[str, dict[Key, datetime]] = {}
    noted: dict[str, dict[Key, datetime]] = {}
    for row in await (await connection.execute(QUERIES["told_of_homes"], {"home_ids": home_ids})).fetchall():
        of_home = (noted if row["noted"] else told).setdefault(row["home_id"], {})
        of_home[row["kind"], row["subject"]] = row["found_at"]
    return {
        row["home_id"]: Memory(
            standing=told.get(row["home_id"], {}),
            noted=noted.get(row["home_id"], {}),
            unseen=_spans(row["unseen"]),
        )
        for row in watched
    }


async def remember_sight(
    connection: Connection, watched: Mapping[str, Mapping[str, Any]], verdicts: Iterable[tuple[str, Verdict]]
) -> None:
    """Write where sight of a home was lost or came back; nearly always there is nothing to write."""
    for home_id, verdict in verdicts:
        row = watched[home_id]
        if verdict.unseen == _spans(row["unseen"]) and verdict.sight.since == row["unobservable_since"]:
            continue
        unseen = [[start.isoformat(), end.isoformat()] for start, end in verdict.unseen]
        now_known = {"home_id": home_id, "unseen": Jsonb(unseen), "unobservable_since": verdict.sight.since}
        await connection.execute(QUERIES["remember_sight"], now_known)


def _spans(kept: list[list[str]]) -> Spans:
    return tuple((datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in kept)
