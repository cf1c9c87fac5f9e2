"""Rows as JSON for PostgreSQL, which unpacks them with `json_to_recordset` and cannot hold a NUL in a string.

JSON allows one, and unknown extra fields are kept whatever they hold: it becomes the replacement character.
"""

from typing import Any

import orjson

_NUL = b"\\u0000"


def json_text(rows: Any) -> str:
    """`rows` (dicts, lists, strings, numbers, instants) as JSON text without a NUL."""
    text = orjson.dumps(rows)
    if _NUL in text:  # rare: looked for in the text, for walking every value would cost each batch
        text = orjson.dumps(_without_nul(orjson.loads(text)))
    return text.decode()


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [_without_nul(one) for one in value]
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(one) for key, one in value.items()}
    return value
