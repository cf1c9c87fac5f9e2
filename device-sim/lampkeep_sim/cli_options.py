"""Options that several commands of `lampkeep sim` share, and what their text means."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import orjson
import typer

from lampkeep import settings
from lampkeep_sim import made_up
from lampkeep_sim.community import Community, community_from, duration, read_community
from lampkeep_sim.errors import UsageError
from lampkeep_sim.mqtt import Endpoint, Version
from lampkeep_sim.responder import Manners, OperatorAccess
from lampkeep_sim.session import Link

Mqtt = Annotated[
    str | None,
    typer.Option(
        "--mqtt",
        metavar="URL",
        help="Broker, mqtt:// or mqtts://[user:pass@]host:port. The user name is each device's account; the URL's "
        "password is used for every account. Default: LAMPKEEP_MQTT_URL, else mqtt://127.0.0.1:1883.",
    ),
]
Passwords = Annotated[
    Path | None, typer.Option("--passwords", metavar="FILE", help="Lines account:password, for brokers with accounts.")
]
Mqtt311 = Annotated[
    bool, typer.Option("--mqtt-311", help="Speak MQTT 3.1.1 only; else 5, and 3.1.1 if that is refused.")
]
CommunityFile = Annotated[
    Path | None, typer.Option("--community", metavar="FILE", help="Community file: homes, devices and their accounts.")
]
Seed = Annotated[int, typer.Option(help="Seed of everything that is drawn; the same seed lives the same life.")]
StateDir = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the control socket between `sim run` and `sim collapse`, `sim silence`. Default: "
        "LAMPKEEP_SIM_STATE_DIR, else a folder of yours in the runtime or temporary folder."
    ),
]


Count = Annotated[int, typer.Option("--homes", help="Make up a community of so many homes.", min=1, max=20_000)]
Secret = Annotated[str | None, typer.Option("--secret", help="Secret of webhooks that --community does not give.")]
Api = Annotated[str | None, typer.Option("--api", metavar="URL", help="Act over this API, too, until resolved.")]
Token = Annotated[str | None, typer.Option("--api-token", envvar="LAMPKEEP_API_TOKEN", help="Operator token.")]
Accept = Annotated[float, typer.Option("--accept", help="Share of people that accepts.", min=0, max=1)]
Decline = Annotated[float, typer.Option("--decline", help="Share that declines (403); others are away.", min=0, max=1)]
Delay = Annotated[float, typer.Option("--delay", help="Mean seconds until an acknowledgement.", min=0)]
Travel = Annotated[float, typer.Option("--travel", help="Mean seconds between further acts, with --api.", min=0)]
Hang = Annotated[
    float, typer.Option("--hang", help="Share of those away that never answers (others: 503).", min=0, max=1)
]


def community_of(file: Path | None, homes: int, seed: int, hook: str, secret: str, write_to: Path | None) -> Community:
    """Return the community of a file, or a made-up one, which is also written to `write_to` if given."""
    if file is not None:
        if write_to is not None:
            raise UsageError("--write-community goes with --homes, not with --community")
        return read_community(file)
    raw = made_up.made_up(homes, seed, hook=hook, secret=secret)
    if write_to is not None:
        write_file(write_to, made_up.as_yaml(raw))
    return community_from(raw)


def write_file(file: Path, text: str) -> None:
    """Write a text file; UsageError where that fails."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file}: cannot write: {error.strerror}") from error


def hour(start: str, zone: ZoneInfo) -> datetime:
    """Return today at a local time of day."""
    try:
        return datetime.combine(datetime.now(zone).date(), time.fromisoformat(start), tzinfo=zone)
    except ValueError as error:
        raise UsageError(f"--start: {start} is no time of day like 07:30") from error


def span(option: str, text: str) -> timedelta:
    """Return a duration; `option` is named in the UsageError."""
    try:
        return duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error


def link_of(mqtt: str | None, passwords: Path | None, *, mqtt_311: bool) -> Link:
    """Return the way to the broker, from the option or the settings."""
    try:
        endpoint = Endpoint.from_url(settings.load(mqtt_url=mqtt).mqtt_url)
    except ValueError as error:
        raise UsageError(f"--mqtt: {error}") from error
    return Link(
        endpoint=endpoint,
        version=Version.V311 if mqtt_311 else Version.V5,
        passwords=_passwords(passwords) if passwords else {},
    )


def _passwords(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"{file}: cannot read: {error.strerror}") from error
    pairs = (line.partition(":") for line in lines if line.strip())
    return {account.strip(): password.strip() for account, _, password in pairs}


def address(text: str) -> tuple[str, int]:
    """Split HOST:PORT."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"{text} is no HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


def access_of(api: str | None, token: str | None) -> OperatorAccess | None:
    """Return the access to the API, or None without --api."""
    if api is None:
        return None
    if not token:
        raise UsageError("--api needs --api-token or LAMPKEEP_API_TOKEN")
    return OperatorAccess(url=api.rstrip("/"), token=token)


def manners_of(
    *, accept: float, decline: float, delay: float, hang: float, travel: float, seed: int, line_accepts: float = 1.0
) -> Manners:
    """Return how people answer; UsageError where the shares are more than everybody."""
    if accept + decline > 1:
        raise UsageError("--accept and --decline are more than everybody")
    return Manners(
        accept=accept,
        decline=decline,
        delay_s=delay,
        hang=hang,
        line_accepts=line_accepts,
        travel_s=travel,
        seed=seed,
    )


def say(line: dict[str, Any]) -> None:
    """Print one JSON line to stdout."""
    print(orjson.dumps({"at": datetime.now(UTC), **line}).decode(), flush=True)
