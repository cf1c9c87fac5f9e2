"""A NUL that JSON allows and PostgreSQL does not is replaced; a backslash before a zero stays what it is."""

import orjson

from lampkeep_ingest.json_text import json_text


def test_a_nul_is_replaced_wherever_it_stands_and_all_else_is_kept() -> None:
    rows = [{"extra": {"a\0": ["x\0y", {"n": 1.5, "t": True, "z": None}]}, "id": r"\u0000"}]
    assert orjson.loads(json_text(rows)) == [
        {"extra": {"a\ufffd": ["x\ufffdy", {"n": 1.5, "t": True, "z": None}]}, "id": r"\u0000"}
    ]
