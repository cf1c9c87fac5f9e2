"""Spans: time that does not count."""

from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lampkeep.domain.spans import FOREVER, Spans, counted, since, union
from support.watched import at

MICROSECOND = timedelta(microseconds=1)
MINUTES = st.integers(0, 40)
SPANS = st.lists(st.tuples(MINUTES, MINUTES), max_size=6).map(
    lambda pairs: [(at("10:00") + a * MICROSECOND, at("10:00") + b * MICROSECOND) for a, b in pairs]
)


def hours(*ends: str) -> Spans:
    """`hours("10:00-11:00")` of the test's day."""
    starts = (one.split("-") for one in ends)
    return tuple((at(start), at(end)) for start, end in starts)


def test_spans_that_overlap_become_one_in_any_order() -> None:
    assert union(hours("12:00-13:00", "10:00-11:00"), hours("10:30-12:30")) == hours("10:00-13:00")


def test_spans_that_touch_stay_two() -> None:
    assert union(hours("10:00-11:00"), hours("11:00-12:00")) == hours("10:00-11:00", "11:00-12:00")


def test_a_span_within_another_adds_nothing() -> None:
    assert union(hours("10:00-13:00"), hours("11:00-12:00")) == hours("10:00-13:00")


def test_empty_spans_and_spans_that_end_before_they_start_are_left_out() -> None:
    assert union(hours("10:00-10:00", "12:00-11:00")) == ()


def test_what_lies_after_an_instant_is_cut_there() -> None:
    spans = hours("10:00-11:00", "12:00-13:00")
    assert since(spans, at("12:30")) == hours("12:30-13:00")
    assert since(spans, at("11:00")) == hours("12:00-13:00")
    assert since(spans, at("09:00")) == spans
    assert since(spans, at("13:00")) == ()


def test_a_duration_without_spans_passes_by_the_clock() -> None:
    assert counted(at("10:00"), timedelta(hours=2), ()) == at("12:00")


def test_a_span_puts_the_end_of_a_duration_off_by_its_length() -> None:
    assert counted(at("10:00"), timedelta(hours=2), hours("11:00-11:30")) == at("12:30")


def test_only_the_part_after_the_start_puts_it_off() -> None:
    assert counted(at("10:00"), timedelta(hours=2), hours("09:00-10:15")) == at("12:15")
    assert counted(at("10:00"), timedelta(hours=2), hours("08:00-09:00")) == at("12:00")


def test_a_span_that_begins_as_the_duration_ends_does_not_put_it_off() -> None:
    assert counted(at("10:00"), timedelta(hours=2), hours("12:00-13:00")) == at("12:00")
    assert counted(at("10:00"), timedelta(hours=2), ((at("12:00") - MICROSECOND, at("13:00")),)) == (
        at("13:00") + MICROSECOND
    )


def test_no_duration_at_the_start_of_a_span_waits_for_its_end() -> None:
    assert counted(at("10:00"), timedelta(0), hours("10:00-11:00")) == at("11:00")


def test_a_span_that_goes_on_never_lets_a_duration_pass() -> None:
    assert counted(at("10:00"), timedelta(hours=2), ((at("11:00"), FOREVER),)) == FOREVER
    assert counted(at("10:00"), timedelta(hours=1), ((at("11:00"), FOREVER),)) == at("11:00")


@given(SPANS, SPANS)
def test_a_union_covers_the_same_instants_and_is_sorted(a: list[tuple[datetime, datetime]], b: Spans) -> None:
    joined = union(a, b)
    assert joined == union(b, a) == union(joined, joined)
    assert all(start < end for start, end in joined)
    assert all(one[1] <= other[0] for one, other in pairwise(joined))
    assert ticks(joined) == ticks(a) | ticks(b)


@given(SPANS, MINUTES, st.integers(1, 40))
def test_a_duration_counts_each_instant_outside_the_spans_once(
    spans: list[tuple[datetime, datetime]], start: int, duration: int
) -> None:
    begins = at("10:00") + start * MICROSECOND
    free = (tick for tick in range(start, start + duration + 42) if tick not in ticks(spans))
    last = [tick for _, tick in zip(range(duration), free, strict=False)][-1]
    expected = at("10:00") + (last + 1) * MICROSECOND
    assert counted(begins, duration * MICROSECOND, union(spans)) == expected


def ticks(spans: list[tuple[datetime, datetime]] | Spans) -> set[int]:
    """The microseconds since ten that lie in any of `spans`."""
    edges = (((start - at("10:00")) // MICROSECOND, (end - at("10:00")) // MICROSECOND) for start, end in spans)
    return {tick for start, end in edges for tick in range(start, end)}
