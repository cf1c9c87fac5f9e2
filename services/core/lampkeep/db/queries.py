"""Named queries: SQL lives in `queries.sql` beside its user and is loaded once, by name.

A query starts with a line `-- name: claim_signals`; comment lines that follow explain it and stay in the text.
Parameters are psycopg's named ones, `%(home_id)s`.
"""

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files

_NAME = re.compile(r"^-- name: ([a-z][a-z0-9_]*)\s*$", re.MULTILINE)


class UnknownQueryError(KeyError):
    """No query of this name stands in the file."""


class Queries(Mapping[str, str]):
    """The queries of one file, by name: `QUERIES["claim_signals"]`."""

    def __init__(self, text: str, source: str) -> None:
        """Split `text`; `source` names it in errors. Two queries of one name are a mistake: ValueError."""
        parts = _NAME.split(text)[1:]
        names = parts[0::2]
        if len(names) != len(set(names)):
            raise ValueError(f"{source}: a query name stands twice")
        self._queries: dict[str, str] = dict(zip(names, (body.strip() for body in parts[1::2]), strict=True))
        self._source = source

    def __getitem__(self, name: str) -> str:
        try:
            return self._queries[name]
        except KeyError:
            raise UnknownQueryError(f"{self._source} has no query {name!r}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._queries)

    def __len__(self) -> int:
        return len(self._queries)


def load(package: str, file: str = "queries.sql") -> Queries:
    """Read `file` out of `package` (`__package__` of the caller)."""
    return Queries(files(package).joinpath(file).read_text(encoding="utf-8"), f"{package}/{file}")
