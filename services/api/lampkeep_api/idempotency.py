"""`Idempotency-Key`: a request sent twice under one key acts once and is answered alike, for 24 hours.

The answer is kept in the transaction of the act, so neither exists without the other.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import orjson
from fastapi import Header
from fastapi.responses import Response
from psycopg.types.json import Json

from lampkeep.db.queries import load
from lampkeep_api.database import Connection
from lampkeep_api.problems import MEDIA_TYPE, FieldError, Problem
from lampkeep_api.replies import json_reply

KEPT_FOR = timedelta(hours=24)
"""Contract section 6."""

QUERIES = load(__package__, "idempotency.sql")

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="a word of your choice: the same request under it is answered the same for 24 h",
        examples=["9f1c2a"],
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a request was answered. `kept` where it is an earlier one, given again."""

    status: int
    body: Any
    etag: str | None = None
    kept: bool = False

    def response(self) -> Response:
        """As it goes to the client."""
        headers = {"ETag": self.etag} if self.etag else {}
        if self.kept:
            headers["Idempotency-Replayed"] = "true"
        response = json_reply(self.body, status=self.status, headers=headers)
        if self.status >= 400:
            response.headers["Content-Type"] = MEDIA_TYPE
        return response

    @classmethod
    def of(cls, problem: Problem) -> "Answer":
        """The answer of a refused request."""
        return cls(status=problem.status, body=problem.body, etag=problem.headers.get("ETag"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request under a key: whose, and a digest of what it asks."""

    token_id: str
    key: str
    sha256: bytes

    @classmethod
    def of(cls, token_id: str, key: str, *, path: str, body: object) -> "Request":
        """`path` and `body` (JSON values, as they were understood) tell two requests apart."""
        asked = orjson.dumps([path, body], option=orjson.OPT_SORT_KEYS)
        return cls(token_id=token_id, key=key, sha256=hashlib.sha256(asked).digest())


async def recall(connection: Connection, request: Request, now: datetime) -> Answer | None:
    """The answer given before, or None; others with the same key wait until this transaction ends.

    Raises the 422 problem where the key was used for something else.
    """
    names = {"token_id": request.token_id, "key": request.key}
    await connection.execute(QUERIES["hold_key"], names)
    cursor = await connection.execute(QUERIES["recall"], names | {"since": now - KEPT_FOR})
    row = await cursor.fetchone()
    if row is None:
        return None
    if bytes(row["request_sha256"]) != request.sha256:
        message = "This key was used for another request; choose a new one."
        error = FieldError(field="header.Idempotency-Key", message=message)
        raise Problem(422, message, name="key-reused", extra={"errors": [error.model_dump()]})
    return Answer(status=row["status"], body=row["body"], etag=row["etag"], kept=True)


async def remember(connection: Connection, request: Request, answer: Answer, now: datetime) -> None:
    """Keep the answer for a day, and drop some that are older."""
    await connection.execute(QUERIES["forget"], {"since": now - KEPT_FOR})
    await connection.execute(
        QUERIES["remember"],
        {
            "token_id": request.token_id,
            "key": request.key,
            "request_sha256": request.sha256,
            "status": answer.status,
            "body": Json(answer.body),
            "etag": answer.etag,
            "now": now,
        },
    )
