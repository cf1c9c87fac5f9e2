"""`lampkeep up`: everything on one machine, until it is told to stop."""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.clock import Clock, SystemClock
from lampkeep.db.connections import DatabaseUnavailableError, connect
from lampkeep.db.migrate import migrate
from lampkeep.settings import Settings
from lampkeep_standalone import address, demo, operator_token, registry
from lampkeep_standalone.data_dir import UP, DataDir, Running
from lampkeep_standalone.embedded.accounts import SERVICES, passwords
from lampkeep_standalone.embedded.broker import EmbeddedBroker
from lampkeep_standalone.embedded.loopback import LOOPBACK, free_port
from lampkeep_standalone.embedded.postgres import EmbeddedPostgres
from lampkeep_standalone.errors import UsageError
from lampkeep_standalone.readiness import wait_until_ready
from lampkeep_standalone.service import Service, command_line
from lampkeep_standalone.supervisor import Supervisor

COMMUNITY_APPLIED = "community.applied"
ACCOUNTS_ADMITTED = "accounts.admitted"
ACCOUNTS_NOT_READ = "accounts.not_read"

DATABASE_TIER, BROKER_TIER, SERVICE_TIER = 0, 1, 2
"""What stops later is lower."""

LOCK_PATIENCE_S = 20.0
"""Another command may have started the embedded database for a moment."""

GIVEN_DATABASE_WITHIN_S = 30.0
"""A database that is started together with us may need so long until it answers."""

ACCOUNTS_EVERY_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command's options; `http` is host and port, port 0 is any free one."""

    data_dir: Path
    http: tuple[str, int]
    mqtt_port: int
    community: Path | None = None
    demo: bool = False
    require_credentials: bool = False


@dataclass(slots=True)
class Place:
    """Where everything is, as it becomes known."""

    http: str = ""
    database_url: str = ""
    mqtt_url: str = ""
    database_kind: str = ""
    token: str = ""
    services: dict[str, str] = field(default_factory=dict)

    def ready_line(self) -> str:
        """The one line on stdout; no URL in it holds credentials."""
        mqtt = address.without_credentials(self.mqtt_url)
        return f"ready http=http://{self.http} mqtt={mqtt} database={self.database_kind} token={self.token}"


async def up(options: Options, settings: Settings) -> None:
    """Start everything, print the ready line, serve until SIGTERM or SIGINT, stop everything.

    Raises UsageError before anything was started when an option is wrong or something needed is taken.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    _raise_open_files()
    data_dir = DataDir.make(options.data_dir)
    with data_dir.lock(UP, patience_s=LOCK_PATIENCE_S):
        machine = Machine(options, settings, data_dir, SystemClock())
        try:
            await _until(stop, machine.run())
        finally:
            await machine.stop()


def _raise_open_files() -> None:
    """Take as many open files as the system grants: each MQTT client has two here and one in the broker."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _until(stop: asyncio.Event, work: Coroutine[None, None, None]) -> None:
    """Run `work` until it fails or `stop` is set, then cancel it."""
    running = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if running.done():
        await running
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


class Machine:
    """The parts of one `up`."""

    def __init__(self, options: Options, settings: Settings, data_dir: DataDir, clock: Clock) -> None:
        """Nothing runs yet. The given database or broker is used where `settings` name one."""
        self._options = options
        self._settings = settings
        self._data_dir = data_dir
        self._clock = clock
        self._given_mqtt = settings.mqtt_url if "mqtt_url" in settings.model_fields_set else None
        self._supervisor = Supervisor()
        self._place = Place()
        self._demo: demo.Demo | None = None
        self._demo_file: registry.CommunityFile | None = None
        self._community: registry.CommunityFile | None = None
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Start everything, print the ready line, and look after the accounts until cancelled."""
        self._check_options()
        self._read_communities()
        http_port = await self._claim_ports()
        self._say_what_is_used()
        await self._start_database()
        await self._prepare_database()
        broker = await self._start_broker()
        self._announce()
        await self._start_services(http_port)
        print(self._place.ready_line(), flush=True)
        await self._look_after_accounts(broker)

    async def stop(self) -> None:
        """Stop everything that was started."""
        await self._supervisor.stop()
        self._data_dir.withdraw()

    def _check_options(self) -> None:
        if self._options.require_credentials and self._given_mqtt:
            raise UsageError("--require-credentials is for the embedded broker; LAMPKEEP_MQTT_URL names another")

    def _read_communities(self) -> None:
        """Read what is to be applied: a mistake in it is said before anything starts."""
        if self._options.demo:
            self._demo = demo.prepare(self._data_dir.demo_community)
            self._demo_file = registry.read_community(self._demo.community)
        if self._options.community:
            self._community = registry.read_community(self._options.community)

    async def _claim_ports(self) -> int:
        host, wanted = self._options.http
        port = await address.claim(host, wanted, option="--http")
        self._place.http = address.shown(host, port)
        if not self._given_mqtt:
            mqtt_port = await address.claim(LOOPBACK, self._options.mqtt_port, option="--mqtt-port")
            self._place.mqtt_url = f"mqtt://{LOOPBACK}:{mqtt_port}"
        return port

    def _say_what_is_used(self) -> None:
        given = self._settings.database_url
        database = f"given ({address.without_credentials(given)})" if given else "embedded PostgreSQL"
        mqtt = (
            f"given ({address.without_credentials(self._given_mqtt)})" if self._given_mqtt else "embedded (MQTT 3.1.1)"
        )
        text = f"lampkeep up: database {database}, broker {mqtt}, data in {self._data_dir.path}"
        if self._options.require_credentials:
            text += f", MQTT accounts in {self._data_dir.mqtt_accounts}"
        print(text, file=sys.stderr, flush=True)

    async def _start_database(self) -> None:
        if self._settings.database_url:
            self._place.database_url = self._settings.database_url
            return
        postgres = EmbeddedPostgres(self._data_dir.database)
        await self._supervisor.start(postgres, tier=DATABASE_TIER)
        self._place.database_url = postgres.url

    async def _prepare_database(self) -> None:
        await self._migrate()
        url = self._place.database_url
        async with await connect(url, application="lampkeep-up", autocommit=True) as connection:
            self._place.database_kind = await registry.database_kind(connection)
            await self._apply_communities(connection)
            self._place.token = await operator_token.keep(
                connection, self._data_dir.operator_token, now=self._clock.now()
            )

    async def _apply_communities(self, connection: AsyncConnection[DictRow]) -> None:
        """The demo's own first, so that the file that was given has the last word."""
        now, done = self._clock.now(), []
        if self._demo_file is not None:
            done.append(await registry.apply_demo_when_changed(connection, self._demo_file, now=now))
        if self._community is not None:
            done.append(await registry.apply_when_changed(connection, self._community, now=now))
        for changes in done:
            if changes is not None:
                self._log.info(COMMUNITY_APPLIED, changes=changes.summary())

    async def _migrate(self) -> None:
        deadline = self._clock.monotonic() + GIVEN_DATABASE_WITHIN_S
        while True:
            try:
                await migrate(self._place.database_url)
            except DatabaseUnavailableError:
                if self._clock.monotonic() > deadline:
                    raise
                await asyncio.sleep(1)
            else:
                return

    async def _start_broker(self) -> EmbeddedBroker | None:
        if self._given_mqtt:
            self._place.mqtt_url = self._given_mqtt
            return None
        port = int(self._place.mqtt_url.rpartition(":")[2])
        known = await self._accounts() if self._options.require_credentials else None
        broker = EmbeddedBroker(self._data_dir.broker, port=port, passwords=known)
        await self._supervisor.start(broker, tier=BROKER_TIER)
        self._place.mqtt_url = broker.url
        return broker

    def _announce(self) -> None:
        place = self._place
        running = Running(database_url=place.database_url, mqtt_url=place.mqtt_url, public_url=self._public_url)
        self._data_dir.announce(running)

    @property
    def _public_url(self) -> str:
        return self._settings.public_url or f"http://{self._place.http}"

    async def _start_services(self, http_port: int) -> None:
        places = {name: f"{LOOPBACK}:{free_port()}" for name in ("ingest", "dispatch")}
        peers = ",".join(places.values())
        places["api"] = address.bound(self._options.http[0], http_port)
        for name, at in places.items():
            environment = self._environment(LAMPKEEP_HTTP=at, LAMPKEEP_METRICS_PEERS=peers if name == "api" else "")
            await self._supervisor.start(Service(name, command_line(name), environment), tier=SERVICE_TIER)
        await wait_until_ready({**places, "api": self._place.http}, self._supervisor.last_exit)
        if self._demo is not None:
            await self._start_simulator(self._demo)

    async def _start_simulator(self, made_up: demo.Demo) -> None:
        accounts = self._data_dir.mqtt_accounts if self._options.require_credentials else None
        words = made_up.simulator(api=f"http://{self._place.http}", passwords=accounts)
        environment = self._environment(LAMPKEEP_API_TOKEN=self._place.token)
        await self._supervisor.start(Service("sim", command_line(*words), environment), tier=SERVICE_TIER)

    def _environment(self, **more: str) -> Mapping[str, str]:
        return {
            **os.environ,
            "LAMPKEEP_DATABASE_URL": self._place.database_url,
            "LAMPKEEP_MQTT_URL": self._place.mqtt_url,
            "LAMPKEEP_PUBLIC_URL": self._public_url,
            **more,
        }

    async def _accounts(self) -> dict[str, str]:
        async with await connect(self._place.database_url, application="lampkeep-up") as connection:
            known = await registry.accounts(connection)
        return passwords(self._data_dir.mqtt_accounts, known)

    async def _look_after_accounts(self, broker: EmbeddedBroker | None) -> None:
        """Let new accounts in and keep removed ones out, where credentials are required."""
        if broker is None or not self._options.require_credentials:
            await asyncio.Event().wait()
            return
        while True:
            await asyncio.sleep(ACCOUNTS_EVERY_S)
            try:
                known = await self._accounts()
            except DatabaseUnavailableError as error:
                self._log.warning(ACCOUNTS_NOT_READ, error=str(error))
                continue
            if broker.admit(known):
                self._log.info(ACCOUNTS_ADMITTED, accounts=len(known.keys() - {SERVICES}))
