"""Responders as JSON. A channel's secret is never shown, nor the part of its address that may be one."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, Field

from lampkeep.domain.vocabulary import Role


class ChannelBrief(BaseModel):
    """A way to tell them."""

    kind: str = Field(examples=["webhook"])
    host: str = Field(description="where it leads, without what may be a key", examples=["hooks.example.org"])
    signed: bool = Field(description="whether it has a secret")


class Responder(BaseModel):
    """Somebody who can be asked, as everybody may see."""

    id: str = Field(examples=["wang-li"])
    name: str = Field(examples=["王丽"])
    role: Role
    areas: list[str] = Field(examples=[["jiangnan-g03"]])
    reachable: bool = Field(description="whether they have any channel")
    version: int


class ResponderWhole(Responder):
    """As operators see."""

    phone: str | None = Field(examples=["+8613900000000"])
    channels: list[ChannelBrief]


class ResponderPage(BaseModel):
    """A page of responders, by id. Viewers and auditors get them without telephone and channels."""

    items: list[ResponderWhole | Responder]
    next: str | None


def responder_from(row: Mapping[str, Any], *, private: bool) -> ResponderWhole | Responder:
    """A row of `responders_page`; `private`: with telephone and channels."""
    brief = {
        "id": row["responder_id"],
        "name": row["name"],
        "role": row["role"],
        "areas": row["area_ids"],
        "reachable": bool(row["channels"]),
        "version": row["version"],
    }
    if not private:
        return Responder(**brief)
    return ResponderWhole(**brief, phone=row["phone"], channels=[_channel(one) for one in row["channels"]])


def _channel(one: Mapping[str, Any]) -> ChannelBrief:
    host = urlsplit(str(one.get("url") or "")).hostname or ""
    return ChannelBrief(kind=str(one.get("kind")), host=host, signed=bool(one.get("secret")))
