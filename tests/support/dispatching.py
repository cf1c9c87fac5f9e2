"""Dispatch in this process on a real database, with a community whose people answer at a real local desk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.types.json import Json

from lampkeep.alerts import store
from lampkeep.clock import Clock, SystemClock
from lampkeep.contracts.community.parse import parse
from lampkeep.db.connections import connect
from lampkeep.domain import life_cycle
from lampkeep.domain.alert import Alert, Owner
from lampkeep.domain.life_cycle import Act, Transition
from lampkeep.domain.vocabulary import AlertState, Outcome, Role
from lampkeep.registry.apply import apply
from lampkeep.settings import Settings
from lampkeep.testing import FakeDeviceCommands
from lampkeep_dispatch.app import Service, started
from lampkeep_dispatch.database import Connection
from support.desk import Desk, open_desk

STEPS = """
      - {to: [grid_worker], after: 0s, deliver_within: 5s, repeat_every: 30s}
      - {to: [family], after: 60s, deliver_within: 5s, repeat_every: 30s}
      - {to: [emergency_line], after: 120s, deliver_within: 5s}
"""

COMMUNITY = """
lampkeep: v1
areas:
  - {{id: jinhua, name: 金华市}}
  - {{id: g03, name: 三网格, parent: jinhua}}
responders:
  - {{id: wang, name: 王丽, role: grid_worker, areas: [g03], channels: {wang}}}
  - {{id: wei, name: 张伟, role: family, channels: [{{kind: webhook, url: "{desk}/wei"}}]}}
  - id: line
    name: 金华120
    role: emergency_line
    areas: [jinhua]
    channels: [{{kind: webhook, url: "{desk}/line"}}]
  - {{id: ops, name: 值班室, role: operator, areas: [jinhua], channels: [{{kind: webhook, url: "{desk}/ops"}}]}}
policies:
  - id: ladder
    acknowledge_lease: {lease}
    steps: {steps}
plans:
  - {{id: plan, rules: {rules}, policies: {{default: ladder}}{plan}}}
homes:
{homes}
"""

HOME = """
  - id: home-{number:03d}
    area: g03
    plan: plan
    address: 江南街道某路{number}号
    location: [29.08, 119.65]
    emergency_consent: {consent}
    residents:
      - {{id: zhang-{number:03d}, name: 张秀英, born: 1941-03-02, phone: "+8613800000000", notes: 青霉素过敏}}
    family: [wei]
    devices:
      - {{id: pendant-{number:03d}, kind: pendant}}
      - {{id: pir-{number:03d}, kind: motion, place: bathroom, account: gw-{number:03d}}}
      - {{id: smoke-{number:03d}, kind: smoke, account: gw-{number:03d}}}
"""


def community(
    desk: Desk,
    *,
    homes: int = 1,
    steps: str = STEPS,
    rules: str = "{}",
    plan: str = "",
    lease: str = "5m",
    consent: bool = True,
    wang: str | None = None,
) -> str:
    """A community file: `wang` are the grid worker's channels, else one to the desk's path /wang."""
    return COMMUNITY.format(
        desk=desk.url,
        wang=wang or f'[{{kind: webhook, url: "{desk.url}/wang", secret: "s3cret"}}]',
        steps=steps,
        rules=rules,
        plan=plan,
        lease=lease,
        homes="".join(HOME.format(number=n, consent=str(consent).lower()) for n in range(1, homes + 1)),
    )


@dataclass
class Bench:
    """The desk, the database, the copies of dispatch that run, and what devices and operators can do."""

    url: str
    desk: Desk
    connection: Connection
    clock: Clock
    exits: AsyncExitStack
    commands: FakeDeviceCommands = field(default_factory=FakeDeviceCommands)
    pressed: int = 0

    async def start(self, instance: str | None = None, **options: Any) -> Service:
        """Run one more copy of dispatch."""
        settings = Settings(database_url=self.url, instance=instance, public_url="http://lamp.test")
        options.setdefault("clock", self.clock)
        options.setdefault("commands", self.commands)
        return await self.exits.enter_async_context(started(settings, **options))

    async def apply(self, text: str) -> None:
        await apply(self.connection, parse(text, "community.yaml"), now=self.clock.now())

    async def press(
        self,
        device: str = "pendant-001",
        *,
        type_: str = "sos",
        data: dict[str, Any] | None = None,
        account: str | None = None,
        message_id: str | None = None,
        notify: bool = True,
        marks: tuple[str, ...] = (),
    ) -> int:
        """What ingest writes for an urgent message; returns its urgent_id."""
        self.pressed += 1
        async with self.connection.transaction():
            device_row = await self.row("select home_id, account from devices where device_id = %s", device)
            said = {
                "account": account or (device_row["account"] if device_row else device),
                "device_id": device,
                "message_id": message_id or f"m-{self.pressed}",
                "type": type_,
                "home_id": device_row["home_id"] if device_row else None,
                "at": self.clock.now(),
                "data": Json(data or {}),
                "marks": list(marks),
            }
            row = await self.row(PRESS, said)
            assert row is not None
            if notify:
                await self.connection.execute("select pg_notify('lampkeep_urgent', '')")
        return int(row["urgent_id"])

    async def act(self, act: Act, by: Owner, *, note: str | None = None, outcome: Outcome = Outcome.HELPED) -> Alert:
        """What the API writes for an act on the only active alert."""
        now = self.clock.now()
        async with self.connection.transaction():
            active = await self.row("select alert_id from alerts where closed_at is null")
            assert active is not None
            alert = await store.load(self.connection, active["alert_id"], lock=True)
            assert alert is not None
            transition = _transition(alert, act, by, outcome, now)
            await store.save(self.connection, transition.alert)
            role = by.role.value if by.role else "operator"
            actor = {"kind": by.kind, "id": by.owner_id, "name": by.name, "role": role}
            detail = {"note": note} if note else {}
            await store.leave_act(
                self.connection, alert.alert_id, act, actor=actor, entered=transition.entered, at=now, detail=detail
            )
        await self.connection.execute("select pg_notify('lampkeep_acts', '')")
        return transition.alert

    async def row(self, query: str, *parameters: Any) -> dict[str, Any] | None:
        found = await self.rows(query, *parameters)
        return found[0] if found else None

    async def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        values = parameters[0] if parameters and isinstance(parameters[0], dict) else parameters
        return await (await self.connection.execute(query, values)).fetchall()

    async def eventually(self, query: str, *parameters: Any, timeout_s: float = 10.0) -> dict[str, Any]:
        """The first row of a query, as soon as it has one."""
        ends_at = self.clock_s() + timeout_s
        while (found := await self.row(query, *parameters)) is None:
            assert self.clock_s() < ends_at, f"nothing after {timeout_s} s: {query}"
            await asyncio.sleep(0.01)
        return found

    @staticmethod
    def clock_s() -> float:
        return SystemClock().monotonic()

    async def timeline(self) -> list[str]:
        return [row["what"] for row in await self.rows("select what from timeline order by seq")]


PRESS = """
with message as (
    insert into urgent_messages (account, device_id, message_id, type, home_id, at, received_at, data, marks)
    values (%(account)s, %(device_id)s, %(message_id)s, %(type)s, %(home_id)s, %(at)s, %(at)s, %(data)s, %(marks)s)
    returning urgent_id, received_at)
insert into signals (urgent_id, created_at) select urgent_id, received_at from message returning urgent_id
"""

WANG = Owner(owner_id="wang", name="王丽", kind="responder", role=Role.GRID_WORKER)
WEI = Owner(owner_id="wei", name="张伟", kind="responder", role=Role.FAMILY)
OPERATOR = Owner(owner_id="token-1", name="Duty desk", kind="user")


def _transition(alert: Alert, act: Act, by: Owner, outcome: Outcome, now: datetime) -> Transition:
    match act:
        case Act.ACKNOWLEDGE:
            return life_cycle.acknowledge(alert, by, now)
        case Act.ON_THE_WAY:
            return life_cycle.on_the_way(alert, by, now)
        case Act.RESOLVE:
            return life_cycle.resolve(alert, outcome, now)
        case Act.ESCALATE:
            return life_cycle.escalate(alert, now)
        case Act.CONFIRM_EMERGENCY:
            return life_cycle.confirm_emergency(alert, now)
        case _:
            return Transition(alert=alert, entered=(AlertState.OPEN,))


@asynccontextmanager
async def bench_on(database_url: str, *, clock: Clock | None = None) -> AsyncIterator[Bench]:
    """A bench on a migrated database; nothing is applied and no copy runs yet."""
    async with AsyncExitStack() as exits:
        desk = await exits.enter_async_context(open_desk())
        connection = await connect(database_url, application="test", autocommit=True)
        exits.push_async_callback(connection.close)
        running = await exits.enter_async_context(AsyncExitStack())
        yield Bench(url=database_url, desk=desk, connection=connection, clock=clock or SystemClock(), exits=running)
