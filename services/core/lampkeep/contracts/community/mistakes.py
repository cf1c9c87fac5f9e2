"""What is wrong with a community file or one of its objects, in words that name the field."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lampkeep.contracts.community.fields import a, shown
from lampkeep.contracts.community.source import Path

MOST: Final = 50
"""Mistakes told at once; a file with more of them has another problem."""

_HALF_A_PAIR = re.compile("[\ud800-\udfff]")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing that is wrong, and where; `line` counts from 1, None where there is no file."""

    path: Path
    message: str
    line: int | None = None

    @property
    def field(self) -> str:
        """`homes[0].devices[1].kind`; empty for the whole."""
        return dotted(self.path)

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.path else self.message


class CommunityError(Exception):
    """A community file is wrong; the text has one line for each mistake: `FILE:LINE: field: what is wrong`."""

    def __init__(self, source: str, mistakes: Iterable[Mistake], *, more: int = 0) -> None:
        self.source = source
        self.mistakes = tuple(mistakes)
        self.more = more
        super().__init__("\n".join(self._lines()))

    def _lines(self) -> list[str]:
        lines = [f"{self.source}{f':{one.line}' if one.line else ''}: {one}" for one in self.mistakes]
        return [*lines, f"{self.source}: and {self.more} more mistakes"] if self.more else lines


class InvalidObjectError(Exception):
    """One object, given over the API, is wrong; `mistakes` name its fields."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("; ".join(map(str, self.mistakes)))


def dotted(path: Path) -> str:
    """A path as people write it; keys that are no words are quoted."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _PLAIN_KEY.fullmatch(part) else shown(part))
    return text


def no_texts(given: object) -> list[Mistake]:
    """Where JSON values hold half of a surrogate pair, in a text or a key: no UTF-8 has it. Nothing of it is shown."""
    found: list[Mistake] = []
    left: list[tuple[Path, object]] = [((), given)]
    while left:
        path, value = left.pop()
        inner: Iterable[tuple[str | int, object]] = ()
        if isinstance(value, dict):
            inner = [(key, one) for key, one in value.items() if _is_text(key)]
        elif isinstance(value, list):
            inner = list(enumerate(value))
        if (isinstance(value, dict) and not all(map(_is_text, value))) or not _is_text(value):
            found.append(Mistake(path=path, message="holds a character that is no text"))
        left += [((*path, key), one) for key, one in inner]
    return found


def _is_text(value: object) -> bool:
    return not isinstance(value, str) or _HALF_A_PAIR.search(value) is None


def mistakes_of(error: ValidationError, model: type[BaseModel], *, at: Path = ()) -> list[Mistake]:
    """The mistakes that pydantic found in an object of `model` that stands at `at`."""
    return [
        Mistake(path=(*at, *_path(detail)), message=_message(detail, model))
        for detail in error.errors(include_url=False)
        if not _follows(detail)
    ]


def _follows(detail: ErrorDetails) -> bool:
    """Whether it only says that a list is short because its items, each told by itself, were wrong."""
    return detail["type"] == "too_short" and bool(detail.get("input"))


def _path(detail: ErrorDetails) -> Path:
    return tuple(part for part in detail["loc"] if part != "[key]")


def _message(detail: ErrorDetails, model: type[BaseModel]) -> str:
    if detail["type"] == "extra_forbidden":
        return _unknown(_path(detail), model)
    phrase = _PHRASES.get(detail["type"])
    return phrase(detail.get("input"), detail.get("ctx", {})) if phrase else detail["msg"]


_Phrase = Callable[[Any, Mapping[str, Any]], str]


def _no_choice(given: Any, context: Mapping[str, Any]) -> str:
    return f"{shown(given)} is none of {str(context['expected']).replace(chr(39), '').replace(' or ', ', ')}"


_PHRASES: Final[dict[str, _Phrase]] = {
    "community": lambda _, context: str(context["phrase"]),
    "missing": lambda *_: "is missing",
    "enum": _no_choice,
    "literal_error": _no_choice,
    "tuple_type": lambda given, _: f"must be a list, not {a(given)}",
    "model_type": lambda given, _: f"must be a mapping, not {a(given)}",
    "dict_type": lambda given, _: f"must be a mapping, not {a(given)}",
    "bool_type": lambda given, _: f"{shown(given)} is neither true nor false",
    "int_type": lambda given, _: f"must be a whole number, not {shown(given)}",
    "greater_than_equal": lambda given, context: f"{shown(given)} is less than {context['ge']}",
    "less_than_equal": lambda given, context: f"{shown(given)} is more than {context['le']}",
    "too_short": lambda *_: "must name at least one",
    "too_long": lambda _, context: f"must name at most {context['max_length']}",
}
"""pydantic's kinds of error, in the words of the file; given what stands there and pydantic's context."""


def _unknown(path: Path, model: type[BaseModel]) -> str:
    known = sorted(_keys(path[:-1], model))
    near = difflib.get_close_matches(str(path[-1]), known, n=1)
    if near:
        return f"unknown key: did you mean {near[0]}?"
    return f"unknown key; there are {', '.join(known)}" if known else "unknown key"


def _keys(path: Path, model: type[BaseModel]) -> set[str]:
    """The keys that the object at `path` below `model` may have."""
    for part in path:
        if isinstance(part, str):
            below = _fields(model).get(part)
            inner = None if below is None else _model_in(below)
            if inner is None:
                return set()
            model = inner
    return set(_fields(model))


def _fields(model: type[BaseModel]) -> Mapping[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(one) for one in getattr(annotation, "__args__", ()))
    return next((one for one in found if one is not None), None)
