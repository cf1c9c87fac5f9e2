"""The embedded PostgreSQL: made once in the data directory, started, watched over, stopped.

Durable whatever happens to us: `fsync`, `full_page_writes` and `synchronous_commit` are on, and a server whose parent
was killed goes down at once and recovers by its log at the next start. It listens on loopback TCP with a random
password (a socket's path may have 107 bytes at most, and a data directory may have more).

The programs get the folder as their working directory and `/proc/self/cwd` as its name. So `nobody`, who runs them when
we are root, needs no way through the folders above, and a data directory under /root works.
"""

import asyncio
import os
import secrets
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from lampkeep_standalone import private_file
from lampkeep_standalone.child import Child, Command
from lampkeep_standalone.embedded import installation, survivors
from lampkeep_standalone.embedded.installation import Installation
from lampkeep_standalone.embedded.loopback import LOOPBACK, free_port
from lampkeep_standalone.errors import StandaloneError

HERE = "/proc/self/cwd"

NAME = "lampkeep"
"""Of the database and of its owner."""

READY_WITHIN_S = 120.0
"""A start takes 0.3 s, and 0.2 s more after SIGKILL on an idle machine; recovery may replay up to `max_wal_size`."""

START_ATTEMPTS = 3
"""A port may be taken between choosing and binding."""

LOOK_EVERY_S = 0.02

INITDB_TIMEOUT_S = 120.0
"""It takes 0.7 s; a slow disk gets its time."""

LOG_LIMIT_BYTES = 5 * 1024 * 1024

SERVER_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "200",
    "max_wal_size": "1GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",  # our statements are short: compiling them costs more than it saves
    # Details and statements of a failed query may hold a resident's name: the log gets neither.
    "log_min_messages": "warning",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}


class PostgresError(StandaloneError):
    """The embedded database cannot be made or started; the message names the log to read."""


class EmbeddedPostgres:
    """A cluster in `folder`, and its server while it runs. Whoever uses it keeps others away from the folder."""

    name = "postgres"

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        """`folder` is made when it is missing; `port` None takes a free one and keeps it over restarts."""
        self._folder = folder.absolute()
        self._cluster = self._folder / "cluster"
        self._log = self._folder / "postgres.log"
        self._port = port
        self._password = ""
        self._installed: Installation | None = None
        self._child: Child | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """`postgresql://…` with its password; good while the server runs and after each restart."""
        return self._url(NAME)

    @property
    def pid(self) -> int | None:
        """The server's process id, None when it was never started."""
        return self._child.pid if self._child else None

    async def start(self) -> str:
        """Make the cluster if there is none, start the server, wait until it answers; returns `url`.

        Ends what an earlier run left behind first. Raises PostgresError, InstallationError or SurvivorsError.
        """
        self._installed = await asyncio.to_thread(installation.find)
        await asyncio.to_thread(self._prepare_folder)
        await asyncio.to_thread(survivors.end_all, self._cluster)
        if not self._cluster.is_dir():
            await self._make_cluster()
        self._password = (private_file.read(self._folder / "password") or "").strip()
        await self._start_server()
        await self._make_database()
        return self.url

    async def exited(self) -> int:
        """Wait for the server's end; the answer is its exit code."""
        if self._child is None:
            raise PostgresError("the embedded database was not started")
        return await self._child.exited()

    async def stop(self) -> None:
        """Shut down cleanly: sessions are ended, everything is on the disk. Within 2 s."""
        if self._child is not None:
            # Fast shutdown writes a checkpoint; immediate leaves it to recovery.
            await self._child.stop((signal.SIGINT, 1.5), (signal.SIGQUIT, 0.5))

    def _prepare_folder(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._own(self._folder)
        if self._log.exists() and self._log.stat().st_size > LOG_LIMIT_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        shutil.rmtree(self._folder / "cluster.new", ignore_errors=True)

    def _own(self, path: Path) -> None:
        account = self._installed.account if self._installed else None
        if account is not None:
            os.chown(path, account.uid, account.gid)

    async def _make_cluster(self) -> None:
        """Make it in a folder beside, which gets its name when it is whole: a kill leaves nothing half made."""
        being_made = self._folder / "cluster.new"
        password = self._folder / "password"
        private_file.write(password, secrets.token_urlsafe(32))
        being_made.mkdir(mode=0o700)
        self._own(password)
        self._own(being_made)
        arguments = [
            *("-D", HERE, "-U", NAME, f"--pwfile={HERE}/../password", "--auth=scram-sha-256", "--encoding=UTF8"),
            *("--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"),
        ]
        child = Child(self._command("initdb", arguments, being_made))
        try:
            code = await asyncio.wait_for(child.exited(), INITDB_TIMEOUT_S)
        except TimeoutError:
            code = await child.stop()
        finally:
            await child.stop()  # also when we are told to stop meanwhile
        if code != 0:
            raise PostgresError(f"initdb failed: {self._last_words()}")
        being_made.rename(self._cluster)

    async def _start_server(self) -> None:
        given = self._port
        for attempt in range(1, START_ATTEMPTS + 1):
            self._port = self._port or free_port()
            self._forget_stranger()
            self._child = Child(self._command("postgres", self._server_arguments(), self._cluster))
            if await self._ready(self._child):
                return
            if given is None and attempt < START_ATTEMPTS:
                self._port = None
        raise PostgresError(f"the embedded PostgreSQL does not start: {self._last_words()}")

    def _server_arguments(self) -> list[str]:
        settings = {**SERVER_SETTINGS, "port": str(self._port)}
        return ["-D", HERE, *(word for key, value in settings.items() for word in ("-c", f"{key}={value}"))]

    def _forget_stranger(self) -> None:
        """Remove a stale lock file whose process id now belongs to a program that is no server of this cluster.

        PostgreSQL would refuse to start. That none of its processes is left was made sure before.
        """
        lock = self._cluster / "postmaster.pid"
        with suppress(FileNotFoundError, ValueError, IndexError):
            owner = int(lock.read_text().split()[0])
            if Path(f"/proc/{owner}").exists():
                lock.unlink()

    async def _ready(self, child: Child) -> bool:
        """Wait until the server says so in its lock file; False when it ends instead."""
        deadline = time.monotonic() + READY_WITHIN_S
        while child.exit_code is None and time.monotonic() < deadline:
            if self._says_ready(child.pid):
                return True
            await asyncio.sleep(LOOK_EVERY_S)
        await child.stop()
        return False

    def _says_ready(self, pid: int) -> bool:
        """Line 1 of the lock file is the process id, line 8 the state."""
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    async def _make_database(self) -> None:
        """Create the database of our name in a new cluster, or in one whose first start was cut short."""
        try:
            async with await psycopg.AsyncConnection.connect(
                self._url("postgres"), autocommit=True, connect_timeout=10
            ) as connection:
                found = await connection.execute("select 1 from pg_database where datname = %s", [NAME])
                if await found.fetchone() is None:
                    await connection.execute(sql.SQL("create database {}").format(sql.Identifier(NAME)))
        except psycopg.Error as error:
            raise PostgresError(f"the embedded PostgreSQL does not answer: {error}") from error

    def _command(self, program: str, arguments: list[str], folder: Path) -> Command:
        assert self._installed is not None
        # A clock moved by a preloaded library must move here too: the environment is ours without the connections.
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LAMPKEEP_"))}
        return Command(
            name=program,
            argv=[self._installed.program(program), *arguments],
            environment={**environment, "LC_ALL": "C", "TZ": "UTC"},
            folder=folder,
            account=self._installed.account,
            output=self._log,
            at_our_death=signal.SIGQUIT if program == "postgres" else signal.SIGKILL,
        )

    def _url(self, database: str) -> str:
        return f"postgresql://{NAME}:{self._password}@{LOOPBACK}:{self._port}/{database}"

    def _last_words(self) -> str:
        with suppress(OSError):
            lines = self._log.read_text(errors="replace").strip().splitlines()
            if lines:
                return f"{lines[-1]} (see {self._log})"
        return f"see {self._log}"
