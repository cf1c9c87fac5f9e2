"""Load, insert and save alerts, append to their timeline, leave acts for dispatch. The caller owns the transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from lampkeep.alerts.rows import alert_from, columns_of, policy_json, progress_json
from lampkeep.db.queries import load as load_queries
from lampkeep.domain.alert import Alert
from lampkeep.domain.life_cycle import Act
from lampkeep.domain.vocabulary import AlertState

Connection = AsyncConnection[DictRow]

QUERIES = load_queries(__package__ or "lampkeep.alerts")


async def load(connection: Connection, alert_id: str, *, lock: bool = False) -> Alert | None:
    """The alert, or None; with `lock` its row is held until the transaction ends."""
    query = QUERIES["lock_alert" if lock else "load_alert"]
    row = await (await connection.execute(query, {"alert_id": alert_id})).fetchone()
    return None if row is None else alert_from(row)


async def insert(connection: Connection, alert: Alert, *, evidence: Mapping[str, Any]) -> bool:
    """Insert a new alert; False where an active one has the same cause, and nothing was written."""
    parameters = columns_of(alert) | {
        "policy": Jsonb(policy_json(alert.policy)),
        "progress": Jsonb(progress_json(alert.progress)),
        "evidence": Jsonb(dict(evidence)),
    }
    cursor = await connection.execute(QUERIES["insert_alert"], parameters)
    return await cursor.fetchone() is not None


async def save(connection: Connection, alert: Alert) -> Alert:
    """Write what a person's act changed of an alert whose row is locked; returns it with its new version."""
    parameters = columns_of(alert) | {"progress": Jsonb(progress_json(alert.progress)), "touched": True}
    row = await (await connection.execute(QUERIES["save_alert"], parameters)).fetchone()
    if row is None:
        raise LookupError(f"alert {alert.alert_id} does not exist")
    return replace(alert, version=row["version"])


async def record(
    connection: Connection,
    alert_id: str,
    *,
    at: datetime,
    what: str,
    actor: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Append to the timeline. `detail` holds ids, instants and words of ours; no name, address or telephone."""
    await connection.execute(
        QUERIES["append_timeline"],
        {"alert_id": alert_id, "at": at, "what": what, "actor": actor, "detail": Jsonb(dict(detail or {}))},
    )


async def leave_act(
    connection: Connection,
    alert_id: str,
    act: Act,
    *,
    actor: Mapping[str, Any],
    entered: Iterable[AlertState],
    at: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Leave what a person decided for dispatch to react to; `actor` has kind, id, name and role."""
    await connection.execute(
        QUERIES["insert_act"],
        {
            "alert_id": alert_id,
            "act": act.value,
            "actor": Jsonb(dict(actor)),
            "entered": [state.value for state in entered],
            "detail": Jsonb(dict(detail or {})),
            "at": at,
        },
    )
