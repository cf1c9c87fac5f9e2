"""Every error as RFC 9457 problem details, and nowhere else: which mistake has which status and which stable `type`.

`type` is `urn:lampkeep:problem:<name>`; clients may branch on it. `detail` is for people and may change.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import psycopg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from psycopg_pool import PoolTimeout
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from lampkeep.db.connections import DatabaseUnavailableError

REQUEST_FAILED = "request.failed"
DATABASE_MISSED = "request.database_missed"

MEDIA_TYPE = "application/problem+json"

RETRY_AFTER_S = 1
"""What a client is asked to wait for while the database is away: about the time of a restart of the embedded one."""

NAMES = {
    401: "token-not-valid",
    403: "not-permitted",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    409: "not-allowed-now",
    410: "gone",
    411: "length-required",
    412: "stale-version",
    413: "body-too-large",
    415: "media-type-not-supported",
    422: "not-valid",
    429: "too-many-requests",
    500: "internal-error",
    503: "not-available",
}
"""The name of each status; a Problem may carry a finer one, such as `key-reused` (422) or `still-in-use` (409)."""

_log = structlog.get_logger()


class FieldError(BaseModel):
    """One mistake in what was sent."""

    model_config = ConfigDict(frozen=True)

    field: str = Field(description="where: `body.outcome`, `query.limit`, `path.home_id`", examples=["body.outcome"])
    message: str = Field(examples=["Field required"])


class ProblemBody(BaseModel):
    """The body of every error (RFC 9457). Some carry more: `errors` (422), `allowed`, `state`, `owner` (409)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:lampkeep:problem:not-found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str | None = Field(default=None, examples=["There is no alert 'a-1' that this token may see."])
    errors: list[FieldError] | None = Field(default=None, description="with 422: each field and what is wrong with it")


class Problem(Exception):  # noqa: N818 - the RFC's own word
    """An answer that is an error. `extra` are further members of the body."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        name: str | None = None,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`name` is the last part of the `type`; default: that of the status."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.name = name or NAMES[status]
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})

    @property
    def body(self) -> dict[str, Any]:
        """The members of the problem document."""
        return {
            "type": f"urn:lampkeep:problem:{self.name}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.extra,
        }

    def response(self) -> Response:
        """The answer itself; never kept by a cache."""
        return JSONResponse(
            self.body,
            status_code=self.status,
            media_type=MEDIA_TYPE,
            headers={"Cache-Control": "no-store", **self.headers},
        )


def unauthorized(detail: str, *, error: str | None = None) -> Problem:
    """401 with the challenge of RFC 6750; `error` only where a token was sent."""
    challenge = 'Bearer realm="lampkeep"' + (f', error="{error}"' if error else "")
    return Problem(401, detail, headers={"WWW-Authenticate": challenge})


def not_found(noun: str, object_id: str) -> Problem:
    """404 for what does not exist and for what the token may not see: they are not told apart."""
    return Problem(404, f"There is no {noun} {object_id[:64]!r} that this token may see.")


def not_valid(errors: Sequence[FieldError], detail: str = "The request is not valid.") -> Problem:
    """422 with one entry for each field."""
    return Problem(422, detail, extra={"errors": [error.model_dump() for error in errors]})


def unavailable(detail: str = "The database does not answer; nothing was changed.") -> Problem:
    """503: try again soon."""
    return Problem(503, detail, headers={"Retry-After": str(RETRY_AFTER_S)})


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of an endpoint for the OpenAPI; 401, 403, 413, 422 and 503 are possible everywhere."""
    return {
        status: {
            "model": ProblemBody,
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
        }
        for status in sorted({401, 403, 413, 422, 503, *statuses})
    }


def describe(document: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI document in which every error is a problem document and nothing else."""
    for call in (call for path in document["paths"].values() for call in path.values()):
        for status, answer in call["responses"].items():
            content = answer.get("content", {})
            if MEDIA_TYPE in content:
                content.pop("application/json", None)
            elif status == "422" and "application/json" in content:
                answer["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
    for spare in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(spare, None)
    return document


def install(app: FastAPI) -> None:
    """Answer every exception with a problem document."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    for away in (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, DatabaseUnavailableError, TimeoutError):
        app.add_exception_handler(away, _away)
    app.add_exception_handler(psycopg.DataError, _data)
    app.add_exception_handler(Exception, _unexpected)


async def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


async def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 400:
        # The framework's word for a body that is no text at all; one that is no JSON is 422 as well.
        return not_valid([FieldError(field="body", message="The body is no JSON in UTF-8.")]).response()
    details = {
        404: "Nothing is served at this address; see /api/openapi.json.",
        405: "This address does not take this method; the Allow header names those it takes.",
    }
    detail = details.get(error.status_code, str(error.detail))
    name = NAMES.get(error.status_code, "error")
    return Problem(error.status_code, detail, name=name, headers=error.headers).response()


async def _validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # What was sent is not repeated: it may hold what does not belong into a log or a screen.
    return not_valid([_field_error(one) for one in error.errors()]).response()


def _field_error(one: Mapping[str, Any]) -> FieldError:
    where = ".".join(str(part) for part in one["loc"])
    reason = one.get("ctx", {}).get("error")
    message = f"{one['msg']}: {reason}" if one["type"] == "json_invalid" and reason else str(one["msg"])
    return FieldError(field=where, message=message)


async def _away(request: Request, error: Exception) -> Response:
    _log.warning(DATABASE_MISSED, path=_path(request), error=type(error).__name__)
    return unavailable().response()


async def _data(_request: Request, error: Exception) -> Response:
    # The safety net behind the models: a value that PostgreSQL cannot hold, such as a NUL in a text.
    assert isinstance(error, psycopg.DataError)
    detail = "A value in the request cannot be stored."
    return not_valid([FieldError(field="request", message=detail)], detail).response()


async def _unexpected(request: Request, error: Exception) -> Response:
    _log.error(REQUEST_FAILED, path=_path(request), error=type(error).__name__, exc_info=error)
    return Problem(500, "Something went wrong on our side; it has been logged.").response()


def _path(request: Request) -> str:
    """The route's template: an address may hold a secret (`/a/{token}`)."""
    return str(getattr(request.scope.get("route"), "path_format", "unmatched"))
