"""`/metrics`: what this process counts, what the database knows, what the peers count (`LAMPKEEP_METRICS_PEERS`)."""

import asyncio
from collections.abc import Iterable, Mapping

import httpx
import psycopg
import structlog
from prometheus_client import REGISTRY, CollectorRegistry, Gauge, generate_latest
from psycopg_pool import PoolTimeout

from lampkeep.db.queries import load
from lampkeep.domain.vocabulary import AlertKind, AlertState
from lampkeep_api.database import Database, Row
from lampkeep_api.health.merge import merge

PEER_TIMEOUT_S = 2.0
"""A peer that has not answered by then is left out; Prometheus itself waits 10 s."""

DATABASE_TIMEOUT_S = 2.0
"""The same for the database."""

PEER_LIMIT = 4 * 1024 * 1024
"""Bytes taken from a peer; ours is about 20 kB."""

PEER_MISSED = "metrics.peer_missed"

QUERIES = load(__package__)

_log = structlog.get_logger()


async def scrape(database: Database, peers: Iterable[str], open_streams: int) -> bytes:
    """The whole text. It never fails: what cannot be asked is absent, and a gauge says so."""
    addresses = tuple(peers)
    async with asyncio.TaskGroup() as together:
        counting = together.create_task(_active(database))
        asking = [together.create_task(_peer(address)) for address in addresses]
    texts = {address: task.result() for address, task in zip(addresses, asking, strict=True)}
    known = {address: text for address, text in texts.items() if text is not None}
    here = _from_database(counting.result(), {address: address in known for address in addresses}, open_streams)
    own = generate_latest(REGISTRY).decode() + generate_latest(here).decode()
    for address in tuple(known):
        # One peer with a broken text must not take the others' figures along.
        try:
            merge("", {address: known[address]})
        except ValueError:
            _log.warning(PEER_MISSED, peer=address, reason="not a Prometheus text")
            del known[address]
    return merge(own, known)


async def _active(database: Database) -> list[Row] | None:
    try:
        async with asyncio.timeout(DATABASE_TIMEOUT_S):
            return await database.rows(QUERIES["alerts_active"])
    except (psycopg.Error, PoolTimeout, TimeoutError):
        return None


async def _peer(address: str) -> str | None:
    try:
        async with (
            asyncio.timeout(PEER_TIMEOUT_S),
            httpx.AsyncClient(trust_env=False, timeout=PEER_TIMEOUT_S) as client,
            client.stream("GET", f"http://{address}/metrics") as response,
        ):
            response.raise_for_status()
            return (await _bounded(response)).decode()
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
        _log.info(PEER_MISSED, peer=address, reason=type(error).__name__)
        return None


async def _bounded(response: httpx.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > PEER_LIMIT:
            raise ValueError(f"more than {PEER_LIMIT} bytes")
    return body


def _from_database(active: list[Row] | None, peers: Mapping[str, bool], open_streams: int) -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("lampkeep_database_up", "Whether the database answered this scrape", registry=registry).set(
        0 if active is None else 1
    )
    Gauge("lampkeep_api_streams", "Open alert streams", registry=registry).set(open_streams)
    up = Gauge("lampkeep_metrics_peer_up", "Whether a peer answered this scrape", ["peer"], registry=registry)
    for peer, answered in peers.items():
        up.labels(peer).set(1 if answered else 0)
    alerts = Gauge("lampkeep_alerts_active", "Alerts that are not closed", ["kind", "state"], registry=registry)
    unobservable = Gauge("lampkeep_unobservable_homes", "Homes that cannot be watched now", registry=registry)
    if active is None:
        registry.unregister(unobservable)
        return registry
    for kind in AlertKind:
        for state in (state for state in AlertState if not state.is_closed):
            alerts.labels(kind.value, state.value).set(0)
    for row in (one for one in active if one["kind"] is not None):
        alerts.labels(row["kind"], row["state"]).set(row["number"])
    unobservable.set(sum(row["number"] for row in active if row["kind"] is None))
    return registry


def addresses_of(setting: str) -> tuple[str, ...]:
    """The `host:port` words of `LAMPKEEP_METRICS_PEERS`, which commas or spaces part; each once."""
    return tuple(dict.fromkeys(setting.replace(",", " ").split()))
