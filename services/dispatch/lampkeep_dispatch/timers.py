"""Timers: alerts whose escalation is due, one transaction each; sleeps to the nearest due instant.

One worker for `life` alerts and one for the rest, so that a herd of the latter delays none of the former.
"""

from datetime import timedelta

import structlog

from lampkeep.db.connections import DatabaseUnavailableError
from lampkeep.domain import escalation
from lampkeep_dispatch import events
from lampkeep_dispatch.alerts.around import around
from lampkeep_dispatch.alerts.decisions import Decision, Desk, decide
from lampkeep_dispatch.database import Connection, Line
from lampkeep_dispatch.failures import failed
from lampkeep_dispatch.loops import POLL_S
from lampkeep_dispatch.sql import QUERIES

PUT_OFF = timedelta(seconds=5)
"""An alert that cannot be advanced is tried again after this, and the others get their turn meanwhile."""

AFTER_DUE_S = 0.001
"""Woken a moment after the due instant: a timer that rings early would only look twice."""

log = structlog.get_logger()


class Timers:
    """The worker of one lane."""

    def __init__(self, desk: Desk, line: Line, *, life: bool) -> None:
        """With a line of its own."""
        self._desk = desk
        self._line = line
        self._life = life
        self._at = ""

    async def once(self) -> float:
        """Advance the alert that is due first; returns the seconds to the next due instant where none is."""
        self._at = ""
        try:
            if await decide(self._desk, self._line, self._work):
                return 0.0
        except DatabaseUnavailableError:
            raise
        except Exception as error:
            if not self._at:
                raise
            failed(events.ALERT_FAILED, error, alert_id=self._at)
            await self._line.run(self._put_off)
            return 0.0
        return await self._line.run(self._next)

    async def _work(self, decision: Decision) -> bool:
        wanted = {"life": self._life, "now": decision.now}
        alert = await decision.locked(QUERIES["due_alert"], wanted)
        if alert is None:
            return False
        self._at = alert.alert_id
        surroundings = await around(decision.connection, alert)
        alert, effects = escalation.tick(alert, decision.now, surroundings.people(decision.now))
        await decision.advance(alert, effects, surroundings)
        return True

    async def _put_off(self, connection: Connection) -> None:
        later = {"alert_id": self._at, "at": self._desk.clock.now() + PUT_OFF}
        await connection.execute(QUERIES["put_off_alert"], later)

    async def _next(self, connection: Connection) -> float:
        row = await (await connection.execute(QUERIES["next_due"], {"life": self._life})).fetchone()
        if row is None or row["at"] is None:
            return POLL_S
        until: timedelta = row["at"] - self._desk.clock.now()
        return max(0.0, until.total_seconds()) + AFTER_DUE_S
