"""Texts that came as JSON and cannot leave as UTF-8."""

from typing import Any

from lampkeep.contracts.community.mistakes import no_texts

HALF = "\ud800"


def fields(given: object) -> set[str]:
    return {one.field for one in no_texts(given)}


def test_half_a_surrogate_pair_is_found_in_texts_and_keys_and_never_repeated() -> None:
    given = {
        "id": HALF,
        "devices": [{"id": "d"}, {"z2m": f"a{HALF}b", HALF: {"x": HALF}}],
        "name": "\U0001f4a1 王丽 \0",
    }
    assert fields(given) == {"id", "devices[1].z2m", "devices[1]"}
    assert all(HALF not in str(one) for one in no_texts(given))
    assert no_texts({"a": [1, None, True, 1.5, "b"]}) == []


def test_however_deep_it_stands() -> None:
    deep: Any = HALF
    for _ in range(5_000):
        deep = [deep]
    assert len(no_texts(deep)) == 1
