"""`lampkeep doctor`: is everything there that the services need? One line a check, with what to do."""

import asyncio
import secrets
import shutil
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiomqtt
from psycopg import AsyncConnection
from psycopg.errors import UndefinedTable
from psycopg.rows import DictRow

from lampkeep.db.connections import DatabaseUnavailableError, connect
from lampkeep.db.migrate import pending
from lampkeep.settings import Settings
from lampkeep_standalone import address, database
from lampkeep_standalone.data_dir import DEFAULT, DataDir
from lampkeep_standalone.registry import QUERIES, database_kind

ANSWER_WITHIN_S = 5.0
"""Any part that takes longer to answer once is of no use to an SOS."""

CHANNEL_WITHIN_S = 3.0
"""A request to a channel takes at most 3 s (contract section 5), connecting included."""

CHANNELS_AT_ONCE = 16

CLOCK_MAY_DIFFER_S = 2.0
"""A jump beyond this is not followed by the services' clock (ADR 0005)."""

LEAST_FREE_BYTES = 1024**3
"""A gigabyte is some days of a district's messages; PostgreSQL stops when the disk is full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The outcome of one check: `ok` None where it could not be made; `text` says what is, and what to do."""

    check: str
    ok: bool | None
    text: str

    def line(self) -> str:
        """As it is printed."""
        word = {True: "ok", False: "FAIL", None: "skip"}[self.ok]
        return f"{word:5} {self.check:9} {self.text}"


async def examine(settings: Settings, data_dir: Path | None) -> bool:
    """Make every check and print it; whether none failed."""
    findings: list[Finding] = []
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(database.opened(settings, data_dir, holder="lampkeep doctor"))
        try:
            connection = await stack.enter_async_context(
                await connect(url, application="lampkeep-doctor", autocommit=True)
            )
        except DatabaseUnavailableError as error:
            what_to_do = "start it, or correct LAMPKEEP_DATABASE_URL"
            findings += [
                Finding(check="database", ok=False, text=f"{address.without_credentials(url)}: {error}; {what_to_do}"),
                Finding(check="clock", ok=None, text="no database to compare with"),
                Finding(check="channels", ok=None, text="no database to read them from"),
            ]
        else:
            findings += await _database(connection)
            findings.append(await _clock(connection))
            findings += await _channels(connection)
        findings.append(await _broker(_mqtt_url(settings, data_dir)))
    findings.append(_disk(data_dir or DEFAULT))
    for finding in findings:
        print(finding.line())
    return all(finding.ok is not False for finding in findings)


async def _database(connection: AsyncConnection[DictRow]) -> list[Finding]:
    """Reachable, migrated, durable."""
    server = await (await connection.execute(QUERIES["server"])).fetchone()
    missing = await pending(connection)
    kind = await database_kind(connection)
    what = f"{kind}, PostgreSQL {server['version'] if server else '?'}"
    settings = await (await connection.execute(QUERIES["durability"])).fetchall()
    loose = [row["name"] for row in settings if row["setting"] in {"off", "local"}]
    current = Finding(check="database", ok=True, text=f"{what}, migrations current")
    if missing:
        text = f"{what}, {len(missing)} migrations missing: run `lampkeep migrate`"
        current = Finding(check="database", ok=False, text=text)
    durable = Finding(check="durable", ok=True, text="fsync, full_page_writes and synchronous_commit are on")
    if loose:
        text = f"{', '.join(loose)} off: a power cut loses acknowledged messages; turn on in postgresql.conf"
        durable = Finding(check="durable", ok=False, text=text)
    return [current, durable]


async def _clock(connection: AsyncConnection[DictRow]) -> Finding:
    """Hold this machine's clock against the database's, in the middle of the question's way there and back."""
    before = datetime.now(UTC)
    server = await (await connection.execute(QUERIES["server"])).fetchone()
    after = datetime.now(UTC)
    assert server is not None
    off_s = ((before + (after - before) / 2) - server["now"]).total_seconds()
    if abs(off_s) > CLOCK_MAY_DIFFER_S:
        text = f"{off_s:+.1f} s from the database's: set both by NTP (chrony or systemd-timesyncd)"
        return Finding(check="clock", ok=False, text=text)
    return Finding(check="clock", ok=True, text=f"{off_s:+.3f} s from the database's")


async def _channels(connection: AsyncConnection[DictRow]) -> list[Finding]:
    """Whether each webhook's host lets us connect; nothing is sent."""
    try:
        rows = await (await connection.execute(QUERIES["webhook_urls"])).fetchall()
    except UndefinedTable:
        return [Finding(check="channels", ok=None, text="no registry to read them from: run `lampkeep migrate`")]
    hosts = sorted({_host(row["url"]) for row in rows})
    if not hosts:
        return [Finding(check="channels", ok=None, text="no responder has a webhook: apply a community file")]
    room = asyncio.Semaphore(CHANNELS_AT_ONCE)
    return list(await asyncio.gather(*(_channel(host, port, room) for host, port in hosts)))


def _host(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


async def _channel(host: str, port: int, room: asyncio.Semaphore) -> Finding:
    where = address.bound(host, port)
    try:
        async with room, asyncio.timeout(CHANNEL_WITHIN_S):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
    except (OSError, TimeoutError) as error:
        why = str(error) or f"no answer within {CHANNEL_WITHIN_S:.0f} s"
        return Finding(check="channel", ok=False, text=f"{where}: {why}; start it, or correct the responders' webhooks")
    return Finding(check="channel", ok=True, text=f"{where} lets us connect")


def _mqtt_url(settings: Settings, data_dir: Path | None) -> str | None:
    """The broker to check; None where it is the embedded one of an `up` that is not running."""
    if data_dir is None and (settings.database_url or "mqtt_url" in settings.model_fields_set):
        return settings.mqtt_url
    running = database.running_in(DataDir((data_dir or DEFAULT).absolute()))
    return running.mqtt_url if running else None


async def _broker(url: str | None) -> Finding:
    """A message must come back, over MQTT 5 or else 3.1.1."""
    if url is None:
        return Finding(check="broker", ok=None, text="`lampkeep up` is not running, and its broker starts with it")
    why = ""
    for protocol, name in ((aiomqtt.ProtocolVersion.V5, "MQTT 5"), (aiomqtt.ProtocolVersion.V311, "MQTT 3.1.1")):
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await _round_trip(url, protocol)
        except (aiomqtt.MqttError, TimeoutError) as error:
            why = str(error) or f"no message came back within {ANSWER_WITHIN_S:.0f} s"
        else:
            return Finding(
                check="broker", ok=True, text=f"{address.without_credentials(url)}, {name}, a message came back"
            )
    text = f"{address.without_credentials(url)}: {why}; start it, or correct LAMPKEEP_MQTT_URL and the account's rights"
    return Finding(check="broker", ok=False, text=text)


async def _round_trip(url: str, protocol: aiomqtt.ProtocolVersion) -> None:
    parts = urlsplit(url)
    topic = f"lampkeep/doctor/{secrets.token_hex(8)}"
    tls = aiomqtt.TLSParameters() if parts.scheme == "mqtts" else None
    async with aiomqtt.Client(
        parts.hostname or "",
        parts.port or (8883 if tls else 1883),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        protocol=protocol,
        tls_params=tls,
        identifier=f"lampkeep-doctor-{secrets.token_hex(4)}",
    ) as client:
        await client.subscribe(topic, qos=1)
        await client.publish(topic, b"doctor", qos=1)
        await anext(aiter(client.messages))


def _disk(folder: Path) -> Finding:
    """Room where the data directory is, or would be."""
    existing: Iterable[Path] = (place for place in (folder.absolute(), *folder.absolute().parents) if place.is_dir())
    free = shutil.disk_usage(next(iter(existing))).free
    text = f"{free / 1024**3:.1f} GiB free at {folder}"
    if free < LEAST_FREE_BYTES:
        return Finding(check="disk", ok=False, text=f"{text}: make room, or move the data directory")
    return Finding(check="disk", ok=True, text=text)
