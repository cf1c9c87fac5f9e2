"""`/healthz`, `/readyz`, `/metrics`: no token, no `/api/v1`."""

import asyncio
from typing import Any

import psycopg
from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST
from psycopg_pool import PoolTimeout
from pydantic import BaseModel, Field

from lampkeep.health import Part
from lampkeep_api.health.metrics import addresses_of, scrape
from lampkeep_api.health.readiness import DECIDING, database_parts
from lampkeep_api.parts import Parts, Using
from lampkeep_api.replies import json_reply

router = APIRouter(tags=["health"])

READY_TIMEOUT_S = 2.0
"""A probe that waits longer calls us dead itself."""


class Alive(BaseModel):
    """The process answers."""

    status: str = Field(examples=["alive"])


class PartState(BaseModel):
    """One part."""

    ok: bool
    state: str = Field(examples=["timescaledb"])


class Readiness(BaseModel):
    """Able to work (200) or not (503), and each part's state: `database` is timescaledb or postgresql."""

    status: str = Field(examples=["ready"])
    parts: dict[str, PartState]


_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"description": "Prometheus text", "content": {"text/plain": {"schema": {"type": "string"}}}}
}


@router.get("/healthz", response_model=Alive, summary="Alive")
async def get_health() -> Response:
    """Asks nobody else."""
    return json_reply({"status": "alive"})


@router.get(
    "/readyz",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Not ready"}},
    summary="Able to work",
)
async def get_readiness(parts: Using) -> Response:
    """Database, schema and stream decide; ingest and dispatch are reported."""
    found = await _states(parts)
    ready = all(name in found and found[name].ok for name in DECIDING)
    body = {
        "status": "ready" if ready else "not ready",
        "parts": {name: {"ok": part.ok, "state": part.state} for name, part in found.items()},
    }
    return json_reply(body, status=200 if ready else 503)


@router.get("/metrics", response_class=Response, responses=_TEXT, summary="What is counted")
async def get_metrics(parts: Using) -> Response:
    """Of this process, of the database, and of the peers in `LAMPKEEP_METRICS_PEERS`."""
    peers = addresses_of(parts.settings.metrics_peers)
    text = await scrape(parts.database, peers, parts.feed.open_streams)
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _states(parts: Parts) -> dict[str, Part]:
    stream = Part(ok=parts.feed.position is not None, state="follows" if parts.feed.position else "behind")
    now = parts.clock.now()
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            known = await parts.database.transact(lambda connection: database_parts(connection, now))
            return {**known, "stream": stream}
    except (psycopg.Error, PoolTimeout, TimeoutError):
        return {"database": Part(ok=False, state="does not answer"), "stream": stream}
