"""A community on the air: the homes' lives, paced and sent, with people who can be made to collapse.

The stream itself is pure (`home`, `faults`); here it meets the clock and the broker.
"""

import asyncio
import heapq
import random
from collections.abc import Coroutine, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from lampkeep_sim.community import Community
from lampkeep_sim.faults import Faults, with_faults
from lampkeep_sim.fleet import Fleet
from lampkeep_sim.home import Happening, Life, happenings
from lampkeep_sim.message import Message
from lampkeep_sim.pace import Pace

log = structlog.get_logger()

HOME_COLLAPSED = "home.collapsed"
HOME_RECOVERED = "home.recovered"
DEVICE_SILENCED = "device.silenced"
DEVICE_WOKEN = "device.woken"

PROMPT_ANSWERED = 0.7
"""The share of prompts that a resident answers; the others are not heard."""

PROMPT_AFTER_S = (3.0, 30.0)
"""How long answering takes, drawn evenly."""


def stream(community: Community, start: datetime, life: Life) -> Iterator[Happening]:
    """Yield what all homes of a community say from `start` on, in order, without end."""
    homes = (happenings(home, community.zone, start, life) for home in community.homes)
    return heapq.merge(*homes, key=lambda happening: (happening.at, happening.device_id))


class Living:
    """A running community. `collapse` and `silence` are what `lampkeep sim` tells it from outside."""

    def __init__(self, community: Community, fleet: Fleet, pace: Pace, life: Life, faults: Faults) -> None:
        self._community = community
        self._fleet = fleet
        self._pace = pace
        self._life = life
        self._faults = faults
        self._home_of = {device.device_id: home.home_id for home in community.homes for device in home.devices}
        self._homes = {home.home_id for home in community.homes}
        self._rng = random.Random(f"{life.seed}/prompts")
        self._deeds: set[asyncio.Task[None]] = set()
        self._prompts = 0
        self.collapsed: set[str] = set()

    async def run(self, duration: timedelta | None = None, *, first_sos: timedelta | None = None) -> None:
        """Live until cancelled, or for `duration` of wall-clock time; press one pendant after `first_sos` of it."""
        if first_sos is not None:
            self._later(self._first_press(first_sos))
        try:
            async with asyncio.timeout(duration.total_seconds() if duration else None) as timeout:
                await self._live()
        except TimeoutError:
            if not timeout.expired():
                raise

    async def _live(self) -> None:
        life = stream(self._community, self._pace.life_start, self._life)
        for send_at, happening in with_faults(life, self._faults):
            await self._pace.until(send_at)
            if happening.lived and self._home_of[happening.device_id] in self.collapsed:
                continue
            self._fleet.send(happening.device_id, self._stamped(happening))

    def collapse(self, home_id: str) -> None:
        """Let nobody stir in a home any more; devices go on living. KeyError for an unknown home."""
        self._check_home(home_id)
        self.collapsed.add(home_id)
        log.info(HOME_COLLAPSED, home_id=home_id)

    def recover(self, home_id: str) -> None:
        """Let the day of a home go on. KeyError for an unknown home."""
        self._check_home(home_id)
        self.collapsed.discard(home_id)
        log.info(HOME_RECOVERED, home_id=home_id)

    def silence(self, device_id: str) -> None:
        """Take a device off the air. KeyError for an unknown device."""
        self._fleet.silence(device_id)
        log.info(DEVICE_SILENCED, device_id=device_id)

    def wake(self, device_id: str) -> None:
        """Bring a device back. KeyError for an unknown device."""
        self._fleet.wake(device_id)
        log.info(DEVICE_WOKEN, device_id=device_id)

    def command(self, device_id: str, words: Mapping[str, Any]) -> None:
        """Let the resident answer a prompt that a device shows, mostly, unless they have collapsed."""
        home_id = self._home_of.get(device_id)
        if words.get("type") != "prompt" or home_id in self.collapsed or self._rng.random() > PROMPT_ANSWERED:
            return
        self._later(self._answer(device_id, str(words.get("alert"))))

    def _later(self, deed: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(deed)
        self._deeds.add(task)
        task.add_done_callback(self._deeds.discard)

    async def _first_press(self, after: timedelta) -> None:
        pendants = [device.device_id for device in self._community.devices() if device.kind == "pendant"]
        await asyncio.sleep(after.total_seconds())
        if pendants:
            at = self._pace.wall(self._pace.life())
            message = Message(message_id=f"{self._life.id_prefix}-first", type="sos", at=at)
            self._fleet.send(self._rng.choice(pendants), message)

    async def _answer(self, device_id: str, alert_id: str) -> None:
        await asyncio.sleep(self._rng.uniform(*PROMPT_AFTER_S))
        self._prompts += 1
        message = Message(
            message_id=f"{self._life.id_prefix}-p{self._prompts}",
            type="prompt_answer",
            at=self._pace.wall(self._pace.life()),
            content={"alert": alert_id, "well": True},
        )
        self._fleet.send(device_id, message)

    def _stamped(self, happening: Happening) -> Message:
        """Return the message with its `at` on the wall clock; the skew of the device's clock is not sped up."""
        at = happening.message.at
        if at is None:
            return happening.message
        return happening.message.stamped(self._pace.wall(happening.at) + (at - happening.at))

    def _check_home(self, home_id: str) -> None:
        if home_id not in self._homes:
            raise KeyError(home_id)
