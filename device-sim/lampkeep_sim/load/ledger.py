"""What the database holds of a load run, read once at its end. Nothing here writes."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lampkeep.db.connections import connect
from lampkeep_sim.load.sent import Identity

POLL_S = 0.5
"""Counting reads the whole history, so it must not become a load of its own."""

STORED = """
select account, device_id, message_id, count(*) as copies
from (select account, device_id, message_id from urgent_messages
      union all select account, device_id, message_id from observations) as history
where starts_with(message_id, %(prefix)s)
group by account, device_id, message_id
"""

CAUSES = """
select u.account, u.device_id, u.message_id, a.alert_id, a.home_id
from urgent_messages u join occurrences o using (urgent_id) join alerts a using (alert_id)
where starts_with(u.message_id, %(prefix)s)
"""

COUNT = """
select (select count(*) from observations where starts_with(message_id, %(prefix)s))
     + (select count(*) from urgent_messages where starts_with(message_id, %(prefix)s)) as stored
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What is in the tables.

    `stored` maps each message to its number of rows, `causes` each press to the alerts that it is part of, and
    `alerts_of_home` each home to the alerts of this run.
    """

    stored: Mapping[Identity, int] = field(default_factory=dict)
    causes: Mapping[Identity, tuple[str, ...]] = field(default_factory=dict)
    alerts_of_home: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


async def read_ledger(database_url: str, prefix: str) -> Ledger:
    """Read what a run left behind; `prefix` is that of its message ids."""
    async with await connect(database_url, application="lampkeep-load", autocommit=True) as connection:
        stored = await (await connection.execute(STORED, {"prefix": prefix})).fetchall()
        causes = await (await connection.execute(CAUSES, {"prefix": prefix})).fetchall()
    of_home: dict[str, set[str]] = defaultdict(set)
    for row in causes:
        of_home[row["home_id"]].add(row["alert_id"])
    of_press: dict[Identity, list[str]] = defaultdict(list)
    for row in causes:
        of_press[_identity(row)].append(row["alert_id"])
    return Ledger(
        stored={_identity(row): row["copies"] for row in stored},
        causes={press: tuple(alerts) for press, alerts in of_press.items()},
        alerts_of_home={home: tuple(sorted(alerts)) for home, alerts in of_home.items()},
    )


async def count_stored(database_url: str, prefix: str) -> int:
    """Return how many messages of a run are stored."""
    async with await connect(database_url, application="lampkeep-load", autocommit=True) as connection:
        row = await (await connection.execute(COUNT, {"prefix": prefix})).fetchone()
    return int(row["stored"]) if row else 0


async def until_stored(database_url: str, prefix: str, expected: int, timeout_s: float) -> tuple[int, float]:
    """Wait until `expected` messages of a run are stored; return how many are and how long it took (seconds)."""
    start = time.monotonic()
    while True:
        stored = await count_stored(database_url, prefix)
        waited_s = time.monotonic() - start
        if stored >= expected or waited_s > timeout_s:
            return stored, waited_s
        await asyncio.sleep(POLL_S)


def _identity(row: Mapping[str, Any]) -> Identity:
    return (row["account"], row["device_id"], row["message_id"])
