"""An alert that closes without a person's act: its condition is over, or the resident took it back."""

from lampkeep.domain import escalation
from lampkeep.domain.life_cycle import Act, Transition
from lampkeep_dispatch import events
from lampkeep_dispatch.alerts.around import Around
from lampkeep_dispatch.alerts.decisions import Decision


async def cancel(decision: Decision, transition: Transition, around: Around, *, why: str) -> None:
    """End a locked pre-alarm: nobody else has been asked yet."""
    alert, effects = escalation.react(
        transition.alert,
        Act.CANCEL,
        entered=transition.entered,
        by_operator=False,
        has_reason=False,
        now=decision.now,
        people=around.people(decision.now),
    )
    writer = decision.writer(alert, around, entry=why)
    writer.record("cancelled", why=why)
    await writer.stop_asking()
    await decision.save(alert)
    await writer.write(effects)
    decision.after.logs.append((events.ALERT_CANCELLED, {"alert_id": alert.alert_id, "why": why}))


async def resolve(decision: Decision, transition: Transition, around: Around, *, why: str, actor: str) -> None:
    """Close a locked alert, and tell whom it concerns."""
    alert, effects = escalation.react(
        transition.alert,
        Act.RESOLVE,
        entered=transition.entered,
        by_operator=False,
        has_reason=False,
        now=decision.now,
        people=around.people(decision.now),
    )
    writer = decision.writer(alert, around, entry=why)
    outcome = alert.outcome.value if alert.outcome else None
    writer.record("resolved", outcome=outcome, why=why, by=actor)
    await writer.stop_asking()
    await decision.save(alert)
    await writer.write(effects)
    decision.after.logs.append((events.ALERT_RESOLVED, {"alert_id": alert.alert_id, "why": why}))
