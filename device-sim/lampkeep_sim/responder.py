"""People who answer webhooks: they accept after a while, decline, or are away.

One server plays every responder of a community. Whether a person takes an alert is drawn once per (alert, person), so
that a person who is away stays away for the repeats. The emergency line answers as the contract asks. With an API
token, whoever accepted also goes there and helps, so that an alert lives through all its states.
"""

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from html.parser import HTMLParser
from typing import Any

import httpx
import orjson
import structlog

from lampkeep_sim.http import Request, Response
from lampkeep_sim.signature import verify

log = structlog.get_logger()

ACT_FAILED = "act.failed"

MOODS_AT_MOST = 10_000
"""(alert, person) pairs remembered; the oldest go, and would be drawn anew."""

ACT_WITHIN_S = 10.0

OUTCOMES = {"helped": "looked in and helped (simulated)", "false_alarm": "pressed by mistake (simulated)"}
"""What is noted when an alert is resolved."""

Say = Callable[[dict[str, Any]], None]
"""Takes one JSON-able line per thing that happened."""


class Mood(StrEnum):
    """What a person does about an alert."""

    ACCEPT = "accept"
    DECLINE = "decline"
    AWAY = "away"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How people answer. `accept` and `decline` are chances; the rest are away. Delays are means of an exponential."""

    accept: float = 0.6
    decline: float = 0.1
    delay_s: float = 8.0
    """From the webhook to the acknowledgement."""
    hang: float = 0.2
    """The share of those away whose request gets no answer at all; the others answer 503."""
    line_accepts: float = 1.0
    """The chance that the emergency line takes an alert over at one request."""
    travel_s: float = 20.0
    """From acknowledging to on the way, on scene and resolved, each; used with an API token."""
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAccess:
    """Where the API is and a token for it, for acts that no webhook offers."""

    url: str
    token: str = field(repr=False)


class Responders:
    """Everybody who has a webhook here. `answer` is for `http.serving`; `close` ends what they still have in mind."""

    def __init__(
        self,
        manners: Manners,
        say: Say,
        *,
        secrets: Mapping[str, str] | None = None,
        secret: str | None = None,
        access: OperatorAccess | None = None,
    ) -> None:
        """`secrets` are by responder id, `secret` is for everybody else; with neither, signatures are not checked."""
        self._manners = manners
        self._say = say
        self._secrets = dict(secrets or {})
        self._secret = secret
        self._access = access
        self._rng = random.Random(manners.seed)
        self._moods: OrderedDict[tuple[str, str], Mood] = OrderedDict()
        self._tasks: dict[asyncio.Task[None], tuple[str, str]] = {}
        self._client = httpx.AsyncClient(timeout=ACT_WITHIN_S, follow_redirects=True, trust_env=False)
        self._references = 0

    async def close(self) -> None:
        """Forget everything that was going to be done."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    async def answer(self, request: Request) -> Response | None:
        """Answer one webhook, and set going what the person does about it."""
        try:
            told = orjson.loads(request.body)
            alert, person, reason = str(told["alert"]["id"]), str(told["responder"]), str(told["reason"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            self._say({"what": "unreadable", "status": 400})
            return Response(status=400)
        wrong = self._wrong(request, person)
        if wrong:
            return self._done(request, told, Response(status=401), note=wrong)
        if reason == "stand_down":
            self._stand_down(alert, person)
            return self._done(request, told, Response())
        if told.get("role") == "emergency_line":
            return self._done(request, told, self._line())
        if reason not in {"step", "repeat", "confirm"} and told["alert"].get("home_id"):
            return self._done(request, told, Response())
        return self._done(request, told, *self._person(told, alert, person))

    def _wrong(self, request: Request, person: str) -> str | None:
        secret = self._secrets.get(person, self._secret)
        if secret is None:
            return None
        return verify(request.headers.get("lampkeep-signature"), secret, request.body, time.time())

    def _line(self) -> Response:
        if self._rng.random() >= self._manners.line_accepts:
            return Response(status=503, body=b'{"accepted":false}')
        self._references += 1
        return Response(body=orjson.dumps({"accepted": True, "reference": f"120-{self._references:05d}"}))

    def _person(self, told: Mapping[str, Any], alert: str, person: str) -> tuple[Response | None, str]:
        mood = self._mood(alert, person)
        if mood is Mood.DECLINE:
            return Response(status=403), mood
        if mood is Mood.AWAY:
            return (None if self._rng.random() < self._manners.hang else Response(status=503)), mood
        if not any(pair == (alert, person) for pair in self._tasks.values()):
            task = asyncio.create_task(self._help(dict(told), alert, person))
            self._tasks[task] = (alert, person)
            task.add_done_callback(lambda done: self._tasks.pop(done, None))
        return Response(), mood

    def _mood(self, alert: str, person: str) -> Mood:
        key = (alert, person)
        if key not in self._moods:
            drawn = self._rng.random()
            declines = self._manners.accept + self._manners.decline
            away_or_not = Mood.DECLINE if drawn < declines else Mood.AWAY
            self._moods[key] = Mood.ACCEPT if drawn < self._manners.accept else away_or_not
            if len(self._moods) > MOODS_AT_MOST:
                self._moods.popitem(last=False)
        return self._moods[key]

    def _stand_down(self, alert: str, person: str) -> None:
        for task, pair in tuple(self._tasks.items()):
            if pair == (alert, person):
                task.cancel()

    async def _help(self, told: dict[str, Any], alert: str, person: str) -> None:
        """Acknowledge after a while; with an API token go on until the alert is resolved."""
        await self._wait(self._manners.delay_s)
        try:
            if told["reason"] == "confirm" and self._access:
                await self._act(alert, "confirm-emergency", {})
                return
            await self._acknowledge(told, alert, person)
            if self._access is None:
                return
            who = {} if told.get("role") in {"operator", "supervisor"} else {"for": person}
            for act in ("on-the-way", "on-scene"):
                await self._wait(self._manners.travel_s)
                await self._act(alert, act, who)
            await self._wait(self._manners.travel_s)
            outcome = self._rng.choice(("helped", "helped", "false_alarm"))
            await self._act(alert, "resolve", {"outcome": outcome, "note": OUTCOMES[outcome]})
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log.warning(ACT_FAILED, alert_id=alert, responder_id=person, error=repr(error))

    async def _acknowledge(self, told: Mapping[str, Any], alert: str, person: str) -> None:
        """Open the link of the webhook as a person does, and press the button of its form."""
        url = str(told["acknowledge_url"])
        page = await self._client.get(url)
        form = _Form.of(page.text)
        answer = await self._client.post(url, data=form)
        self._say({"what": "acknowledged", "alert": alert, "responder": person, "status": answer.status_code})

    async def _act(self, alert: str, act: str, body: dict[str, Any]) -> None:
        assert self._access is not None
        answer = await self._client.post(
            f"{self._access.url}/api/v1/alerts/{alert}/{act}",
            json=body,
            headers={"Authorization": f"Bearer {self._access.token}"},
        )
        self._say({"what": act, "alert": alert, "status": answer.status_code})
        answer.raise_for_status()

    async def _wait(self, mean_s: float) -> None:
        await asyncio.sleep(self._rng.expovariate(1 / mean_s) if mean_s > 0 else 0)

    def _done(
        self, request: Request, told: Mapping[str, Any], response: Response | None, note: str = ""
    ) -> Response | None:
        alert = told["alert"]
        line = {
            "what": "webhook",
            "notification": request.headers.get("lampkeep-notification-id"),
            "reason": told["reason"],
            "alert": alert["id"],
            "kind": alert.get("kind"),
            "state": alert.get("state"),
            "home": alert.get("home_id"),
            "round": told.get("round"),
            "step": told.get("step"),
            "role": told.get("role"),
            "responder": told["responder"],
            "status": response.status if response else None,
        }
        self._say(line | ({"note": note} if note else {}))
        return response


class _Form(HTMLParser):
    """The named fields of the first form of a page, with the first button that has a name."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._open = False
        self._pressed = False

    @classmethod
    def of(cls, page: str) -> dict[str, str]:
        form = cls()
        form.feed(page)
        return form.fields

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "form":
            self._open = not self.fields
        named = dict(attrs)
        name = named.get("name")
        if not self._open or not name or tag not in {"input", "button"}:
            return
        is_button = tag == "button" or named.get("type") == "submit"
        if is_button and self._pressed:
            return
        self._pressed = self._pressed or is_button
        self.fields[name] = named.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = False
