"""Settings: environment variables `LAMPKEEP_*`, or a TOML file named by `LAMPKEEP_CONFIG` (the environment wins).

A key of the file is spelled as the variable, `LAMPKEEP_DATABASE_URL`, or short, `database_url`. An empty
variable counts as none.
"""

import os
import re
import tomllib
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)


class SettingsError(Exception):
    """A setting is missing or wrong; the message is one line and names the variable."""


class Settings(BaseSettings):
    """What a process is told from outside. Names are the environment's, lower case, without `LAMPKEEP_`."""

    model_config = SettingsConfigDict(env_prefix="LAMPKEEP_", env_ignore_empty=True, extra="ignore", frozen=True)

    database_url: str | None = None
    mqtt_url: str = "mqtt://127.0.0.1:1883"
    http: str = "127.0.0.1:8080"
    public_url: str | None = Field(default=None, description="what links to people begin with; default http://<http>")
    log: Literal["json", "console"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    instance: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9-]{1,40}$",
        description="tells copies of a service apart; default: a number that the database hands out",
    )
    metrics_peers: str = Field(default="", description="host:port of services whose metrics the API shows too")

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _names_a_database(cls, url: str | None) -> str | None:
        if url:
            _check_database(url)
        return url

    @field_validator("mqtt_url")
    @classmethod
    def _names_a_broker(cls, url: str) -> str:
        _check_broker(url)
        return url

    @field_validator("public_url")
    @classmethod
    def _begins_links(cls, url: str | None) -> str | None:
        if url:
            _check_host(url, ("http", "https"))
        return url

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment, then the TOML file; no `.env`, no secrets folder."""
        del dotenv_settings, file_secret_settings
        sources: tuple[PydanticBaseSettingsSource, ...] = (init_settings, env_settings)
        config = os.environ.get("LAMPKEEP_CONFIG")
        if config:
            sources += (InitSettingsSource(settings_cls, _from_file(Path(config))),)
        return sources

    @property
    def http_address(self) -> tuple[str, int]:
        """`http` as host and port; port 0 is any free one."""
        host, _, port = self.http.rpartition(":")
        return host.strip("[]") or "127.0.0.1", int(port)

    @property
    def links_begin_with(self) -> str:
        """`public_url` without a final slash, or the HTTP address."""
        return (self.public_url or f"http://{self.http}").rstrip("/")

    def require_database_url(self) -> str:
        """The database's URL; SettingsError where none is set."""
        if not self.database_url:
            raise SettingsError("LAMPKEEP_DATABASE_URL is not set: give postgresql://user:password@host/database")
        return self.database_url


_DATABASE = "must be postgresql://user:password@host:port/database"
_ENCODED = "; in a name or password, write @ as %40, / as %2F, % as %25"
"""What is said of a wrong URL: never a part of it, for any may turn out to be the password."""


def _check_database(url: str) -> None:
    """Raise ValueError where libpq could make nothing of `url`, or where its password would be taken for a host."""
    import psycopg  # noqa: PLC0415 - only what works on a database pays for it
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("must begin with postgresql://")
    try:
        found = conninfo_to_dict(url)
    except (psycopg.Error, UnicodeError):
        raise ValueError(_DATABASE + _ENCODED) from None
    path = url.partition("://")[2].partition("/")[2].partition("?")[0]
    hosts = str(found.get("host") or "")
    if _has_blanks(url) or "@" in path or ("@" in hosts and not hosts.startswith("@")):
        raise ValueError(_DATABASE + _ENCODED)
    ports = str(found.get("port") or "").split(",")
    if not all(port == "" or _is_port(port) for port in ports):
        raise ValueError(f"{_DATABASE} with a port from 1 to 65535")
    _check_brackets(url.partition("://")[2].partition("/")[0].rpartition("@")[2])


def _check_broker(url: str) -> None:
    """Raise ValueError where `url` names no broker, or where its password would be taken for something else."""
    _check_host(url, ("mqtt", "mqtts"), hint=_ENCODED)
    parts = urlsplit(url)
    if "@" in parts.path + parts.query + parts.fragment:
        raise ValueError("must be mqtt://user:password@host:port" + _ENCODED)


def _check_host(url: str, schemes: tuple[str, str], *, hint: str = "") -> None:
    """Raise ValueError where `url` is none of `schemes` with a host, and a port that can be, or none."""
    if not url.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        raise ValueError(f"must begin with {schemes[0]}:// or {schemes[1]}://")
    wrong = ValueError(f"must be {schemes[0]}://host:port or {schemes[1]}://host:port{hint}")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if not host or port == 0 or _has_blanks(url):
        raise wrong
    _check_brackets(parts.netloc.rpartition("@")[2])


def _check_brackets(hosts: str) -> None:
    """Raise ValueError where something else than an IPv6 address stands in brackets."""
    for inside in re.findall(r"\[(.*?)\]", hosts):
        try:
            IPv6Address(inside.replace("%25", "%"))
        except ValueError:
            raise ValueError("only an IPv6 address stands in brackets, as in [::1]") from None


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < int(text) <= 65_535


def _has_blanks(url: str) -> bool:
    return any(character.isspace() or not character.isprintable() for character in url)


def _from_file(path: Path) -> dict[str, Any]:
    """The values of a TOML file by the names of `Settings`; SettingsError for a key that is none of them."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"LAMPKEEP_CONFIG: {path}: {error.strerror}") from error
    values: dict[str, Any] = {}
    for key, value in found.items():
        name = key.removeprefix("LAMPKEEP_").lower() if key.startswith("LAMPKEEP_") else key
        if name not in Settings.model_fields:
            known = ", ".join(Settings.model_fields)
            raise SettingsError(f"LAMPKEEP_CONFIG: {path}: {key!r} is no setting; there are {known}")
        if name in values:
            raise SettingsError(f"LAMPKEEP_CONFIG: {path}: {key!r} stands twice, in both spellings")
        values[name] = value
    return values


def load(**overrides: str | None) -> Settings:
    """Read the settings; raises SettingsError with one line that names the variable."""
    config = os.environ.get("LAMPKEEP_CONFIG")
    if config and not Path(config).is_file():
        raise SettingsError(f"LAMPKEEP_CONFIG: no file {config}")
    try:
        return Settings(**{key: value for key, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "LAMPKEEP_" + "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(f"{name}: {first['msg'].removeprefix('Value error, ')}") from error
    except ValueError as error:
        raise SettingsError(f"LAMPKEEP_CONFIG: {error}") from error
