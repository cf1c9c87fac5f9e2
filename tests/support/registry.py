"""A community with one of everything, and the ways in which tests put it into a database."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.contracts.community import Community, parse
from lampkeep.db.connections import connect
from lampkeep.registry.apply import apply
from lampkeep.registry.changes import Changes

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)

EXAMPLE = """\
lampkeep: v1
timezone: Asia/Shanghai
areas:
  - {id: jinhua, name: 金华市}
  - {id: jiangnan-g03, name: 江南街道三网格, parent: jinhua}
responders:
  - id: wang-li
    name: 王丽
    role: grid_worker
    areas: [jiangnan-g03]
    phone: "+8613900000000"
    channels:
      - {kind: webhook, url: "http://127.0.0.1:9099/hook", secret: "s3cret"}
  - {id: zhang-wei, name: 张伟, role: family, channels: [{kind: webhook, url: "http://127.0.0.1:9099/hook"}]}
  - {id: jinhua-120, name: 金华120, role: emergency_line, areas: [jinhua]}
  - {id: duty, name: 值班, role: operator, areas: [jinhua]}
rosters:
  - area: jiangnan-g03
    role: grid_worker
    shifts:
      - {responders: [wang-li], days: [mon, tue, wed, thu, fri, sat, sun], from: "00:00", to: "24:00"}
policies:
  - id: sos-default
    steps:
      - {to: [grid_worker], after: 0s, deliver_within: 5s, repeat_every: 30s}
      - {to: [family], after: 60s, deliver_within: 5s, repeat_every: 30s}
      - {to: [emergency_line], after: 120s, deliver_within: 5s}
    acknowledge_lease: 5m
plans:
  - id: alone-frail
    rules:
      inactivity: {day: 4h, night: 10h, day_hours: "07:00-22:00"}
      not_up: {by: "09:30"}
      door_left_open: {for: 30m}
      device_silent: {after: 2h}
      low_battery: {below: 15}
    policies: {default: sos-default}
homes:
  - id: home-001
    area: jiangnan-g03
    address: 江南街道某路1号
    location: [29.08, 119.65]
    plan: alone-frail
    emergency_consent: true
    residents:
      - {id: zhang-xiuying, name: 张秀英, born: 1941-03-02, phone: "+8613800000000", traits: [lives_alone],
         notes: 青霉素过敏}
    family: [zhang-wei]
    suspend: [{rules: [inactivity, not_up], from: "2026-12-01", until: "2026-12-08", reason: hospital}]
    devices:
      - {id: pendant-001, kind: pendant}
      - {id: door-001, kind: door, place: entrance, account: gw-001, z2m: "Front door"}
      - {id: pir-001, kind: motion, place: bathroom, account: gw-001, heartbeat_every: 30m}
  - id: home-002
    area: jiangnan-g03
    plan: alone-frail
    residents: [{id: li-ming, name: 李明}]
    devices: [{id: pendant-002, kind: pendant}]
"""
"""The contract's own example, with an operator and a second home."""


def example(changes: Mapping[str, str] | None = None) -> Community:
    """EXAMPLE with texts replaced; a text that is not there is a mistake of the test."""
    text = EXAMPLE
    for old, new in (changes or {}).items():
        assert old in text, old
        text = text.replace(old, new)
    return parse(text, "example.yaml")


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[AsyncConnection[DictRow]]:
    """A connection in autocommit, closed at the end."""
    connection = await connect(url, application="test", autocommit=True)
    try:
        yield connection
    finally:
        await connection.close()


async def applied(
    connection: AsyncConnection[DictRow],
    changes: Mapping[str, str] | None = None,
    *,
    now: datetime = NOW,
    **options: Any,
) -> Changes:
    """Apply `example(changes)`."""
    return await apply(connection, example(changes), now=now, **options)


async def rows(connection: AsyncConnection[DictRow], query: str, *parameters: Any) -> list[DictRow]:
    """What a query of the test finds."""
    return await (await connection.execute(query, parameters)).fetchall()
