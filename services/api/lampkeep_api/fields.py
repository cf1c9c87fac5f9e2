"""Pieces that the schemas and endpoints of several features share."""

from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, StringConstraints

MAX_LIMIT = 200
DEFAULT_LIMIT = 50
"""Contract section 6."""


def _storable(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not hold a NUL character")
    return value


Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=4000),
    AfterValidator(_storable),
]
"""What a person wrote: 1 to 4,000 characters."""

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
"""An id of the community file in a body. In an address it is any text, and one that is no id is not found."""

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="items on a page")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before")]
