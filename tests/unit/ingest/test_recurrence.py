from hypothesis import given
from hypothesis import strategies as st

from lampkeep_ingest.recurrence import REMEMBERED, Recurrence, fingerprint


def test_a_minute_later_the_same_thing_is_the_first_again() -> None:
    recurrence = Recurrence()
    numbers = [recurrence.number("k", form="state", now_s=now_s, repeated=False) for now_s in (0, 59, 118, 179)]
    assert numbers == [0, 1, 2, 0]


def test_memory_is_bounded() -> None:
    recurrence = Recurrence()
    for n in range(REMEMBERED + 10):
        recurrence.number(f"{n}", form="state", now_s=0, repeated=False)
    assert recurrence.number("0", form="state", now_s=1, repeated=False) == 0
    assert recurrence.number(f"{REMEMBERED + 9}", form="state", now_s=1, repeated=False) == 1


@given(st.lists(st.binary(max_size=4), max_size=4), st.lists(st.binary(max_size=4), max_size=4))
def test_different_parts_have_different_fingerprints(one: list[bytes], other: list[bytes]) -> None:
    assert (fingerprint(*one) == fingerprint(*other)) == (one == other)
