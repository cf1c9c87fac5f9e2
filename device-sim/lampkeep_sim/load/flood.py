"""Observations at a rate: how long until the broker's PUBACK, and how far behind the database is at the end."""

import time
from dataclasses import dataclass
from typing import Any

from lampkeep_sim.community import Community
from lampkeep_sim.load.crowd import Crowd, spread
from lampkeep_sim.load.latency import Summary, summarize
from lampkeep_sim.load.ledger import count_stored, until_stored
from lampkeep_sim.load.schedule import GeneratorAudit, constant, send_all
from lampkeep_sim.session import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodReport:
    """Rates are per second. `stored` and what follows are None for a run without a database to look at.

    `backlog` is what was acknowledged and not stored at the moment when sending ended, `drain_s` how long until it was.
    """

    prefix: str
    offered: int
    offered_rate: float
    acked_rate: float
    puback: Summary
    lateness: Summary
    audit: GeneratorAudit
    backlog: int | None = None
    stored: int | None = None
    drain_s: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            "offered": self.offered,
            "offered_rate": round(self.offered_rate, 1),
            "acked_rate": round(self.acked_rate, 1),
            "puback": self.puback.as_json(),
            "generator_lateness": self.lateness.as_json(),
            "generator_cpu_share": round(self.audit.cpu_share, 3),
            "backlog": self.backlog,
            "stored": self.stored,
            "drain_s": None if self.drain_s is None else round(self.drain_s, 2),
        }


async def flood_run(
    community: Community,
    link: Link,
    *,
    rate: float,
    duration_s: float,
    database_url: str | None = None,
    settle_s: float = 30.0,
) -> FloodReport:
    """Send `rate` observations a second for `duration_s` from all sensors in turn. Raises RunError.

    A PUBACK here is the broker's; that it is durable is for `stored` to show, which needs `database_url`.
    """
    async with Crowd(community, link) as crowd:
        offsets = constant(rate, duration_s)
        start = time.monotonic()
        audit = await send_all(offsets, lambda number, at: crowd.observe(spread(crowd.sensors, number), at))
        spent_s = time.monotonic() - start
        acked_by_end = sum(one.acked_s is not None for one in crowd.sent)
        backlog = stored = drain_s = None
        if database_url:
            backlog = acked_by_end - await count_stored(database_url, crowd.prefix)
        await crowd.settled(settle_s)
        acked = [one.acked_s - one.intended_s for one in crowd.sent if one.acked_s is not None]
        if database_url:
            stored, drain_s = await until_stored(database_url, crowd.prefix, len(acked), settle_s)
    return FloodReport(
        prefix=crowd.prefix,
        offered=len(offsets),
        offered_rate=len(offsets) / spent_s,
        acked_rate=acked_by_end / spent_s,
        puback=summarize(acked, intended=len(offsets)),
        lateness=summarize(audit.lateness_s),
        audit=audit,
        backlog=None if backlog is None else max(0, backlog),
        stored=stored,
        drain_s=drain_s,
    )
