"""The data directory of `lampkeep up`: what lies where, and that only one at a time works in it."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from lampkeep_standalone import private_file
from lampkeep_standalone.errors import UsageError

DEFAULT = Path("lampkeep-data")

LOOK_EVERY_S = 0.1

UP_PATIENCE_S = 1.0
"""An `up` that was killed is gone in milliseconds, and a command that looks whether one runs holds the lock as long."""

UP = "lampkeep up"
"""What the lock file says while `up` holds it; other commands hold it for moments only."""


class InUseError(UsageError):
    """Another command works in the data directory, and goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Where the parts of a running `lampkeep up` are, credentials included; `public_url` is what links begin with."""

    database_url: str
    mqtt_url: str
    public_url: str


@dataclass(frozen=True, slots=True)
class DataDir:
    """The folder that was named by `--data-dir`, absolute."""

    path: Path

    @classmethod
    def make(cls, path: Path) -> "DataDir":
        """Make the folder, for its owner only, where it is missing. Raises UsageError where that is not possible."""
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--data-dir {path}: {error.strerror}") from error
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            raise UsageError(f"--data-dir {path}: it belongs to somebody else; name another, or run as its owner")
        return cls(path.absolute())

    @property
    def database(self) -> Path:
        """The embedded database's folder."""
        return self.path / "database"

    @property
    def has_database(self) -> bool:
        """Whether an embedded database was ever made here."""
        return (self.database / "cluster").is_dir()

    @property
    def broker(self) -> Path:
        """The embedded broker's folder."""
        return self.path / "broker"

    @property
    def mqtt_accounts(self) -> Path:
        """Passwords of the embedded broker's accounts, mode 0600."""
        return self.path / "mqtt-accounts"

    @property
    def demo_community(self) -> Path:
        """The made-up community of `--demo`, for the simulator."""
        return self.path / "demo-community.yaml"

    @property
    def operator_token(self) -> Path:
        """The token of the ready line, mode 0600."""
        return self.path / "operator-token"

    def announce(self, running: Running) -> None:
        """Tell other commands where the parts are; good while the lock is held."""
        private_file.write(self._running, json.dumps(asdict(running)))

    def announced(self) -> Running | None:
        """Where the parts of the `up` that holds the lock are; None while it is still starting."""
        try:
            return Running(**json.loads(private_file.read(self._running) or "null"))
        except (TypeError, ValueError):
            return None

    def withdraw(self) -> None:
        """Take the announcement back."""
        self._running.unlink(missing_ok=True)

    @contextmanager
    def lock(self, holder: str, *, patience_s: float) -> Iterator[None]:
        """Hold the folder; the kernel lets go of it when we die. Raises InUseError when it stays held.

        A running `up` is waited for no longer than UP_PATIENCE_S.
        """
        with self._open_lock() as file:
            begun = time.monotonic()
            while not _taken(file):
                told = self.holder()
                patience_s = min(patience_s, UP_PATIENCE_S) if told.startswith(UP) else patience_s
                if time.monotonic() > begun + patience_s:
                    raise InUseError(f"--data-dir {self.path} is in use by {told or 'another command'}")
                time.sleep(LOOK_EVERY_S)
            self.withdraw()
            file.truncate(0)
            file.write(f"{holder} (process {os.getpid()})")
            file.flush()
            yield

    def holder(self) -> str:
        """What the last holder of the lock said it is."""
        return self._lock.read_text(encoding="utf-8")

    def is_held(self) -> bool:
        """Whether somebody holds the folder now."""
        if not self._lock.exists():
            return False
        with self._open_lock() as file:
            return not _taken(file)

    def is_held_by_up(self) -> bool:
        """Whether it is an `up` that holds the folder now."""
        return self.is_held() and self.holder().startswith(UP)

    def _open_lock(self) -> IO[str]:
        try:
            return self._lock.open("a+", encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{self._lock}: {error.strerror}") from error

    @property
    def _lock(self) -> Path:
        return self.path / "lock"

    @property
    def _running(self) -> Path:
        return self.path / "running.json"


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
