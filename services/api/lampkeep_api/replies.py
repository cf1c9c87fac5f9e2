"""Answers that are no errors."""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
from fastapi.responses import Response
from pydantic import BaseModel

from lampkeep_api.versions import etag

DEFAULT_TIMEZONE = "Asia/Shanghai"
"""Contract section 3."""


def reply(model: BaseModel, *, version: int | None = None) -> Response:
    """`model` as JSON; `version` becomes the ETag."""
    headers = {"ETag": etag(version)} if version is not None else None
    return Response(model.model_dump_json(by_alias=True), media_type="application/json", headers=headers)


def json_reply(body: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Plain JSON values."""
    return Response(orjson.dumps(body), status_code=status, media_type="application/json", headers=headers)


def zone_of(name: str | None) -> ZoneInfo:
    """The community's zone; the default one where none was applied or it is unknown to this machine."""
    try:
        return ZoneInfo(name or DEFAULT_TIMEZONE)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo(DEFAULT_TIMEZONE)


def local(now: datetime, timezone: str | None) -> datetime:
    """`now` in the community's zone."""
    return now.astimezone(zone_of(timezone))
