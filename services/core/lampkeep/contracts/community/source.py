"""YAML 1.2 as a community file uses it: plain values, and the line of each.

Reads events of libyaml and resolves scalars by the core schema of YAML 1.2 itself (`on`, `no` and `1:30` are text).
Lines are not kept while reading, which would double the memory of a county's file: `line_of` finds those of the few
mistakes in a second pass.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml  # type: ignore[import-untyped]

Path = tuple[str | int, ...]

MOST_BYTES: Final = 256 * 1024 * 1024
"""100,000 homes with six devices each are about 100 MB."""

MOST_DEPTH: Final = 20
"""The contract's own objects nest 7 deep."""

FREE_ALIAS_NODES: Final = 100_000
"""What aliases may add before it counts against the size of the file: a bomb is small and grows tenfold a line."""

_LOADER = getattr(yaml, "CLoader", yaml.Loader)
_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: Final[dict[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_NUMERIC_START = frozenset("0123456789+-.")
_STR_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})


class SourceError(Exception):
    """The text cannot be read as YAML; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """Something wrong that does not stop the reading: a key that stands twice, a tag. `line` counts from 1."""

    line: int
    path: Path
    message: str


def decode(raw: bytes) -> str:
    """The text of a file; SourceError where it is not UTF-8 or too large."""
    if len(raw) > MOST_BYTES:
        raise SourceError(1, f"is larger than {MOST_BYTES // 1024 // 1024} MiB")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(raw.count(b"\n", 0, error.start) + 1, "is not UTF-8 here") from error


def read(text: str) -> tuple[Any, list[Slip]]:
    """The one document of `text` as dicts, lists and scalars, and what was wrong on the way.

    Raises SourceError for what is no YAML, for several documents, for none, and for bombs.
    """
    builder = _Builder()
    for event in _events(text):
        builder.take(event)
    if builder.documents == 0 or builder.root is None:
        raise SourceError(1, "holds nothing")
    return builder.root, builder.slips


def line_of(text: str, paths: Iterable[Path]) -> dict[Path, int]:
    """The line of each path in a text that `read` could read: of its key, or of the nearest thing around it."""
    wanted = list(paths)
    tree: dict[Any, Any] = {}
    for path in wanted:
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})
    found = _Finder(tree).run(text) if wanted else {}
    return {path: next(found[path[:n]] for n in range(len(path), -1, -1) if path[:n] in found) for path in wanted}


def _events(text: str) -> Iterator[Any]:
    unreadable = _UNREADABLE.search(text)
    if unreadable:
        line = text.count("\n", 0, unreadable.start()) + 1
        raise SourceError(line, f"holds a character that is no text (U+{ord(unreadable[0]):04X})")
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise SourceError(line, _problem(text, line, error)) from error
    except yaml.YAMLError as error:
        raise SourceError(1, f"is no YAML: {error}") from error


def _problem(text: str, line: int, error: Any) -> str:
    lines = text.splitlines()
    shown = lines[line - 1] if line <= len(lines) else ""
    if "\t" in shown[: len(shown) - len(shown.lstrip())]:
        return "is no YAML: a tab cannot indent, use spaces"
    parts = (error.problem, error.context)
    return "is no YAML: " + ", ".join(part for part in parts if part)


def _resolve(text: str) -> Any:
    """A plain scalar by the core schema of YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC_START:
        return text
    if _INT.fullmatch(text):
        return int(text, 0 if text[1:2] in {"o", "x"} else 10) if len(text) <= 20 else float(text)
    return float(text) if _FLOAT.fullmatch(text) else text


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is being read."""

    value: Any
    anchor: str | None
    nodes_before: int
    key: str | None = None
    height: int = 1


@dataclass(slots=True)
class _Anchored:
    value: Any
    nodes: int
    height: int


@dataclass(slots=True)
class _Builder:
    """Values from events, without recursion."""

    root: Any = None
    documents: int = 0
    slips: list[Slip] = field(default_factory=list)
    frames: list[_Frame] = field(default_factory=list)
    anchors: dict[str, _Anchored | None] = field(default_factory=dict)
    nodes: int = 0
    alias_nodes: int = 0

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._end(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise SourceError(_line(event), "a second document begins: a community is one")

    def _scalar(self, event: Any) -> None:
        self.nodes += 1
        plain = event.implicit[0]
        if event.tag is not None and event.tag not in _STR_TAGS:
            self._slip(event, f"the tag {event.tag} is not used here")
        value = _resolve(event.value) if plain and event.tag is None else event.value
        if event.anchor:
            self.anchors[event.anchor] = _Anchored(value, 1, 0)
        self._add(value, event)

    def _begin(self, event: Any) -> None:
        self.nodes += 1
        if len(self.frames) >= MOST_DEPTH:
            raise SourceError(_line(event), f"nests deeper than {MOST_DEPTH}")
        if event.tag is not None and not event.implicit:
            self._slip(event, f"the tag {event.tag} is not used here")
        if event.anchor:
            self.anchors[event.anchor] = None
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        if self.frames and isinstance(self.frames[-1].value, dict) and self.frames[-1].key is None:
            raise SourceError(_line(event), "a key must be text, not a list or a mapping")
        self.frames.append(_Frame(value, event.anchor, self.nodes))

    def _end(self, event: Any) -> None:
        frame = self.frames.pop()
        if frame.anchor:
            self.anchors[frame.anchor] = _Anchored(frame.value, self.nodes - frame.nodes_before + 1, frame.height)
        self._add(frame.value, event, height=frame.height)

    def _alias(self, event: Any) -> None:
        anchored = self.anchors.get(event.anchor)
        if anchored is None:
            known = event.anchor in self.anchors
            raise SourceError(_line(event), f"*{event.anchor} " + ("holds itself" if known else "names no anchor"))
        self.nodes += anchored.nodes
        self.alias_nodes += anchored.nodes
        written = self.nodes - self.alias_nodes
        if self.alias_nodes > FREE_ALIAS_NODES + 10 * written or len(self.frames) + anchored.height > MOST_DEPTH:
            raise SourceError(_line(event), f"*{event.anchor} makes the file far larger than it is written")
        self._add(anchored.value, event, height=anchored.height)

    def _add(self, value: Any, event: Any, *, height: int = 0) -> None:
        if not self.frames:
            self.root = value
            return
        frame = self.frames[-1]
        frame.height = max(frame.height, height + 1)
        if isinstance(frame.value, list):
            frame.value.append(value)
        elif frame.key is None:
            self._take_key(frame, value, event)
        else:
            frame.value[frame.key] = value
            frame.key = None

    def _take_key(self, frame: _Frame, value: Any, event: Any) -> None:
        frame.key = str(value)
        if not isinstance(value, str):
            self._slip(event, "a key must be text: put it in quotes")
        elif frame.key in frame.value:
            self._slip(event, "stands twice")

    def _slip(self, event: Any, message: str) -> None:
        self.slips.append(Slip(line=_line(event), path=self._path(), message=message))

    def _path(self) -> Path:
        """Where the reading stands."""
        return tuple(
            frame.key if frame.key is not None else len(frame.value) for frame in self.frames if _placed(frame)
        )


def _placed(frame: _Frame) -> bool:
    return frame.key is not None or isinstance(frame.value, list)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


_UNWANTED: Final[dict[Any, Any]] = {}


@dataclass(slots=True)
class _Place:
    """A mapping or list that is being passed: the paths wanted below it."""

    path: Path
    branch: dict[Any, Any]
    is_list: bool
    next_index: int = 0
    key: str | None = None


class _Finder:
    """Walks the events again and notes the lines of wanted paths."""

    def __init__(self, tree: dict[Any, Any]) -> None:
        self._tree = tree
        self._places: list[_Place] = []
        self._lines: dict[Path, int] = {(): 1}

    def run(self, text: str) -> dict[Path, int]:
        for event in _events(text):
            if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                self._places.pop()
            elif isinstance(event, yaml.NodeEvent):
                self._node(event)
        return self._lines

    def _node(self, event: Any) -> None:
        place = self._places[-1] if self._places else None
        if place is not None and not place.is_list and place.key is None:
            place.key = str(_resolve(event.value)) if isinstance(event, yaml.ScalarEvent) else ""
            if place.branch and place.key in place.branch:
                self._lines.setdefault((*place.path, place.key), _line(event))
            return
        path, branch = self._step(place, event)
        if isinstance(event, yaml.CollectionStartEvent):
            self._places.append(_Place(path, branch, isinstance(event, yaml.SequenceStartEvent)))

    def _step(self, place: _Place | None, event: Any) -> tuple[Path, dict[Any, Any]]:
        """The path and the wanted paths of a value that begins; both empty where nothing below it is wanted."""
        if place is None:
            return (), self._tree
        part: str | int
        if place.is_list:
            part, place.next_index = place.next_index, place.next_index + 1
        else:
            part, place.key = place.key or "", None
        if part not in place.branch:
            return (), _UNWANTED
        path = (*place.path, part)
        self._lines.setdefault(path, _line(event))
        return path, place.branch[part]
