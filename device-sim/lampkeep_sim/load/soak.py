"""Many devices for a while, presses among observations, and then the question whether anything was lost."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lampkeep_sim.community import Community
from lampkeep_sim.load.checker import Findings, check, press_latencies
from lampkeep_sim.load.crowd import Crowd, spread
from lampkeep_sim.load.hook import HookStub
from lampkeep_sim.load.latency import Summary, summarize
from lampkeep_sim.load.ledger import read_ledger, until_stored
from lampkeep_sim.load.schedule import constant, poisson, send_all
from lampkeep_sim.load.sent import Sent
from lampkeep_sim.session import Link

SETTLE_S = 30.0
"""After the last send: for resends (after 2 and 4 s), redelivery to a service that was restarted, and delivery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoakReport:
    """What was sent and what the checker found."""

    sessions: int
    observations: int
    presses: int
    puback: Summary
    press_to_post: Summary
    press_to_receipt: Summary
    lateness: Summary
    findings: Findings
    prefix: str
    sent: tuple[Sent, ...]
    told_s: Mapping[str, float]

    def as_json(self) -> dict[str, Any]:
        """Return the figures as JSON values; of findings only how many there are."""
        return {
            "sessions": self.sessions,
            "observations": self.observations,
            "presses": self.presses,
            "puback": self.puback.as_json(),
            "press_to_post": self.press_to_post.as_json(),
            "press_to_receipt": self.press_to_receipt.as_json(),
            "generator_lateness": self.lateness.as_json(),
            "findings": {name: len(value) for name, value in asdict(self.findings).items()},
        }


async def soak_run(
    community: Community,
    link: Link,
    hook: HookStub,
    database_url: str,
    *,
    duration_s: float = 60.0,
    rate: float = 100.0,
    press_rate: float = 1.0,
    budget_s: float = 3.0,
    seed: int = 1,
) -> SoakReport:
    """Send observations at a Poisson rate from all sensors in turn and presses from all pendants in turn; then check.

    `budget_s` is from the intended press to the first byte of the webhook. Raises RunError if sessions do not come up.
    """
    async with Crowd(community, link) as crowd:
        quiet, pressed = await asyncio.gather(
            send_all(
                poisson(rate, duration_s, seed), lambda number, at: crowd.observe(spread(crowd.sensors, number), at)
            ),
            send_all(
                constant(press_rate, duration_s), lambda number, at: crowd.press(spread(crowd.pendants, number), at)
            ),
        )
        await crowd.settled(SETTLE_S)
        sessions = crowd.sessions
    acked = [one for one in crowd.sent if one.acked_s is not None]
    await until_stored(database_url, crowd.prefix, len(acked), SETTLE_S)
    presses = [one for one in crowd.sent if one.urgent]
    await hook.until_told({one.home_id for one in presses}, SETTLE_S)
    told = hook.first_steps()
    ledger = await read_ledger(database_url, crowd.prefix)
    return SoakReport(
        sessions=sessions,
        observations=len(crowd.sent) - len(presses),
        presses=len(presses),
        puback=summarize(
            (one.acked_s - one.intended_s for one in acked if one.acked_s is not None), intended=len(crowd.sent)
        ),
        press_to_post=summarize(press_latencies(presses, told)),
        press_to_receipt=summarize(
            (one.receipted_s - one.intended_s for one in presses if one.receipted_s is not None), intended=len(presses)
        ),
        lateness=summarize([*quiet.lateness_s, *pressed.lateness_s]),
        findings=check(crowd.sent, ledger, told, budget_s=budget_s),
        prefix=crowd.prefix,
        sent=tuple(crowd.sent),
        told_s=told,
    )
