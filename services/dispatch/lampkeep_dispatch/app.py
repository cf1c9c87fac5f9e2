"""The dispatch service: wiring, and nothing else. Opens what it needs and runs the workers until it is stopped."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import structlog

from lampkeep.clock import Clock, SystemClock
from lampkeep.db.slots import claim_slot
from lampkeep.health import Part, serve_health
from lampkeep.ports import Channel, DeviceCommands
from lampkeep.settings import Settings
from lampkeep_dispatch import bells as bells_module
from lampkeep_dispatch import events
from lampkeep_dispatch.acts import Acts
from lampkeep_dispatch.alerts.decisions import Desk
from lampkeep_dispatch.background import Background, Screens
from lampkeep_dispatch.bells import Bells
from lampkeep_dispatch.channels import webhook
from lampkeep_dispatch.commands import MqttCommands
from lampkeep_dispatch.database import Line
from lampkeep_dispatch.links import Links, load_links
from lampkeep_dispatch.loops import Once, keep
from lampkeep_dispatch.outbox.outbox import Lines, Outbox, Ways
from lampkeep_dispatch.rules import Rules
from lampkeep_dispatch.signals import Signals
from lampkeep_dispatch.timers import Timers

SIGNAL_WORKERS = 2
"""One decides while the other waits for its commit; the loop is one core's anyway."""

SETTLEMENT_LINES = 4
"""Of each lane, for ends of notifications that change their alert: one waits for its commit while others decide."""

DRAIN_S = 4.0
"""How long notifications under way may take at the end: one request and its record."""

NAME_LOOKUPS = "64"
"""Threads for name look-ups: with libuv's own four, four hanging names would hold up every other channel."""

STARTING = {"database": Part(ok=False, state="not reached yet")}

log = structlog.get_logger()


@dataclass(slots=True)
class Lifelines:
    """The database connections, by name; all are closed at the end."""

    url: str
    open: dict[str, Line]

    def line(self, name: str) -> Line:
        """A new one."""
        line = Line(self.url, application=f"lampkeep-dispatch-{name}")
        self.open[name] = line
        return line

    def outbox(self, lane: str) -> Lines:
        """Those of one lane of the outbox."""
        return Lines(
            claims=self.line(f"{lane}-claims"),
            records=self.line(f"{lane}-records"),
            settlements=[self.line(f"{lane}-settlements-{number}") for number in range(1, SETTLEMENT_LINES + 1)],
        )

    async def close(self) -> None:
        """Hang up everywhere."""
        await asyncio.gather(*(line.close() for line in self.open.values()), return_exceptions=True)


async def run(
    settings: Settings,
    *,
    clock: Clock | None = None,
    channels: Mapping[str, Channel] | None = None,
    commands: DeviceCommands | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT or cancellation; then finish what is under way, within 10 s.

    Tests pass a clock, channels or commands of their own.
    """
    os.environ.setdefault("UV_THREADPOOL_SIZE", NAME_LOOKUPS)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    running: list[Service] = []
    async with serve_health(settings, lambda: running[0].parts() if running else STARTING):
        await _until(stop, _serve(settings, clock, channels, commands, running))
    log.info(events.SERVICE_STOPPED)


async def _serve(
    settings: Settings,
    clock: Clock | None,
    channels: Mapping[str, Channel] | None,
    commands: DeviceCommands | None,
    running: list["Service"],
) -> None:
    async with started(settings, clock, channels, commands) as service:
        running.append(service)
        log.info(events.SERVICE_STARTED)
        await service.failed()


async def _until(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Run `work` until `stop`, or until it ends by itself, which it does only with an error."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        await _cancelled([working])
        await _cancelled([stopped])


class Service:
    """Everything that runs."""

    rules: Rules

    def __init__(
        self, lines: Lifelines, bells: Bells, outboxes: tuple[Outbox, Outbox], commands: DeviceCommands
    ) -> None:
        """Nothing runs yet."""
        self._lines = lines
        self._bells = bells
        self._outboxes = outboxes
        self._commands = commands
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` beside the rest."""
        self._tasks.append(asyncio.create_task(work, name=name))

    def keep(self, name: str, once: Once, bell: asyncio.Event | None = None) -> None:
        """Run `once` in a worker's loop."""
        self.start(name, keep(name, once, bell or asyncio.Event()))

    def parts(self) -> dict[str, Part]:
        """For `/readyz`: ready while signals can be read and notifications be claimed."""
        up = all(self._lines.open[name].up for name in ("signals-1", "urgent-claims"))
        listening = self._bells.listening
        broker = getattr(self._commands, "up", True)
        return {
            "database": Part(ok=up, state="connected" if up else "no connection"),
            "listener": Part(ok=True, state="listening" if listening else "polling"),
            "rules": Part(ok=True, state="resting: observations are not drained" if self.rules.rests else "watching"),
            "broker": Part(ok=True, state="connected" if broker else "no connection: devices are told later"),
        }

    async def failed(self) -> None:
        """Until a worker ends by itself, which is a mistake: its error is raised."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def finish(self) -> None:
        """Take nothing new, let what is under way end, hang up."""
        recorders = [task for task in self._tasks if task.get_name().endswith("records")]
        await _cancelled([task for task in self._tasks if task not in recorders])
        await asyncio.gather(*(outbox.drained(DRAIN_S) for outbox in self._outboxes))
        await _cancelled(recorders)
        await self._lines.close()


@asynccontextmanager
async def started(
    settings: Settings,
    clock: Clock | None = None,
    channels: Mapping[str, Channel] | None = None,
    commands: DeviceCommands | None = None,
) -> AsyncIterator[Service]:
    """The service with its workers running; finished at the end of the block."""
    url = settings.require_database_url()
    clock = clock or SystemClock()
    lines = Lifelines(url, {})
    bells = Bells()
    async with AsyncExitStack() as stack:
        slot = await stack.enter_async_context(claim_slot(url, "dispatch", name=settings.instance))
        if channels is None:
            channels = {"webhook": await stack.enter_async_context(webhook.opened(clock))}
        mqtt = None
        if commands is None:
            commands = mqtt = MqttCommands(settings.mqtt_url, client_id=lambda: f"lampkeep-dispatch-{slot.name}")
            slot.moved.append(mqtt.renamed)
        ways = Ways(channels=channels, commands=commands)
        urgent, ordinary = (
            Outbox(urgent=lane == "urgent", lines=lines.outbox(lane), ways=ways, clock=clock, slot=slot)
            for lane in ("urgent", "ordinary")
        )
        service = Service(lines, bells, (urgent, ordinary), commands)
        stack.push_async_callback(service.finish)
        background = Background(lines.line("background"), clock, slot)
        await _first_contact(background)
        screens = Screens(lines.line("screens"))
        desk = Desk(
            slot=slot,
            clock=clock,
            links=await _links(lines, settings),
            urgent=urgent,
            ordinary=ordinary,
            announcer=screens,
        )
        _start(service, desk, lines, bells, url)
        service.keep("background", background.once)
        service.start("screens", screens.run())
        if mqtt is not None:
            service.start("commands", mqtt.run())
        yield service


def _start(service: Service, desk: Desk, lines: Lifelines, bells: Bells, url: str) -> None:
    for outbox, lane in ((desk.urgent, "urgent"), (desk.ordinary, "ordinary")):
        assert isinstance(outbox, Outbox)
        outbox.desk = desk
        service.start(f"{lane}-records", outbox.record())
        service.start(f"{lane}-renewals", outbox.renew())
        service.keep(f"{lane}-outbox", outbox.once, outbox.bell)
    for number in range(1, SIGNAL_WORKERS + 1):
        name = f"signals-{number}"
        service.keep(name, Signals(desk, lines.line(name)).once, bells.hang(bells_module.URGENT))
    service.keep("acts", Acts(desk, lines.line("acts")).once, bells.hang(bells_module.ACTS))
    for life in (True, False):
        name = "life-timers" if life else "timers"
        service.keep(name, Timers(desk, lines.line(name), life=life).once)
    rules = Rules(desk, lines.line("rules"))
    service.rules = rules
    service.keep("rules", rules.once)
    service.start("listener", bells.listen(url, (bells_module.URGENT, bells_module.ACTS)))


async def _first_contact(background: Background) -> None:
    """Wait for the database, however long it is away: a service that gives up is one more thing to restart."""
    contacted = asyncio.Event()

    async def once() -> float:
        await background.compare_clocks()
        contacted.set()
        return 1.0

    task = asyncio.create_task(keep("first-contact", once, asyncio.Event()))
    try:
        await contacted.wait()
    finally:
        await _cancelled([task])


async def _links(lines: Lifelines, settings: Settings) -> Links:
    return await lines.open["background"].run(lambda connection: load_links(connection, settings.links_begin_with))


async def _cancelled(tasks: Iterable[asyncio.Task[Any]]) -> None:
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
