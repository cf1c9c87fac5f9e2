"""What the log says of errors: the database's values stay out of it."""

import psycopg
import pytest
from structlog.testing import capture_logs

from lampkeep_dispatch.failures import failed


def test_an_error_that_came_of_the_database_is_logged_without_what_it_quotes() -> None:
    with capture_logs() as said:
        try:
            try:
                raise psycopg.errors.UniqueViolation("duplicate key\nDETAIL:  Key (name)=(somebody) exists")
            except psycopg.Error as error:
                raise RuntimeError("could not be saved") from error
        except RuntimeError as error:
            failed("worker.failed", error, worker="w")
    (line,) = said
    assert "somebody" not in repr(line)
    assert "exc_info" not in line
    assert (line["event"], line["worker"], line["error"]) == ("worker.failed", "w", "RuntimeError")
    assert line["places"]


@pytest.mark.parametrize("error", [ValueError("ours")])
def test_our_own_errors_keep_their_traceback(error: Exception) -> None:
    with capture_logs() as said:
        failed("worker.failed", error)
    assert said[0]["exc_info"] is error
