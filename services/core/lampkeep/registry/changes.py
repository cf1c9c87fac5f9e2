"""What a write to the registry changed, for a person to read: ids and keys, never names, addresses or numbers."""

from collections.abc import Iterable
from dataclasses import dataclass, field


class RegistryConflictError(Exception):
    """The registry cannot become what was asked for, because of what is in it; one line a conflict."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


class RegistryBusyError(Exception):
    """Another writer holds the registry for longer than a caller should wait."""


@dataclass(slots=True)
class Changes:
    """Lines such as `home home-001 changed: plan, address`; empty (and false) where nothing changed.

    `notes` say what a plan asks for and this release does not do.
    """

    lines: list[str] = field(default_factory=list)
    added: int = 0
    changed: int = 0
    removed: int = 0
    notes: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return bool(self.lines)

    def add(self, what: str) -> None:
        """`what`, such as 'home home-001', is new."""
        self.added += 1
        self.lines.append(f"{what} added")

    def change(self, what: str, fields: Iterable[str]) -> None:
        """`what` differs in `fields`."""
        self.changed += 1
        self.lines.append(f"{what} changed: {', '.join(dict.fromkeys(fields))}")

    def remove(self, what: str) -> None:
        """`what` is gone."""
        self.removed += 1
        self.lines.append(f"{what} removed")

    def summary(self) -> str:
        """One line: how many of each."""
        if not self:
            return "nothing changed"
        return f"{self.added} added, {self.changed} changed, {self.removed} removed"
