"""A community file, read and checked as a whole: every mistake at once, each with its line."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel, ValidationError

from lampkeep.contracts.community.fields import a
from lampkeep.contracts.community.mistakes import MOST, CommunityError, Mistake, mistakes_of
from lampkeep.contracts.community.models import (
    AreaSpec,
    Community,
    HomeSpec,
    PlanSpec,
    PolicySpec,
    ResponderSpec,
    RosterSpec,
)
from lampkeep.contracts.community.references import ANYTHING, Sections, check
from lampkeep.contracts.community.source import SourceError, decode, line_of, read

SECTIONS: dict[str, type[BaseModel]] = {
    "areas": AreaSpec,
    "responders": ResponderSpec,
    "rosters": RosterSpec,
    "policies": PolicySpec,
    "plans": PlanSpec,
    "homes": HomeSpec,
}
"""The lists of a file and what they hold."""


def read_file(path: FilePath) -> Community:
    """The community of a file. Raises CommunityError for everything that can be wrong, an unreadable file included."""
    return parse(bytes_of(path), str(path))


def bytes_of(path: FilePath) -> bytes:
    """The bytes of a community file; CommunityError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommunityError(str(path), [Mistake(path=(), message=error.strerror or "cannot be read")]) from error


def digest(text: bytes) -> str:
    """What tells one content of a file from another: SHA-256, hex."""
    return hashlib.sha256(text).hexdigest()


def parse(text: str | bytes, source: str) -> Community:
    """The community that `text` spells; `source` names it in errors.

    Raises CommunityError with up to `MOST` mistakes in the order of their lines.
    """
    try:
        spelled = text if isinstance(text, str) else decode(text)
        found, slips = read(spelled)
    except SourceError as error:
        raise CommunityError(source, [Mistake(path=(), message=error.message, line=error.line)]) from error
    if not isinstance(found, dict):
        raise CommunityError(source, [Mistake(path=(), message=f"must be a mapping, not {a(found)}", line=1)])
    sections, top, mistakes = _objects(found)
    mistakes += check(sections)
    if mistakes or slips:
        told = [Mistake(path=slip.path, message=slip.message, line=slip.line) for slip in slips]
        raise _error(source, [*told, *_with_lines(spelled, mistakes)])
    return _community(top, sections, given=set(found))


def _objects(found: dict[str, Any]) -> tuple[Sections, Community | None, list[Mistake]]:
    """The objects of a file that are valid by themselves, and what is wrong with the others."""
    sections, mistakes = Sections(), list[Mistake]()
    top: Community | None = None
    try:
        top = Community.model_validate({key: value for key, value in found.items() if key not in SECTIONS})
    except ValidationError as error:
        mistakes += mistakes_of(error, Community)
    for name, model in SECTIONS.items():
        given = [] if found.get(name) is None else found[name]
        if not isinstance(given, list):
            mistakes.append(Mistake(path=(name,), message=f"must be a list, not {a(given)}"))
            sections.named[name] = ANYTHING
            continue
        sections.named[name] = {str(one["id"]) for one in given if isinstance(one, dict) and "id" in one}
        mistakes += _items(name, model, given, getattr(sections, name))
    return sections, top, mistakes


def _items(name: str, model: type[BaseModel], given: list[Any], valid: list[Any]) -> list[Mistake]:
    """Append the valid items of a list with their places to `valid`; frees each as it goes, for large files."""
    mistakes: list[Mistake] = []
    for number, one in enumerate(given):
        given[number] = None
        try:
            valid.append((number, model.model_validate(one)))
        except ValidationError as error:
            mistakes += mistakes_of(error, model, at=(name, number))
    return mistakes


def _with_lines(text: str, mistakes: Sequence[Mistake]) -> Iterable[Mistake]:
    lines = line_of(text, (one.path for one in mistakes))
    return (Mistake(path=one.path, message=one.message, line=lines[one.path]) for one in mistakes)


def _error(source: str, mistakes: list[Mistake]) -> CommunityError:
    mistakes.sort(key=lambda one: one.line or 0)
    return CommunityError(source, mistakes[:MOST], more=max(0, len(mistakes) - MOST))


def _community(top: Community | None, sections: Sections, *, given: set[str]) -> Community:
    assert top is not None
    lists = {name: tuple(spec for _, spec in getattr(sections, name)) for name in SECTIONS if name in given}
    return Community.model_construct(given, lampkeep=top.lampkeep, timezone=top.timezone, **lists)
