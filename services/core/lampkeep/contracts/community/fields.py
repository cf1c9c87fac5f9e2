"""The scalar spellings of a community file: ids, durations, times of day, days, texts. Values only, no objects.

Every checker raises ValueError with a phrase that reads well after "FILE:LINE: path: ".
"""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from lampkeep.domain.times import parse_duration, parse_end_of_window, parse_time_of_day, parse_window

ID_PATTERN: Final = r"[a-z0-9][a-z0-9-]{0,62}"
"""Contract section 3."""

_PHONE = re.compile(r"\+?[0-9][0-9 ()./*#-]{1,30}(?:(?:x|ext\.?|转) ?[0-9]{1,6})?")
_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,63}")
_UNIT_S = {"s": 1, "m": 60, "h": 3600}
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Weekday names in the order of `datetime.weekday()`."""

Item = TypeVar("Item")
Parsed = TypeVar("Parsed")
Items = Annotated[tuple[Item, ...], Field(strict=False)]
"""A list of the file, kept as a tuple."""


def wrong(phrase: str) -> PydanticCustomError:
    """The error of a checker: `phrase` is shown to the writer as it stands."""
    return PydanticCustomError("community", "{phrase}", {"phrase": phrase})


def _duration(value: object) -> timedelta:
    return value if isinstance(value, timedelta) else _by(parse_duration, value)


def _by(parse: Callable[[object], Parsed], value: object) -> Parsed:
    try:
        return parse(value)
    except ValueError as error:
        raise wrong(str(error)) from error


def format_duration(value: timedelta) -> str:
    """The shortest spelling of whole seconds: 5400 s is `90m`, 7200 s is `2h`."""
    seconds = int(value.total_seconds())
    for unit in ("h", "m"):
        if seconds and seconds % _UNIT_S[unit] == 0:
            return f"{seconds // _UNIT_S[unit]}{unit}"
    return f"{seconds}s"


def _positive(value: timedelta) -> timedelta:
    if not value:
        raise wrong("must be longer than nothing")
    return value


def _time_of_day(value: object) -> str:
    _by(parse_time_of_day, value)
    return str(value)


def _end_of_shift(value: object) -> str:
    _by(parse_end_of_window, value)
    return str(value)


def _window(value: object) -> str:
    _by(parse_window, value)
    return str(value)


def minutes(value: str) -> int:
    """Minutes from midnight of a valid `HH:MM`, 0 to 1440."""
    return int(value[:2]) * 60 + int(value[3:])


def _date(value: object) -> date:
    if isinstance(value, date):
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise wrong(f"{shown(value)} is no date: write 2026-12-01")


def _born(value: date) -> date:
    if not 1880 <= value.year <= 2100:
        raise wrong(f"{value.isoformat()} is no likely date of birth")
    return value


def text(most: int, *, lines: bool = False) -> Callable[[object], str]:
    """A checker of text of 1 to `most` characters without control characters; `lines` allows line breaks."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise wrong(f"must be text, not {a(value)}" + _quote_hint(value))
        if not value.strip():
            raise wrong("must not be empty")
        if len(value) > most:
            raise wrong(f"is longer than {most} characters")
        if _FORBIDDEN.search(value) or (not lines and "\n" in value):
            raise wrong("holds a character that is no text")
        return value

    return check


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not isinstance(value, str):
            raise wrong(f"must be text, not {a(value)}" + _quote_hint(value))
        if pattern.fullmatch(value) is None:
            raise wrong(f"{shown(value)} is {what}")
        return value

    return check


def _url(value: object) -> str:
    checked = text(2048)(value)
    try:
        parts = urlsplit(checked)
        fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or any(character.isspace() for character in checked):
        raise wrong(f"{shown(value)} is no http:// or https:// address")
    return checked


def _z2m_name(value: object) -> str:
    checked = text(128)(value)
    if any(character in checked for character in "+#") or checked.strip("/ ") != checked:
        raise wrong(f'{shown(value)} is no Zigbee2MQTT name: no "+", "#", and no "/" or space at its ends')
    levels = checked.split("/")
    kept = levels[-1] in {"availability", "action", "set", "get"} or levels[-2:-1] in (["set"], ["get"])
    if levels[0] == "bridge" or kept:
        raise wrong(f"{shown(value)} is a word that Zigbee2MQTT keeps for itself")
    return checked


def shown(value: object) -> str:
    """`value` as a short quotation for a message."""
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}..."'
    return a(value) if isinstance(value, dict | list | type(None)) else str(value).lower()[:60]


def a(value: object) -> str:
    """What kind of thing `value` is, with its article."""
    if value is None:
        return "nothing"
    kinds: list[tuple[type, str]] = [(bool, "true or false"), (dict, "a mapping"), (list, "a list"), (str, "text")]
    return next((name for kind, name in kinds if isinstance(value, kind)), "a number")


def _quote_hint(value: object) -> str:
    return ": put it in quotes" if isinstance(value, bool | int | float) else ""


def _spelling(kind: str, *, pattern: str | None = None, example: Any = None) -> WithJsonSchema:
    schema: dict[str, Any] = {"type": kind}
    if pattern:
        schema["pattern"] = f"^{pattern}$"
    if example is not None:
        schema["examples"] = [example]
    return WithJsonSchema(schema)


Id = Annotated[
    str,
    BeforeValidator(
        _matching(re.compile(ID_PATTERN), "no id: lower-case letters, digits and hyphens, 1 to 63 of them")
    ),
    _spelling("string", pattern=ID_PATTERN),
]
Account = Annotated[
    str,
    BeforeValidator(_matching(_ACCOUNT, "no MQTT user name: letters, digits and ._:@- only, 1 to 64 of them")),
    _spelling("string", pattern=_ACCOUNT.pattern),
]
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(format_duration, return_type=str),
    _spelling("string", pattern="[0-9]{1,9}[smh]", example="5m"),
]
LongerThanNothing = Annotated[Duration, AfterValidator(_positive)]
TimeOfDay = Annotated[str, BeforeValidator(_time_of_day), _spelling("string", example="09:30")]
EndOfShift = Annotated[str, BeforeValidator(_end_of_shift), _spelling("string", example="24:00")]
Window = Annotated[str, BeforeValidator(_window), _spelling("string", example="07:00-22:00")]
Day = Annotated[date, BeforeValidator(_date), PlainSerializer(date.isoformat, return_type=str)]
Birthday = Annotated[Day, AfterValidator(_born)]
Name = Annotated[str, BeforeValidator(text(200))]
Address = Annotated[str, BeforeValidator(text(500))]
Word = Annotated[str, BeforeValidator(text(64))]
Notes = Annotated[str, BeforeValidator(text(4000, lines=True))]
Phone = Annotated[str, BeforeValidator(_matching(_PHONE, "no telephone number")), _spelling("string")]
Url = Annotated[str, BeforeValidator(_url), _spelling("string")]
Z2mName = Annotated[str, BeforeValidator(_z2m_name), _spelling("string")]
