"""Which services a test session uses, decided once, before anything is started.

In this order: URLs in the environment (LAMPKEEP_TEST_DATABASE_URL, LAMPKEEP_TEST_MQTT_URL); a Docker engine with an
image (see `support.docker`); the embedded parts. LAMPKEEP_TEST_SERVICES=docker or =embedded leaves no choice, and a
forced way that cannot be gone is a failure. Database and broker are decided apart.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from support.docker import MOSQUITTO, TIMESCALEDB, Part, engine_trouble, image
from support.mosquitto import Broker, DockerBroker, EmbeddedNats, GivenBroker
from support.postgres import DatabaseServer, DockerServer, EmbeddedServer, GivenServer

Way = Literal["environment", "docker", "embedded"]

FORCE = "LAMPKEEP_TEST_SERVICES"
DATABASE_URL = "LAMPKEEP_TEST_DATABASE_URL"
MQTT_URL = "LAMPKEEP_TEST_MQTT_URL"


class ForcedServicesError(Exception):
    """LAMPKEEP_TEST_SERVICES asks for what is not there; the message says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How one service is come by: `image` with Docker, `url` from the environment."""

    way: Way
    image: str | None = None
    url: str | None = None
    why_not_docker: str | None = None


def choose(
    part: Part,
    url_variable: str,
    *,
    environment: Mapping[str, str],
    trouble: Callable[[], str | None] = engine_trouble,
    find_image: Callable[[Part], str | None] = image,
) -> Choice:
    """Decide for one service. Raises ForcedServicesError."""
    forced = environment.get(FORCE)
    if forced not in {None, "", "docker", "embedded"}:
        raise ForcedServicesError(f"{FORCE} is {forced!r}: it may be docker or embedded")
    if forced == "embedded":
        return Choice(way="embedded", why_not_docker=f"{FORCE}=embedded")
    if not forced and (url := environment.get(url_variable)):
        return Choice(way="environment", url=url)
    found = None
    why_not = trouble()
    if why_not is None:
        found = find_image(part)
        why_not = (
            None if found else f"no image {part.published}, nor one named by {part.variable}, nor {part.built_here}"
        )
    if found:
        return Choice(way="docker", image=found)
    if forced == "docker":
        raise ForcedServicesError(f"{FORCE}=docker, but {why_not}: build the images with `make images`")
    return Choice(way="embedded", why_not_docker=why_not)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The session's choice, and what it can make of it."""

    database: Choice
    broker: Choice

    @classmethod
    def from_environment(cls) -> "Services":
        """Decide by the environment and by what answers. Raises ForcedServicesError."""
        return cls(
            database=choose(TIMESCALEDB, DATABASE_URL, environment=os.environ),
            broker=choose(MOSQUITTO, MQTT_URL, environment=os.environ),
        )

    def database_server(self) -> DatabaseServer:
        """The session's server, not started yet."""
        if self.database.url:
            return GivenServer(self.database.url)
        return self.private_database_server()

    def private_database_server(self) -> DatabaseServer:
        """One to stop and to kill."""
        choice = self.database if self.database.way != "environment" else _without_url(TIMESCALEDB)
        return DockerServer(choice.image) if choice.image else EmbeddedServer()

    def new_broker(self) -> Broker:
        """The given one, else a fresh one, not started yet."""
        return GivenBroker(self.broker.url) if self.broker.url else self.private_broker()

    def private_broker(self) -> Broker:
        """One to stop and to kill."""
        choice = self.broker if self.broker.way != "environment" else _without_url(MOSQUITTO)
        return DockerBroker(choice.image) if choice.image else EmbeddedNats()

    def missing(self) -> dict[str, str]:
        """The markers whose tests cannot run, each with the reason; asks given services what they are."""
        missing: dict[str, str] = {}
        if self._database_kind() == "postgresql":
            missing["timescaledb"] = f"needs TimescaleDB; here is {self._describe(self.database, 'PostgreSQL')}"
        if self._broker_kind() == "nats":
            missing["mosquitto"] = f"needs Mosquitto; here is {self._describe(self.broker, 'MQTT broker')}"
        if os.environ.get(FORCE) == "embedded":
            missing["docker"] = f"needs Docker; {FORCE}=embedded"
        elif trouble := engine_trouble():
            missing["docker"] = f"needs Docker; {trouble}"
        return missing

    def describe(self) -> str:
        """One line for people."""
        database = {"environment": "database", "docker": "TimescaleDB", "embedded": "PostgreSQL"}[self.database.way]
        broker = {"environment": "MQTT broker", "docker": "Mosquitto", "embedded": "MQTT broker"}[self.broker.way]
        return f"{self._describe(self.database, database)}, {self._describe(self.broker, broker)}"

    def _database_kind(self) -> str:
        if self.database.url:
            return GivenServer(self.database.url).kind
        return "timescaledb" if self.database.way == "docker" else "postgresql"

    def _broker_kind(self) -> str:
        if self.broker.url:
            return GivenBroker(self.broker.url).kind
        return "mosquitto" if self.broker.way == "docker" else "nats"

    @staticmethod
    def _describe(choice: Choice, what: str) -> str:
        if choice.way == "docker":
            return f"real {what} in Docker ({choice.image})"
        if choice.way == "environment":
            return f"the given {what}"
        return f"the embedded {what} ({choice.why_not_docker})"


def _without_url(part: Part) -> Choice:
    return choose(part, "", environment={})
