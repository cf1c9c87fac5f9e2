"""Errors in the log: where it happened and what the database said, without the values that it said it about.

PostgreSQL's DETAIL and CONTEXT quote rows, and a row may be a person's. A traceback prints them, so for an error of the
database only its SQLSTATE and primary message are logged, with the places in our code.
"""

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import structlog

PLACES = 6
"""The innermost places are enough to find it."""

log = structlog.get_logger()


def failed(event: str, error: BaseException, **keywords: Any) -> None:
    """Log `error` as `event`: whole, with its traceback, unless the database has a part in it."""
    of_database = next((one for one in _chain(error) if isinstance(one, psycopg.Error)), None)
    if of_database is None:
        log.error(event, exc_info=error, **keywords)
        return
    log.error(
        event,
        error=type(error).__name__,
        sqlstate=of_database.sqlstate,
        message=of_database.diag.message_primary,
        places=_places(error),
        **keywords,
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it, as a traceback would print them."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _places(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-PLACES:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
