"""From a request to an act: who takes the alert, one transaction, the answer, and waking those who wait for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lampkeep.alerts import store
from lampkeep.db.queries import load
from lampkeep.domain.alert import Owner
from lampkeep.domain.life_cycle import Act
from lampkeep.domain.vocabulary import Outcome, Role
from lampkeep_api import idempotency
from lampkeep_api.alerts import reading
from lampkeep_api.alerts.acts import CALLS, WAKES, Actor, Wish, perform
from lampkeep_api.auth.bearer import Caller
from lampkeep_api.database import Connection
from lampkeep_api.idempotency import Answer
from lampkeep_api.parts import Parts
from lampkeep_api.problems import FieldError, Problem, not_found, not_valid
from lampkeep_api.versions import etag

QUERIES = load(__package__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request to act: on what, what, and under which guards."""

    alert_id: str
    act: Act
    for_id: str | None = None
    outcome: Outcome | None = None
    note: str | None = None
    if_match: str | None = None
    key: str | None = None

    @property
    def address(self) -> str:
        """Where it was sent."""
        return f"/alerts/{self.alert_id}/{CALLS[self.act]}"

    @property
    def body(self) -> Mapping[str, str | None]:
        """What was sent, as it was understood."""
        return {"for": self.for_id, "outcome": self.outcome and self.outcome.value, "note": self.note}


async def act(parts: Parts, caller: Caller, asked: Asked) -> Answer:
    """Do what was asked; the answer is the alert, whole, or the problem that refuses it (under a key it is kept)."""
    now = parts.clock.now()

    async def work(connection: Connection) -> Answer:
        if asked.key is None:
            return await _done(connection, caller, asked, now)
        request = idempotency.Request.of(caller.token_id, asked.key, path=asked.address, body=asked.body)
        known = await idempotency.recall(connection, request, now)
        if known is not None:
            return known
        try:
            async with connection.transaction():
                answer = await _done(connection, caller, asked, now)
        except Problem as problem:
            if problem.status not in {409, 412}:
                raise
            answer = Answer.of(problem)
        await idempotency.remember(connection, request, answer, now)
        return answer

    answer = await parts.database.transact(work)
    if answer.status == 200 and not answer.kept:
        await parts.database.notify(*WAKES)
    return answer


async def _done(connection: Connection, caller: Caller, asked: Asked, now: datetime) -> Answer:
    await reading.require_visible(connection, caller, asked.alert_id)
    alert = await store.load(connection, asked.alert_id, lock=True)
    if alert is None:
        raise not_found("alert", asked.alert_id)
    wish = await _wish(connection, caller, asked)
    await perform(connection, alert, wish, if_match=asked.if_match, now=now)
    whole = await reading.whole(connection, caller, asked.alert_id, now)
    return Answer(status=200, body=whole.model_dump(mode="json"), etag=etag(whole.version))


async def _wish(connection: Connection, caller: Caller, asked: Asked) -> Wish:
    actor = Actor.of(caller)
    taker = actor.as_owner if asked.for_id is None else await _responder(connection, caller, asked.for_id)
    return Wish(act=asked.act, actor=actor, taker=taker, for_id=asked.for_id, outcome=asked.outcome, note=asked.note)


async def _responder(connection: Connection, caller: Caller, responder_id: str) -> Owner:
    parameters: dict[str, Any] = {"responder_id": responder_id, **caller.scope}
    row = await (await connection.execute(QUERIES["responder_to_act_for"], parameters)).fetchone()
    if row is None:
        raise not_valid([FieldError(field="body.for", message="There is no such responder that this token may see.")])
    return Owner(owner_id=row["responder_id"], name=row["name"], kind="responder", role=Role(row["role"]))
