"""Versions as ETags: `"7"` is version 7, and `If-Match` guards a change against a stale view (RFC 9110)."""

from typing import Annotated

from fastapi import Header

from lampkeep_api.problems import Problem

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=1024,
        description="the ETag of what you saw; 412 when it has changed since",
        examples=['"7"'],
    ),
]


def etag(version: int) -> str:
    """The entity tag of a version."""
    return f'"{version}"'


def require(if_match: str | None, version: int) -> None:
    """Raise the 412 problem unless `if_match` is absent, `*`, or names `version`. A weak tag never matches."""
    if if_match is None or if_match.strip() == "*":
        return
    # A bare number is taken too: `version` is what the body shows.
    named = {tag.strip() for tag in if_match.split(",")}
    if named & {etag(version), str(version)}:
        return
    raise Problem(
        412,
        f"It has changed since you saw it: its version is {version} now.",
        extra={"version": version},
        headers={"ETag": etag(version)},
    )


def require_absent(if_match: str | None) -> None:
    """Raise the 412 problem where a version was named of something that does not exist."""
    if if_match is not None:
        raise Problem(412, "It does not exist (any more).")
