"""Brokers for the simulator's tests: the embedded one always, and Mosquitto, in both versions, where there is one."""

from collections.abc import Iterator

import pytest

from lampkeep_sim.mqtt import Endpoint, Version
from support.mosquitto import Broker, EmbeddedNats
from support.services import Services
from support.services_loop import services_loop

SPOKEN = {"nats-3.1.1": Version.V311, "mosquitto-3.1.1": Version.V311, "mosquitto-5": Version.V5}
REAL = pytest.mark.mosquitto


@pytest.fixture(scope="module")
def nats() -> Iterator[Broker]:
    yield from _running(EmbeddedNats())


@pytest.fixture(scope="module")
def mosquitto(services: Services) -> Iterator[Broker]:
    yield from _running(services.private_broker())


def _running(made: Broker) -> Iterator[Broker]:
    try:
        services_loop().run(made.start())
        yield made
    finally:
        services_loop().run(made.remove())


@pytest.fixture(
    params=["nats-3.1.1", pytest.param("mosquitto-3.1.1", marks=REAL), pytest.param("mosquitto-5", marks=REAL)]
)
def spoken(request: pytest.FixtureRequest) -> tuple[Endpoint, Version]:
    """A running broker, shared by the tests of a module, and a version that it speaks."""
    broker: Broker = request.getfixturevalue(request.param.split("-")[0])
    return Endpoint.from_url(broker.url), SPOKEN[request.param]


@pytest.fixture
def endpoint(spoken: tuple[Endpoint, Version]) -> Endpoint:
    return spoken[0]


@pytest.fixture
def version(spoken: tuple[Endpoint, Version]) -> Version:
    return spoken[1]
