"""What `lampkeep sim run` puts together: a fleet, the lives of its homes, a control socket, and people who answer."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from lampkeep_sim import http
from lampkeep_sim.community import Community
from lampkeep_sim.control import InUseError, listening
from lampkeep_sim.errors import RunError
from lampkeep_sim.faults import Faults
from lampkeep_sim.fleet import Fleet
from lampkeep_sim.home import Life
from lampkeep_sim.living import Living
from lampkeep_sim.mqtt import ConnectRefusedError, MqttError
from lampkeep_sim.pace import Pace
from lampkeep_sim.responder import Responders
from lampkeep_sim.session import Link, Tally, probe

log = structlog.get_logger()

RUN_STARTED = "run.started"
RUN_COUNTED = "run.counted"
RUN_ENDED = "run.ended"
CONTROL_TAKEN = "control.taken"
RESPONDERS_LISTENING = "responders.listening"

COUNT_EVERY_S = 30.0
CONNECT_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a run goes. `start` is where in life it begins (aware); None is now."""

    life: Life
    faults: Faults
    speed: float = 1.0
    start: datetime | None = None
    duration: timedelta | None = None
    first_sos: timedelta | None = None
    """A press after so long on the wall clock, however rare they are: for demonstrations."""
    state_dir: Path | None = None
    """None: no control socket."""


async def until_stopped(work: Coroutine[Any, Any, None]) -> bool:
    """Run `work` until it ends or SIGTERM or SIGINT comes; return True if a signal ended it. Its errors are raised."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    stopped = asyncio.Event()

    def stop() -> None:
        stopped.set()
        task.cancel()

    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop)
    try:
        await task
    except asyncio.CancelledError:
        if not stopped.is_set():
            raise
    finally:
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(signum)
    return stopped.is_set()


async def run(community: Community, link: Link, plan: Plan) -> None:
    """Let a community live over a broker until its duration is over or it is cancelled.

    Raises RunError if the broker cannot be reached at the start; later it may come and go.
    """
    await reach(link)
    now = datetime.now(UTC)
    pace = Pace(life_start=plan.start or now, wall_start=now, speed=plan.speed)
    living: Living | None = None

    def told(device_id: str, words: dict[str, Any]) -> None:
        if living is not None:
            living.command(device_id, words)

    rng = random.Random(plan.life.seed)
    fleet = Fleet.of_devices(community.devices(), link, rng, on_command=told)
    living = Living(community, fleet, pace, plan.life, plan.faults)
    async with AsyncExitStack() as stack:
        if plan.state_dir is not None:
            await stack.enter_async_context(_controlled(living, plan.state_dir))
        counting = asyncio.create_task(_count(link.tally))
        stack.callback(counting.cancel)
        stack.callback(lambda: log.info(RUN_ENDED, **asdict(link.tally)))
        await stack.enter_async_context(fleet)
        log.info(RUN_STARTED, homes=len(community.homes), accounts=len(fleet.accounts), speed=plan.speed)
        await living.run(plan.duration, first_sos=plan.first_sos)


async def reach(link: Link) -> None:
    """Connect once, so that a wrong address is said at once; raises RunError. A refused account is no failure."""
    try:
        await probe(link)
    except ConnectRefusedError:
        return
    except MqttError as error:
        raise RunError(f"no broker at {link.endpoint.host}:{link.endpoint.port}: {error}") from error


@asynccontextmanager
async def responding(host: str, port: int, responders: Responders) -> AsyncIterator[int]:
    """Serve webhooks while the block runs and yield the port; raises RunError if the address is taken."""
    try:
        async with http.serving(host, port, responders.answer) as bound:
            log.info(RESPONDERS_LISTENING, host=host, port=bound)
            try:
                yield bound
            finally:
                await responders.close()
    except OSError as error:
        raise RunError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error


@asynccontextmanager
async def _controlled(living: Living, state_dir: Path) -> AsyncIterator[None]:
    """Listen for what other commands tell the run; without it where another run listens there already."""
    deeds: dict[str, Callable[[str], None]] = {
        "collapse": living.collapse,
        "recover": living.recover,
        "silence": living.silence,
        "wake": living.wake,
    }
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(listening(state_dir, deeds))
        except InUseError as error:
            log.warning(CONTROL_TAKEN, state_dir=str(state_dir), error=str(error))
        yield


async def _count(tally: Tally) -> None:
    with suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(COUNT_EVERY_S)
            log.info(RUN_COUNTED, **asdict(tally))
