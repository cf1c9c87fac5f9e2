"""Findings and notes of rules as rows: an alert that opens or is joined, what is over, what is only noted."""

from psycopg.types.json import Jsonb

from lampkeep.alerts import store
from lampkeep.domain import life_cycle
from lampkeep.domain.alert import Alert
from lampkeep.domain.findings import Finding, Key, Note
from lampkeep.domain.vocabulary import AlertKind, AlertState, Outcome, Priority
from lampkeep.registry.context import HomeContext
from lampkeep_dispatch import events
from lampkeep_dispatch.alerts.around import Around, around
from lampkeep_dispatch.alerts.closing import cancel, resolve
from lampkeep_dispatch.alerts.decisions import Decision
from lampkeep_dispatch.alerts.opening import Cause
from lampkeep_dispatch.dark_areas import area_alert
from lampkeep_dispatch.sql import QUERIES


async def begin(decision: Decision, context: HomeContext, finding: Finding) -> None:
    """A finding raises an alert, or joins the active one of its kind; a home lost with its area joins the area's."""
    home_id = context.home.home_id
    alert = None
    if finding.kind is AlertKind.HOME_UNOBSERVABLE and finding.since is not None:
        alert = await area_alert(decision, home_id, finding.since)
    if alert is None:
        alert = await _raise(decision, context, finding)
    await decision.connection.execute(
        QUERIES["keep_finding"],
        {
            "home_id": home_id,
            "kind": finding.kind.value,
            "subject": finding.subject,
            "since": finding.since,
            "alert_id": alert.alert_id,
            "now": decision.now,
        },
    )


async def _raise(decision: Decision, context: HomeContext, finding: Finding) -> Alert:
    prompt = context.plan.prompts.get(finding.kind.value)
    cause = Cause(
        kind=finding.kind,
        at=finding.since or decision.now,
        received_at=decision.now,
        home_id=context.home.home_id,
        account=_account(context, finding.subject),
        device_id=finding.subject or None,
        prompt=prompt if context.home.can_be_asked else None,
        evidence=dict(finding.evidence),
    )
    surroundings = Around.of_home(context)
    alert = await decision.locked(QUERIES["active_alert"], {"cause_key": cause.key})
    if alert is not None:
        return await decision.join(alert, cause, surroundings)
    return await decision.open_(cause, surroundings, home=context.home, plan=context.plan)


async def end(decision: Decision, context: HomeContext, key: Key) -> None:
    """A finding is over: a technical alert that has no other resolves itself, as does an area's; of any other its
    people are told, and a pre-alarm is cancelled."""
    kind, subject = key
    gone = {"home_id": context.home.home_id, "kind": kind, "subject": subject}
    row = await (await decision.connection.execute(QUERIES["forget_finding"], gone)).fetchone()
    if row is None or row["alert_id"] is None:
        return
    wanted = {"alert_id": row["alert_id"]}
    alert = await decision.locked(store.QUERIES["lock_alert"], wanted)
    if alert is None or alert.state.is_closed:
        return
    left = await (await decision.connection.execute(QUERIES["findings_of_alert"], wanted)).fetchone()
    if left is not None and left["standing"]:
        return
    surroundings = Around.of_home(context) if alert.home_id is not None else await around(decision.connection, alert)
    if alert.priority is Priority.TECHNICAL or alert.kind is AlertKind.SYSTEM:
        transition = life_cycle.resolve(alert, Outcome.OTHER, decision.now)
        await resolve(decision, transition, surroundings, why="condition_over", actor="system")
    elif alert.state is AlertState.PRE_ALARM:
        await cancel(decision, life_cycle.cancel(alert, decision.now), surroundings, why="condition_over")
    else:
        decision.writer(alert).record("condition_over", kind=kind)
        await decision.tell(alert, surroundings, text_key="condition_over")


async def note(decision: Decision, context: HomeContext, noted: Note) -> None:
    """Write down what the duty room should know of a home."""
    await decision.connection.execute(
        QUERIES["keep_note"],
        {
            "home_id": context.home.home_id,
            "what": noted.what,
            "subject": noted.subject,
            "since": noted.since,
            "now": decision.now,
            "evidence": Jsonb(noted.evidence),
        },
    )
    decision.after.logs.append((events.HOME_NOTED, {"home_id": context.home.home_id, "what": noted.what}))


async def end_note(decision: Decision, context: HomeContext, key: Key) -> None:
    """A note holds no longer; it stays in the home's history."""
    what, subject = key
    over = {"home_id": context.home.home_id, "what": what, "subject": subject, "now": decision.now}
    await decision.connection.execute(QUERIES["end_note"], over)


def _account(context: HomeContext, device_id: str) -> str | None:
    devices = ((device.device_id, device.account) for device in context.home.devices)
    return dict(devices).get(device_id)
