"""What pytest needs to know about services: which are used, which tests they cannot run, the fixtures.

Tests marked `timescaledb`, `mosquitto` or `docker` are skipped by name where the part is missing, and counted in a
closing line. Tests marked `load` run only where `-m` names them.
"""

from collections.abc import AsyncIterator, Iterator

import pytest

from support.mosquitto import Broker
from support.postgres import Databases, DatabaseServer
from support.processes_reaper import close_reaper
from support.services import ForcedServicesError, Services
from support.services_loop import close_services_loop, services_loop

SERVICES = pytest.StashKey[Services]()

COUNTED = ("timescaledb", "mosquitto", "docker")
BY_NAME_ONLY = "load"


def pytest_configure(config: pytest.Config) -> None:
    """Decide which services are used; a forced way that is not there ends the session."""
    try:
        config.stash[SERVICES] = Services.from_environment()
    except ForcedServicesError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_report_header(config: pytest.Config) -> str:
    """The line that says what is used."""
    return f"services: {config.stash[SERVICES].describe()}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what the services cannot run, leave out what runs only by name."""
    left_out = [item for item in items if item.get_closest_marker(BY_NAME_ONLY)]
    if BY_NAME_ONLY in config.option.markexpr:
        left_out = []
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
    if not any(item.get_closest_marker(name) for item in items for name in COUNTED):
        return
    for name, reason in config.stash[SERVICES].missing().items():
        for item in items:
            if item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The closing line, which .ci/run reads: how many of the tests for real parts ran, and how many were skipped."""
    stats = terminalreporter.stats

    def count(marker: str, *outcomes: str) -> int:
        return sum(marker in report.keywords for outcome in outcomes for report in stats.get(outcome, []))

    lines = [f"{name} {count(name, 'passed', 'failed')} run, {count(name, 'skipped')} skipped" for name in COUNTED]
    terminalreporter.write_line(f"services: {'; '.join(lines)}")


def pytest_unconfigure() -> None:
    """No container and no child outlives the session."""
    close_services_loop()
    close_reaper()


@pytest.fixture(scope="session")
def services(pytestconfig: pytest.Config) -> Services:
    """The session's choice of services."""
    return pytestconfig.stash[SERVICES]


@pytest.fixture(scope="session")
def database_server(services: Services) -> Iterator[DatabaseServer]:
    """The session's database server, running; not to be stopped (see `private_database_server`)."""
    server = services.database_server()
    try:
        services_loop().run(server.start())
        yield server
    finally:
        services_loop().run(server.remove())


@pytest.fixture(scope="session")
def databases(database_server: DatabaseServer) -> Iterator[Databases]:
    """Makes databases on the session's server."""
    made = Databases(database_server)
    yield made
    made.close()


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """The URL of a database of this test's own, at this release's schema."""
    url = databases.migrated()
    yield url
    databases.drop(url)


@pytest.fixture
def empty_database_url(databases: Databases) -> Iterator[str]:
    """The URL of a database of this test's own without anything in it."""
    url = databases.empty()
    yield url
    databases.drop(url)


@pytest.fixture
async def private_database_server(services: Services) -> AsyncIterator[DatabaseServer]:
    """A running server of this test's own, to stop, kill and start; its database is empty."""
    server = services.private_database_server()
    try:
        await server.start()
        yield server
    finally:
        await server.remove()


@pytest.fixture
async def broker(services: Services) -> AsyncIterator[Broker]:
    """A running broker: fresh and this test's own, unless one was given by URL."""
    made = services.new_broker()
    try:
        await made.start()
        yield made
    finally:
        await made.remove()


@pytest.fixture
async def private_broker(services: Services) -> AsyncIterator[Broker]:
    """A running broker of this test's own in any case, to stop, kill and start; keeps its port and sessions."""
    made = services.private_broker()
    try:
        await made.start()
        yield made
    finally:
        await made.remove()
