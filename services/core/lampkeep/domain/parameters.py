"""Reading the parameters of a rule from a plan. A mistake names the parameter; nothing is guessed."""

from collections.abc import Callable, Mapping
from datetime import time, timedelta
from typing import TypeVar

from lampkeep.domain.times import Window, parse_duration, parse_time_of_day, parse_window

_T = TypeVar("_T")

SHORTEST = timedelta(seconds=1)
"""A threshold below this would fire without end."""


class ParameterError(ValueError):
    """A value that a plan may not hold. `path` leads to it from the plan's `rules`, such as ('not_up', 'by')."""

    def __init__(self, path: tuple[str, ...], message: str) -> None:
        super().__init__(f"{'.'.join(path)}: {message}")
        self.path = path
        self.message = message

    def under(self, name: str) -> "ParameterError":
        """The same mistake, seen from one level further out."""
        return ParameterError((name, *self.path), self.message)


class Parameters:
    """The parameters given for one rule; `true` in the file is no parameter at all. Call `done` at the end."""

    def __init__(self, given: Mapping[str, object]) -> None:
        self._left = dict(given)

    def has(self, name: str) -> bool:
        """Whether it was given and not read yet."""
        return name in self._left

    def duration(self, name: str, default: timedelta, *, least: timedelta = SHORTEST) -> timedelta:
        """`90s`, `5m`, `6h`; at least `least`."""
        if name not in self._left:
            return default
        duration = self._read(name, parse_duration)
        if duration < least:
            raise ParameterError((name,), f"at least {least.total_seconds():g}s")
        return duration

    def time_of_day(self, name: str, default: time) -> time:
        """`"09:30"`, local."""
        return self._read(name, parse_time_of_day) if name in self._left else default

    def window(self, name: str, default: Window) -> Window:
        """`"07:00-22:00"`, local."""
        return self._read(name, parse_window) if name in self._left else default

    def whole(self, name: str, default: int, *, least: int, most: int) -> int:
        """A whole number from `least` to `most`."""
        value = self._left.pop(name, default)
        if type(value) is not int or not least <= value <= most:
            raise ParameterError((name,), f"{value!r} is no whole number from {least} to {most}")
        return value

    def words(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """A list of at least one word."""
        value = self._left.pop(name, list(default))
        if not isinstance(value, list) or not value or not all(isinstance(word, str) and word for word in value):
            raise ParameterError((name,), f"{value!r} is no list of words")
        return tuple(value)

    def done(self) -> None:
        """Refuse what no rule asked for."""
        for name in self._left:
            raise ParameterError((name,), "unknown parameter")

    def _read(self, name: str, parse: Callable[[object], _T]) -> _T:
        try:
            return parse(self._left.pop(name))
        except ValueError as error:
            raise ParameterError((name,), str(error)) from error
