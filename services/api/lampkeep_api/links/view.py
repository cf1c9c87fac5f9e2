"""What a responder sees of an alert: as much as their role may know, and nothing about people once it is over."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from html import escape
from typing import Any

from fastapi.responses import Response

from lampkeep.contracts.texts import HAPPENED
from lampkeep.domain.life_cycle import Act
from lampkeep.domain.vocabulary import DUTY_ROOM, TOLD_LITTLE, AlertKind, AlertState, Role
from lampkeep_api.links import html, words
from lampkeep_api.people import ResidentSheet, resident_from
from lampkeep_api.replies import zone_of

Row = Mapping[str, Any]

OFFERED = (Act.ACKNOWLEDGE, Act.ON_THE_WAY, Act.ON_SCENE)
"""What everybody with a link may do, as far as the state allows it."""


def offered(role: Role, allowed: tuple[Act, ...]) -> tuple[Act, ...]:
    """The buttons for a responder of `role`; the duty room may also let the emergency line be called."""
    more = (Act.CONFIRM_EMERGENCY,) if role in DUTY_ROOM else ()
    return tuple(act for act in (*OFFERED, *more) if act in allowed)


def is_over(row: Row) -> bool:
    """Whether the alert of a row of `link_whole` is closed."""
    return AlertState(row["state"]).is_closed


def closed(row: Row) -> Response:
    """410: how it ended, without any person."""
    parts = [html.said(words.CLOSED), html.fact(words.STATE, html.both(words.STATES[row["state"]]))]
    if row["outcome"] in words.OUTCOMES:
        parts.append(html.fact(words.WHAT, html.both(words.OUTCOMES[row["outcome"]])))
    parts.append(html.fact(words.WHEN, _time(row["closed_at"], row)))
    return html.page([parts[0], "<dl>", *parts[1:], "</dl>"], status=410)


def unknown() -> Response:
    """404."""
    return html.page([html.said(words.UNKNOWN)], status=404)


def unavailable() -> Response:
    """503."""
    return html.page([html.said(words.UNAVAILABLE)], status=503)


def active(
    row: Row, *, now: datetime, acts: tuple[Act, ...], message: words.Both | None = None, status: int = 200
) -> Response:
    """The page of an active alert with a button for each of `acts`, and `message` above it."""
    parts = [html.said(message)] if message else []
    parts += ["<dl>", *_facts(row, now), "</dl>"]
    parts += [html.button(act.value, words.BUTTONS[act.value], first=number == 0) for number, act in enumerate(acts)]
    return html.page(parts, status=status, title=HAPPENED[AlertKind(row["kind"])])


def _facts(row: Row, now: datetime) -> Iterator[str]:
    told_little = Role(row["responder_role"]) in TOLD_LITTLE
    today = now.astimezone(zone_of(row["timezone"])).date()
    residents = [resident_from(one, today=today, private=not told_little) for one in row["residents"]]
    if residents:
        yield html.fact(
            words.WHO, "<br>".join(escape(_named(one.name or " ".join(words.RESIDENT), one.age)) for one in residents)
        )
    if row["address"]:
        yield html.fact(words.WHERE, escape(row["address"]))
    if row["latitude"] is not None:
        place = f"{row['latitude']:.5f},{row['longitude']:.5f}"
        yield html.fact(words.MAP, f'<a href="geo:{place}">{place}</a>')
    yield html.fact(words.WHEN, _time(row["opened_at"], row))
    yield from _evidence(row)
    for one in residents:
        if isinstance(one, ResidentSheet):
            yield from _private(one)
    yield html.fact(words.STATE, html.both(words.STATES[row["state"]]))
    if row["owner_id"] is not None:
        name = words.YOU[0] if row["owner_id"] == row["responder_id"] else row["owner_name"]
        yield html.fact(words.TAKEN_BY, escape(name))


def _evidence(row: Row) -> Iterator[str]:
    evidence = row["evidence"]
    texts = [evidence.get(key) for key in ("text_zh", "text_en")]
    said = [text for text in texts if isinstance(text, str) and text] or [evidence.get("text")]
    if isinstance(said[0], str) and said[0]:
        yield html.fact(words.WHAT, "<br>".join(escape(str(text)) for text in said))
    try:
        at = datetime.fromisoformat(evidence["last_activity_at"])
    except (KeyError, TypeError, ValueError):
        return
    place = evidence.get("last_place")
    yield html.fact(words.LAST_SEEN, _time(at, row) + (f" · {escape(str(place))}" if place else ""))


def _private(one: ResidentSheet) -> Iterator[str]:
    if one.phone:
        yield html.fact(words.PHONE, f'<a href="tel:{escape(one.phone.replace(" ", ""))}">{escape(one.phone)}</a>')
    if one.notes:
        yield html.fact(words.NOTES, escape(one.notes))


def _named(name: str, age: int | None) -> str:
    return name if age is None else f"{name} · {age}"


def _time(at: datetime, row: Row) -> str:
    return f"{at.astimezone(zone_of(row['timezone'])):%Y-%m-%d %H:%M:%S}"
