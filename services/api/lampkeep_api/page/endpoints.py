"""`/` and its two files. They hold no data: the browser asks the API for it with the token that a person gives it."""

from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response

from lampkeep_api.problems import Problem

router = APIRouter(include_in_schema=False)

HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
}

MEDIA_TYPES = {"index.html": "text/html", "page.js": "text/javascript", "page.css": "text/css"}


def _file(name: str) -> Response:
    content = files("lampkeep_api.page").joinpath("static", name).read_bytes()
    return Response(content, media_type=MEDIA_TYPES[name], headers=HEADERS)


@router.get("/")
async def get_page() -> Response:
    """The page."""
    return _file("index.html")


@router.get("/page/{name}")
async def get_file(name: Annotated[str, Path()]) -> Response:
    """Its script and its style."""
    if name not in MEDIA_TYPES:
        raise Problem(404, "Nothing is served at this address.")
    return _file(name)
