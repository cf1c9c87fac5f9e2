"""Residents as the API shows them: to everybody, and to those who may reach and help them."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel, Field


class ResidentBrief(BaseModel):
    """A resident as everybody may see; nothing to reach or to treat them by."""

    id: str = Field(examples=["zhang-xiuying"])
    name: str | None = Field(description="null where none is kept", examples=["张秀英"])
    age: int | None = Field(description="whole years; null where the birthday is not known", examples=[85])
    traits: list[str] = Field(examples=[["lives_alone", "advanced_age"]])


class ResidentSheet(ResidentBrief):
    """A resident as operators see."""

    born: date | None = Field(examples=["1941-03-02"])
    phone: str | None = Field(examples=["+8613800000000"])
    notes: str | None = Field(examples=["青霉素过敏"])


def resident_from(one: Mapping[str, Any], *, today: date, private: bool) -> ResidentSheet | ResidentBrief:
    """A resident of an aggregate (`born` is ISO text); `private`: with what only operators see; `today` is local."""
    born = date.fromisoformat(one["born"]) if one["born"] else None
    brief = {"id": one["id"], "name": one["name"], "traits": one["traits"], "age": age(born, today)}
    if private:
        return ResidentSheet(**brief, born=born, phone=one["phone"], notes=one["notes"])
    return ResidentBrief(**brief)


def age(born: date | None, today: date) -> int | None:
    """Whole years between `born` and `today`."""
    if born is None:
        return None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
