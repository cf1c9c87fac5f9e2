"""Cursors: what goes in comes out, and nothing else comes in."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lampkeep_api import cursor as cursors
from lampkeep_api.problems import Problem

AT = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)


@given(st.timedeltas(timedelta(days=-3650), timedelta(days=3650)), st.text(max_size=40), st.integers(0, 2**53))
def test_a_cursor_gives_back_its_key_to_the_microsecond(shift: timedelta, text: str, number: int) -> None:
    key = (AT + shift, text, number)
    cursor = cursors.encode(key, of="alerts", filters={"kind": ["sos"]})
    assert cursor.isascii()
    assert cursors.decode(cursor, of="alerts", shape=(datetime, str, int), filters={"kind": ["sos"]}) == list(key)


@given(st.text(max_size=100))
def test_no_other_word_is_a_cursor(word: str) -> None:
    with pytest.raises(Problem) as refused:
        cursors.decode(word, of="alerts", shape=(str,))
    assert refused.value.status == 422


def test_an_edited_cursor_and_one_of_another_list_or_filter_are_refused() -> None:
    cursor = cursors.encode(("a",), of="homes", filters={"area": "x"})
    for name, filters in (("devices", {"area": "x"}), ("homes", {"area": "y"}), ("homes", {})):
        with pytest.raises(Problem):
            cursors.decode(cursor, of=name, shape=(str,), filters=filters)
    with pytest.raises(Problem):
        cursors.decode(cursor[:-1], of="homes", shape=(str,), filters={"area": "x"})


def test_a_key_of_another_shape_is_refused() -> None:
    cursor = cursors.encode(("a", 1), of="homes")
    for shape in ((str,), (int, str), (str, datetime), (str, bool)):
        with pytest.raises(Problem):
            cursors.decode(cursor, of="homes", shape=shape)
