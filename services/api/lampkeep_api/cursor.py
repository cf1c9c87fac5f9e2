"""Cursors of lists: where a page ended, as an opaque word that holds only for the list and filters it came from.

A cursor names the last row by its sort key, so pages stay right while rows arrive or go. It carries no rights: what a
token may see is asked anew on every page. The checksum refuses words that were cut, edited or moved to another list.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from lampkeep_api.problems import FieldError, Problem, not_valid

_CHECK_BYTES = 8


def encode(key: Sequence[str | int | datetime], *, of: str, filters: Mapping[str, Any] | None = None) -> str:
    """The cursor after the row whose sort key is `key`, in the list `of` (its name) under `filters`.

    Instants keep their microseconds, which is all that PostgreSQL has.
    """
    payload = orjson.dumps(list(key))
    return base64.urlsafe_b64encode(_check(payload, of, filters) + payload).rstrip(b"=").decode()


def decode(cursor: str, *, of: str, shape: Sequence[type], filters: Mapping[str, Any] | None = None) -> list[Any]:
    """The sort key inside `cursor`, its members of the types in `shape`.

    Raises the 422 problem for anything that `encode` did not make for this list and these filters.
    """
    try:
        raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        check, payload = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
        key = orjson.loads(payload)
        key = [_as(kind, member) for kind, member in zip(shape, key, strict=True)]
    except (ValueError, TypeError, binascii.Error):
        raise _foreign() from None
    if check != _check(payload, of, filters):
        raise _foreign()
    return key


def _foreign() -> Problem:
    message = "Not a cursor of this list under these filters: start again without one."
    return not_valid([FieldError(field="query.cursor", message=message)])


def _as(kind: type, member: object) -> object:
    if kind is datetime and isinstance(member, str):
        return datetime.fromisoformat(member)
    if type(member) is not kind:
        raise TypeError("shape")
    return member


def _check(payload: bytes, of: str, filters: Mapping[str, Any] | None) -> bytes:
    meant_for = orjson.dumps([of, filters or {}], option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.sha256(meant_for + b"\0" + payload).digest()[:_CHECK_BYTES]
