"""The whole product as its users meet it: real services as processes, devices over MQTT, responders over HTTP.

`run_system` applies a community, starts ingest, dispatch and the API against a given database and broker, and gives a
`System` whose parts can be killed and started again. Every wait has a deadline.
"""

import asyncio
import hashlib
import hmac
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import aiomqtt
import httpx
import orjson
from aiomqtt import ProtocolVersion

from lampkeep.clock import SystemClock
from lampkeep.contracts.community import parse
from lampkeep.db.connections import connect
from lampkeep.registry.apply import apply
from lampkeep.registry.tokens import TokenRole, create
from support.desk import Call, Desk
from support.mosquitto import Broker
from support.processes import ChildProcess, free_port

LAMPKEEP = Path(sys.executable).with_name("lampkeep")
SECRET = "s3cret"
CLOCK = SystemClock()


@dataclass
class Service:
    """One service as a process that a test may kill and start again on the same address."""

    name: str
    env: dict[str, str]
    process: ChildProcess | None = None

    async def start(self) -> None:
        self.process = await ChildProcess.start([LAMPKEEP, self.name], name=self.name, env=self.env, folder=None)

    async def ready(self, within_s: float = 30.0) -> None:
        assert self.process is not None
        await self.process.wait_until_ok(f"http://{self.env['LAMPKEEP_HTTP']}/readyz", within_s=within_s)

    async def kill(self) -> None:
        assert self.process is not None
        await self.process.kill()
        await self.process.end()

    async def stop(self) -> int:
        assert self.process is not None
        return await self.process.stop()


class Device:
    """A device's own MQTT session; remembers the commands that it was sent. Use as `async with`."""

    def __init__(self, system: "System", device_id: str, account: str | None = None) -> None:
        self.device_id, self.account = device_id, account or device_id
        self.commands: list[dict[str, Any]] = []
        self._prefix = f"lampkeep/v1/{self.account}/{device_id}"
        self._client = system.client(self.account)
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        await self._client.subscribe(f"{self._prefix}/command", qos=1)
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._reader is not None
        self._reader.cancel()
        with suppress(asyncio.CancelledError, aiomqtt.MqttError):
            await self._reader
        with suppress(aiomqtt.MqttError):
            await self._client.__aexit__(None, None, None)

    async def _read(self) -> None:
        async for message in self._client.messages:
            assert isinstance(message.payload, bytes)
            self.commands.append(orjson.loads(message.payload))

    async def raw(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        await self._client.publish(f"{self._prefix}/{topic}", payload, qos=1, retain=retain, timeout=10)

    async def urgent(self, type_: str = "sos", *, message_id: str | None = None, **body: Any) -> str:
        return await self._say("urgent", type_, message_id, body)

    async def observe(self, type_: str, *, message_id: str | None = None, **body: Any) -> str:
        return await self._say("observation", type_, message_id, body)

    async def _say(self, topic: str, type_: str, message_id: str | None, body: dict[str, Any]) -> str:
        message_id = message_id or uuid.uuid4().hex[:16]
        message = {"v": 1, "id": message_id, "type": type_, "data": {}} | body
        await self.raw(topic, orjson.dumps(message))
        return message_id

    async def receipt(self, message_id: str, within_s: float = 10.0) -> None:
        await eventually(
            lambda: any(c["type"] == "receipt" and c["ref"] == message_id for c in self.commands), within_s=within_s
        )

    def progress(self) -> list[str]:
        return [command["state"] for command in self.commands if command["type"] == "progress"]


@dataclass
class System:
    """The running product. `http` carries an operator's token for all areas; `admin` an administrator's."""

    database_url: str
    broker: Broker
    desk: Desk
    services: dict[str, Service]
    http: httpx.AsyncClient
    admin: httpx.AsyncClient
    base: str
    tokens: dict[str, str] = field(default_factory=dict)

    def client(self, account: str) -> aiomqtt.Client:
        url = urlsplit(self.broker.url)
        return aiomqtt.Client(
            hostname=url.hostname or "127.0.0.1",
            port=url.port or 1883,
            username=url.username or account,
            password=url.password or "any",
            identifier=f"test-{account}-{uuid.uuid4().hex[:8]}",
            protocol=ProtocolVersion.V5 if self.broker.kind == "mosquitto" else ProtocolVersion.V311,
            timeout=10,
        )

    def device(self, device_id: str, account: str | None = None) -> Device:
        return Device(self, device_id, account)

    async def alerts(self, **filters: str) -> list[dict[str, Any]]:
        answer = await self.http.get("/api/v1/alerts", params={"limit": "200"} | filters)
        answer.raise_for_status()
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def alert(self, alert_id: str) -> dict[str, Any]:
        answer = await self.http.get(f"/api/v1/alerts/{alert_id}")
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body

    async def the_alert(self, *, within_s: float = 10.0, **filters: str) -> dict[str, Any]:
        """The only alert that fits, once there is one."""
        deadline = time.monotonic() + within_s
        while not (found := await self.alerts(**filters)):
            assert time.monotonic() < deadline, f"no alert {filters} within {within_s} s"
            await asyncio.sleep(0.05)
        assert len(found) == 1, [one["kind"] for one in found]
        return found[0]

    async def act(self, alert_id: str, act: str, **body: Any) -> dict[str, Any]:
        answer = await self.http.post(f"/api/v1/alerts/{alert_id}/{act}", json=body)
        assert answer.status_code == 200, answer.text
        alert: dict[str, Any] = answer.json()
        return alert

    async def apply(self, community: str) -> None:
        """Apply a community file to the running product; `DESK` stands for the desk's address."""
        async with await connect(self.database_url, application="test") as connection:
            await apply(connection, parse(community.replace("DESK", self.desk.url), "community.yaml"), now=CLOCK.now())

    async def watching(self) -> None:
        """Wait until ingest has told that it drains the observations: before that, rules rest (docs/adr/0004)."""
        drained = "select detail #>> '{watched_until,observation}' as until from service_heartbeats"
        async with asyncio.timeout(15):
            while not any(row["until"] for row in await self.rows(drained)):  # noqa: ASYNC110 - another process's row
                await asyncio.sleep(0.1)

    async def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        async with await connect(self.database_url, application="test", autocommit=True) as connection:
            return await (await connection.execute(query.encode(), parameters)).fetchall()

    def told(self, responder: str, *reasons: str) -> list[Call]:
        """Webhooks to one responder, in order of arrival; of these reasons, or all."""
        calls = self.desk.to(f"/{responder}")
        return [call for call in calls if not reasons or call.body["reason"] in reasons]


async def eventually(condition: Callable[[], object], *, within_s: float = 10.0) -> None:
    """Wait until `condition` holds; AssertionError when it does not in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        await asyncio.sleep(0.01)


def signature_holds(call: Call, secret: str = SECRET) -> bool:
    """Whether `Lampkeep-Signature` is that of the contract."""
    parts = dict(part.split("=", 1) for part in call.headers["lampkeep-signature"].split(","))
    expected = hmac.new(secret.encode(), f"{parts['t']}.".encode() + call.raw, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, parts["v1"]) and abs(time.time() - int(parts["t"])) < 60


@asynccontextmanager
async def run_system(
    database_url: str, broker: Broker, desk: Desk, community: str, *, copies: int = 1
) -> AsyncIterator[System]:
    """Apply `community` (YAML; `DESK` stands for the desk's address) and run the services until the block ends."""
    async with await connect(database_url, application="test") as connection:
        parsed = parse(community.replace("DESK", desk.url), "community.yaml")
        await apply(connection, parsed, now=CLOCK.now())
        _, operator = await create(connection, role=TokenRole.OPERATOR, area="*", name="duty", now=CLOCK.now())
        _, admin = await create(connection, role=TokenRole.ADMIN, area="*", name="admin", now=CLOCK.now())
        await connection.commit()
    services = _services(database_url, broker.url, copies)
    base = f"http://{services['api'].env['LAMPKEEP_HTTP']}"
    async with AsyncExitStack() as stack:
        for service in services.values():
            await service.start()
            stack.push_async_callback(_end, service)
        for service in services.values():
            await service.ready()
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=10)
            )
            for token in (operator, admin)
        ]
        yield System(
            database_url=database_url,
            broker=broker,
            desk=desk,
            services=services,
            http=clients[0],
            admin=clients[1],
            base=base,
            tokens={"operator": operator, "admin": admin},
        )


async def _end(service: Service) -> None:
    if service.process is not None:
        await service.process.end()


def _services(database_url: str, mqtt_url: str, copies: int) -> dict[str, Service]:
    services = {}
    api = f"127.0.0.1:{free_port()}"
    for name in ("ingest", "dispatch"):
        for copy in range(1, copies + 1):
            key = name if copy == 1 else f"{name}-{copy}"
            services[key] = Service(name, _env(database_url, mqtt_url, f"127.0.0.1:{free_port()}", api, str(copy)))
    services["api"] = Service("api", _env(database_url, mqtt_url, api, api, "1"))
    return services


def _env(database_url: str, mqtt_url: str, http: str, api: str, instance: str) -> dict[str, str]:
    return {
        "LAMPKEEP_DATABASE_URL": database_url,
        "LAMPKEEP_MQTT_URL": mqtt_url,
        "LAMPKEEP_HTTP": http,
        "LAMPKEEP_PUBLIC_URL": f"http://{api}",
        "LAMPKEEP_INSTANCE": instance,
    }
