"""Ends of a notification that change the alert itself: it failed for good, the line accepted, or did not.

Each is one decision: the record and what follows from it are committed together.
"""

from dataclasses import replace

import structlog

from lampkeep.alerts import store
from lampkeep.domain import escalation
from lampkeep.domain.alert import Alert
from lampkeep.domain.vocabulary import DUTY_ROOM
from lampkeep_dispatch import events
from lampkeep_dispatch.alerts.around import around
from lampkeep_dispatch.alerts.decisions import Decision
from lampkeep_dispatch.outbox.record import Record, Recorded, refused, write_records
from lampkeep_dispatch.sql import QUERIES

TELEPHONE = "telephone_line"
"""The sentence that asks the duty room to telephone 120."""

log = structlog.get_logger()


async def settle(decision: Decision, record: Record) -> Recorded:
    """Record it, and draw the consequences for its alert."""
    parcel = record.parcel
    alert = await decision.locked(store.QUERIES["lock_alert"], {"alert_id": parcel.alert_id})
    (recorded,) = await write_records(decision.connection, [record], decision.now)
    if alert is None or not recorded.held:
        return recorded
    if record.state == "accepted":
        await _accepted(decision, alert, record)
        return recorded
    if record.state == "failed":
        decision.writer(alert).record(
            "undeliverable",
            notification=str(parcel.notification_id),
            reason=parcel.reason,
            responder=parcel.responder_id,
            tried=refused(record.swept),
        )
    if parcel.calls_the_line and not alert.state.is_closed:
        alert = await _ask_to_telephone(decision, alert)
    if record.state == "failed" and parcel.reason == "step":
        await _hand_over(decision, alert, record)
    return recorded


async def _accepted(decision: Decision, alert: Alert, record: Record) -> None:
    reference = record.swept.reference
    alert = replace(alert, progress=replace(alert.progress, line_reference=reference))
    gone = {
        "alert_id": alert.alert_id,
        "notification_id": record.parcel.notification_id,
        "now": decision.now,
    }
    await decision.connection.execute(QUERIES["drop_line_calls"], gone)
    decision.writer(alert).record("line_accepted", responder=record.parcel.responder_id, reference=reference)
    if await _was_told(decision, alert):
        surroundings = await around(decision.connection, alert)
        await decision.tell(alert, surroundings, text_key="line_accepted", detail={"reference": reference})
    else:
        await decision.save(alert)


async def _ask_to_telephone(decision: Decision, alert: Alert) -> Alert:
    """Tell the duty room once a round that the hand-over is not done and a person must telephone.

    Where nobody is on duty it is asked as soon as somebody is, for as long as the line is called.
    """
    if alert.progress.line_reference is not None:
        return alert
    round_ = alert.progress.round
    wanted = {"alert_id": alert.alert_id, "text_key": TELEPHONE, "round": round_}
    asked = await (await decision.connection.execute(QUERIES["asked_to_telephone"], wanted)).fetchone()
    assert asked is not None
    if asked["heard"]:
        return alert
    surroundings = await around(decision.connection, alert)
    people = surroundings.people(decision.now)
    somebody = any(person.reachable for role in DUTY_ROOM for person in people.on_duty(role))
    if asked["tried"] and not somebody:
        return alert
    return await decision.tell(alert, surroundings, text_key=TELEPHONE, detail={"round": round_})


async def _was_told(decision: Decision, alert: Alert) -> bool:
    wanted = {"alert_id": alert.alert_id, "text_key": TELEPHONE}
    row = await (await decision.connection.execute(QUERIES["was_told"], wanted)).fetchone()
    return row is not None and bool(row["told"])


async def _hand_over(decision: Decision, alert: Alert, record: Record) -> None:
    parcel = record.parcel
    if parcel.round is None or parcel.step is None:
        return
    where = {"alert_id": alert.alert_id, "round": parcel.round, "step": parcel.step}
    row = await (await decision.connection.execute(QUERIES["step_has_failed"], where)).fetchone()
    if row is None or not row["failed"]:
        return
    ended = await (await decision.connection.execute(QUERIES["fail_step"], where)).fetchone()
    if ended is not None:
        decision.writer(alert).record("step_failed", round=parcel.round, step=parcel.step, role=ended["role"])
        if ended["missed"]:
            decision.after.missed.append(ended["role"])
        decision.after.logs.append((events.STEP_FAILED, where))
    surroundings = await around(decision.connection, alert)
    people = surroundings.people(decision.now)
    alert, effects = escalation.step_failed(
        alert, round_=parcel.round, step=parcel.step, now=decision.now, people=people
    )
    await decision.advance(alert, effects, surroundings)
