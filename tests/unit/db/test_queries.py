"""Named queries are found by name, and a mistake in a file is found at load."""

import pytest

from lampkeep.db.queries import Queries, UnknownQueryError


def test_a_query_is_found_by_its_name_with_its_comments() -> None:
    queries = Queries("-- name: one\n-- why\nselect 1\n\n-- name: two\nselect 2\n", "here")
    assert queries["one"] == "-- why\nselect 1"
    assert list(queries) == ["one", "two"]


def test_an_unknown_name_says_which_file_lacks_it() -> None:
    with pytest.raises(UnknownQueryError, match="here has no query 'three'"):
        Queries("-- name: one\nselect 1", "here")["three"]


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        Queries("-- name: one\nselect 1\n-- name: one\nselect 2", "here")
