"""The API's process: put the parts together, serve until asked to stop, end the streams first."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI
from fastapi.responses import Response
from fastapi.routing import iter_route_contexts

from lampkeep.clock import SystemClock
from lampkeep.health import nobody_can_listen
from lampkeep.settings import Settings
from lampkeep_api import problems
from lampkeep_api.alerts.endpoints import router as alerts
from lampkeep_api.areas.endpoints import router as areas
from lampkeep_api.auth.guard import check_table
from lampkeep_api.bounds import Bounds
from lampkeep_api.devices.endpoints import router as devices
from lampkeep_api.health.endpoints import router as health
from lampkeep_api.homes.endpoints import router as homes
from lampkeep_api.links.endpoints import router as links
from lampkeep_api.page.endpoints import router as page
from lampkeep_api.parts import Parts, assemble
from lampkeep_api.plans.endpoints import router as plans
from lampkeep_api.policies.endpoints import router as policies
from lampkeep_api.replies import json_reply
from lampkeep_api.responders.endpoints import router as responders
from lampkeep_api.rosters.endpoints import router as rosters

GRACE_S = 5
"""A request that runs at SIGTERM has this long to end; `lampkeep up` allows ten in all."""

BACKLOG = 1024
"""Connections that may wait to be accepted: every console of a district that comes back at once."""

SERVING = "api.serving"
STOPPED = "api.stopped"

OPENAPI_URL = "/api/openapi.json"

_ABOUT = (
    "Alerts of older people who live alone: see them, act on them, follow them live. "
    "Errors are RFC 9457 problem details; their types are listed in docs/api.md."
)

_log = structlog.get_logger()


def create_app(parts: Parts) -> FastAPI:
    """The application on `parts`. LookupError where a route is missing in the role table, or the other way round."""
    app = FastAPI(
        title="Lampkeep",
        version=version("lampkeep"),
        description=_ABOUT,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.parts = parts
    problems.install(app)
    app.add_middleware(Bounds)
    for router in (alerts, homes, devices, responders, areas, rosters, plans, policies, health, links, page):
        app.include_router(router)
    app.add_api_route(OPENAPI_URL, _openapi(app), include_in_schema=False)
    check_table(routes(app))
    return app


def routes(app: FastAPI) -> set[tuple[str, str]]:
    """Method and path template of everything that is served."""
    return {
        (method, str(route.path_format)) for route in iter_route_contexts(app.routes) for method in route.methods or ()
    }


async def run(settings: Settings) -> None:
    """Serve on `settings.http` until SIGTERM, SIGINT or cancellation.

    SettingsError without a database URL, and where nobody can listen on the address.
    """
    async with assemble(settings, SystemClock()) as parts:
        with _listening(settings) as door:
            await _serve(parts, door)
    _log.info(STOPPED)


async def _serve(parts: Parts, door: socket.socket) -> None:
    server = _Server(
        uvicorn.Config(
            create_app(parts),
            access_log=False,
            log_config=None,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
        )
    )

    def stop() -> None:
        # Open streams would keep the server waiting for its whole grace: they end first.
        parts.feed.close()
        server.should_exit = True

    with _on_signals(stop):
        host, port = door.getsockname()[:2]
        _log.info(SERVING, host=host, port=port)
        serving = asyncio.create_task(server.serve([door]))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            stop()
            await serving
            raise


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """A socket on `settings.http` (port 0: any free one)."""
    host, port = settings.http_address
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        door = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:
        raise nobody_can_listen(settings, error) from error
    with door:
        yield door


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves signals to us."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def _on_signals(stop: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    added = []
    for number in (signal.SIGTERM, signal.SIGINT):
        # Outside the main thread (some tests) there are no signals to listen to.
        with contextlib.suppress(RuntimeError, ValueError, NotImplementedError):
            loop.add_signal_handler(number, stop)
            added.append(number)
    try:
        yield
    finally:
        for number in added:
            loop.remove_signal_handler(number)


def _openapi(app: FastAPI) -> Callable[[], Any]:
    async def openapi() -> Response:
        """What the API offers, for programs."""
        return json_reply(problems.describe(app.openapi()))

    return openapi
