"""The real parts that a benchmark runs on: TimescaleDB and Mosquitto in containers on the host's own loopback.

The containers share the host's network: a published port goes through Docker's userland proxy, which would be measured
too. PostgreSQL runs with its durable defaults; what matters of the settings is printed with the result.
"""

import asyncio
import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from lampkeep.db.connections import DatabaseUnavailableError, connect
from support.mosquitto import wait_until_it_answers
from support.processes import free_port

TIMESCALEDB = "lampkeep/timescaledb:dev"
MOSQUITTO = "lampkeep/mosquitto:dev"

BROKER_CONF = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location /mosquitto/data/
max_queued_messages 0
max_inflight_messages 2000
set_tcp_nodelay true
connection_messages false
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Where the parts answer; `pids` are those of the host, for counting processor time."""

    database_url: str
    mqtt_url: str
    container_ids: tuple[str, str]


@asynccontextmanager
async def real_parts() -> AsyncIterator[Parts]:
    """Start both, wait until they answer, remove them at the end."""
    async with AsyncExitStack() as stack:
        database, mqtt = free_port(), free_port()
        conf = _broker_conf(stack, mqtt)
        postgres = _run(
            stack, ["-e", "POSTGRES_PASSWORD=bench", "--shm-size", "256m"], TIMESCALEDB,
            ["postgres", "-c", f"port={database}", "-c", "listen_addresses=127.0.0.1",
             "-c", "max_wal_size=4GB", "-c", "shared_buffers=512MB"],
        )  # fmt: skip
        mosquitto = _run(stack, ["-v", f"{conf}:/mosquitto/config/mosquitto.conf:ro"], MOSQUITTO, [])
        url = f"postgresql://lampkeep:bench@127.0.0.1:{database}/lampkeep"
        await _wait_for_database(url)
        await wait_until_it_answers(f"mqtt://127.0.0.1:{mqtt}")
        yield Parts(database_url=url, mqtt_url=f"mqtt://127.0.0.1:{mqtt}", container_ids=(postgres, mosquitto))


def _broker_conf(stack: AsyncExitStack, port: int) -> Path:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    folder.chmod(0o755)
    conf = folder / "mosquitto.conf"
    conf.write_text(BROKER_CONF.format(port=port))
    return conf


def _run(stack: AsyncExitStack, options: list[str], image: str, command: list[str]) -> str:
    name = f"lampkeep-bench-{uuid.uuid4().hex[:8]}"
    run = ["docker", "run", "-d", "--rm", "--network", "host", "--name", name, *options, image, *command]
    done = subprocess.run(run, capture_output=True, text=True, check=True, timeout=60)
    stack.callback(subprocess.run, ["docker", "rm", "-fv", name], capture_output=True, timeout=60, check=False)
    return done.stdout.strip()


async def _wait_for_database(url: str) -> None:
    for _ in range(900):
        try:
            async with await connect(url, application="bench", autocommit=True) as connection:
                await connection.execute("select 1")
                return
        except DatabaseUnavailableError:
            await asyncio.sleep(0.1)
    raise TimeoutError("the database did not answer within 90 s")
