"""Acts of people to consequences: the state was changed by whoever wrote the act, what follows from it happens here."""

from datetime import datetime, timedelta

import structlog

from lampkeep.db.connections import DatabaseUnavailableError
from lampkeep.domain import escalation
from lampkeep.domain.alert import Alert
from lampkeep.domain.life_cycle import Act
from lampkeep.domain.vocabulary import DUTY_ROOM, AlertState
from lampkeep_dispatch import events
from lampkeep_dispatch.alerts.around import Around, around
from lampkeep_dispatch.alerts.decisions import Decision, Desk, decide
from lampkeep_dispatch.database import Line
from lampkeep_dispatch.failures import failed
from lampkeep_dispatch.loops import POLL_S
from lampkeep_dispatch.sql import QUERIES

ASIDE = timedelta(seconds=5)
"""Acts that cannot be reacted to are tried again after this, and those on other alerts get their turn meanwhile."""

log = structlog.get_logger()


class Acts:
    """The worker on acts."""

    def __init__(self, desk: Desk, line: Line) -> None:
        """With a line of its own."""
        self._desk = desk
        self._line = line
        self._at = ""
        self._aside: dict[str, datetime] = {}

    async def once(self) -> float:
        """React to all acts on one alert, in their order; returns 0 where there were any."""
        self._at = ""
        try:
            return 0.0 if await decide(self._desk, self._line, self._work) else POLL_S
        except DatabaseUnavailableError:
            raise
        except Exception as error:
            if not self._at:
                raise
            failed(events.ALERT_FAILED, error, alert_id=self._at)
            self._aside[self._at] = self._desk.clock.now() + ASIDE
            return 0.0

    async def _work(self, decision: Decision) -> bool:
        self._aside = {alert_id: until for alert_id, until in self._aside.items() if until > decision.now}
        cursor = await decision.connection.execute(QUERIES["alert_with_acts"], {"aside": list(self._aside)})
        row = await cursor.fetchone()
        if row is None:
            return False
        alert = decision.alert(row)
        self._at = alert.alert_id
        wanted = {"alert_id": alert.alert_id}
        acts = await (await decision.connection.execute(QUERIES["acts_of_alert"], wanted)).fetchall()
        surroundings = await around(decision.connection, alert)
        for act in acts:
            alert = await _react(decision, alert, act, surroundings)
        handled = {"act_ids": [act["act_id"] for act in acts], "now": decision.now}
        await decision.connection.execute(QUERIES["handle_acts"], handled)
        return bool(acts)


async def _react(decision: Decision, alert: Alert, row: dict[str, object], around: Around) -> Alert:
    act, actor, detail = Act(str(row["act"])), _mapping(row["actor"]), _mapping(row["detail"])
    entered = tuple(AlertState(state) for state in _texts(row["entered"]))
    alert, effects = escalation.react(
        alert,
        act,
        entered=entered,
        by_operator=actor.get("kind") == "user" or actor.get("role") in DUTY_ROOM,
        has_reason=bool(str(detail.get("note") or "").strip()),
        now=decision.now,
        people=around.people(decision.now),
    )
    writer = decision.writer(alert, around, entry=f"act/{row['act_id']}")
    if any(state.is_owned or state.is_closed for state in entered):
        await writer.stop_asking()
    await decision.save(alert)
    await writer.write(effects)
    decision.after.logs.append((events.ACT_HANDLED, {"alert_id": alert.alert_id, "act": act.value}))
    return alert


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
