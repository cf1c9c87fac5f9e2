"""YAML as a community file uses it: version 1.2, lines, and no bombs."""

import math
import time

import pytest

from lampkeep.contracts.community.source import MOST_BYTES, MOST_DEPTH, SourceError, decode, line_of, read


def value(text: str) -> object:
    found, slips = read(f"x: {text}")
    assert slips == []
    return found["x"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-12", -12),
        ("+86", 86),
        ("0o17", 15),
        ("017", 17),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("09:30", "09:30"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".inf", math.inf),
        ("-.inf", -math.inf),
        ("2026-12-01", "2026-12-01"),
        ("2026-12-01T10:00:00Z", "2026-12-01T10:00:00Z"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("=", "="),
        ("30m", "30m"),
        ("!!str 12", "12"),
        ("99999999999999999999999", 1e23),
        ("|\n  a\n  b\n", "a\nb\n"),
        ("😀", "😀"),
    ],
)
def test_plain_scalars_are_those_of_yaml_1_2(text: str, expected: object) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


def test_a_number_of_any_length_is_harmless() -> None:
    assert value("9" * 100_000) == math.inf


def test_lines_are_those_of_keys_and_items() -> None:
    text = "a:\n  b:\n    - c: 1\n      d: 2\n    -\n      c: 3\ne: {f: [1,\n 2]}\n"
    paths: list[tuple[str | int, ...]] = [
        (),
        ("a",),
        ("a", "b"),
        ("a", "b", 0),
        ("a", "b", 0, "d"),
        ("a", "b", 1, "c"),
        ("e", "f", 0),
        ("e", "f", 1),
    ]
    assert list(line_of(text, paths).values()) == [1, 1, 2, 3, 4, 6, 7, 8]


def test_the_line_of_what_is_missing_is_that_of_what_it_is_missing_in() -> None:
    assert line_of("a:\n  - {}\n  - {}\n", [("a", 1, "id"), ("b",)]) == {("a", 1, "id"): 3, ("b",): 1}


def test_the_line_of_what_an_alias_brings_is_where_the_alias_stands() -> None:
    assert line_of("a: &x\n  b: 1\nc: *x\n", [("c", "b")]) == {("c", "b"): 3}


def refused(text: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(text)
    return caught.value


def test_a_billion_laughs_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    started = time.monotonic()
    error = refused("\n".join(lines))
    assert "far larger than it is written" in error.message
    assert time.monotonic() - started < 1


def test_a_deep_chain_of_aliases_is_refused() -> None:
    text = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 100))
    assert refused(text).line == MOST_DEPTH


def test_an_alias_in_itself_is_refused() -> None:
    assert refused("a: &a [*a]").message == "*a holds itself"


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_a_deep_nest_is_refused_at_its_line(opening: str) -> None:
    error = refused("x: 1\ny:\n " + opening * 50_000)
    assert error.line == 3
    assert f"nests deeper than {MOST_DEPTH}" in error.message


def test_an_ordinary_file_may_use_an_alias_everywhere() -> None:
    text = "a: &a {k: [1, 2, 3]}\nb:\n" + "".join("  - *a\n" for _ in range(10_000))
    found, _ = read(text)
    assert len(found["b"]) == 10_000


def test_a_file_is_bounded() -> None:
    with pytest.raises(SourceError, match="larger than 256 MiB"):
        decode(b"\n" * (MOST_BYTES + 1))


def test_a_key_that_stands_twice_is_told_and_the_rest_is_read() -> None:
    found, slips = read("a: 1\nb: 2\na: 3\n")
    assert found == {"a": 3, "b": 2}
    assert [(slip.line, slip.path, slip.message) for slip in slips] == [(3, ("a",), "stands twice")]
