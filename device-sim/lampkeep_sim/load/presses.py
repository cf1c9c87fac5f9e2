"""SOS presses at a rate, each from a pendant of its own: how long until the first byte of the webhook."""

import asyncio
from dataclasses import dataclass
from typing import Any

from lampkeep_sim.community import Community
from lampkeep_sim.load.checker import press_latencies
from lampkeep_sim.load.crowd import Crowd, spread
from lampkeep_sim.load.hook import HookStub
from lampkeep_sim.load.latency import Summary, summarize
from lampkeep_sim.load.schedule import GeneratorAudit, constant, send_all
from lampkeep_sim.load.sent import Sent
from lampkeep_sim.session import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class PressReport:
    """`press_to_post` is from the intended press to the first byte of the first webhook; `prefix` finds the rows."""

    prefix: str
    press_to_post: Summary
    press_to_receipt: Summary
    lateness: Summary
    audit: GeneratorAudit
    sent: tuple[Sent, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            "press_to_post": self.press_to_post.as_json(),
            "press_to_receipt": self.press_to_receipt.as_json(),
            "generator_lateness": self.lateness.as_json(),
            "generator_cpu_share": round(self.audit.cpu_share, 3),
            "objections": self.audit.objections(self.press_to_post.p99_ms / 1000),
        }


async def press_run(
    community: Community,
    link: Link,
    hook: HookStub,
    *,
    presses: int,
    rate: float,
    background: float = 0.0,
    settle_s: float = 10.0,
) -> PressReport:
    """Press `presses` pendants once each, `rate` a second, and wait at most `settle_s` for what is still missing.

    `background` observations a second come from the same community meanwhile. The community must have been applied,
    have at least `presses` pendants in homes of their own, and `hook` as its webhook. Raises ValueError, RunError.
    """
    async with Crowd(community, link) as crowd:
        if presses > len(crowd.pendants):
            raise ValueError(f"{presses} presses need as many pendants, this community has {len(crowd.pendants)}")
        if background and not crowd.sensors:
            raise ValueError("background observations need sensors")
        noise = asyncio.create_task(
            send_all(
                constant(background, presses / rate),
                lambda number, at: crowd.observe(spread(crowd.sensors, number), at),
            )
        )
        audit = await send_all(
            constant(rate, presses / rate), lambda number, at: crowd.press(crowd.pendants[number], at)
        )
        await noise
        await crowd.settled(settle_s)
        urgent = tuple(one for one in crowd.sent if one.urgent)
        await hook.until_told({one.home_id for one in urgent}, settle_s)
    return PressReport(
        prefix=crowd.prefix,
        press_to_post=summarize(press_latencies(urgent, hook.first_steps()), intended=presses),
        press_to_receipt=summarize(
            (one.receipted_s - one.intended_s for one in urgent if one.receipted_s is not None), intended=presses
        ),
        lateness=summarize(audit.lateness_s),
        audit=audit,
        sent=tuple(crowd.sent),
    )
