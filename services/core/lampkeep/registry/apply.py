"""Apply a community file: all of it or nothing, and only what differs is written.

Without `prune` nothing that the file does not name is removed. With `prune` the registry becomes what the file says; a
home with an active alert is then not removed, and with it nothing else happens: somebody may be waiting there.
"""

import asyncio
from datetime import datetime

import psycopg

from lampkeep.contracts.community.models import Community
from lampkeep.contracts.community.values import not_watched
from lampkeep.registry import staging
from lampkeep.registry.changes import Changes, RegistryBusyError, RegistryConflictError
from lampkeep.registry.tables import (
    AREAS,
    DEVICES,
    HOMES,
    PLANS,
    POLICIES,
    RESIDENTS,
    RESPONDERS,
    ROSTERS,
    Connection,
)
from lampkeep.registry.write import QUERIES, Write, begin

ATTEMPTS = 3
"""How often an apply is tried when PostgreSQL asks for it (serialization, deadlock with a worker)."""

DIGEST = "community_digest"
"""The setting that holds what was applied last."""

__all__ = ["Changes", "RegistryBusyError", "RegistryConflictError", "applied_digest", "apply"]


async def apply(
    connection: Connection,
    community: Community,
    *,
    now: datetime,
    prune: bool = False,
    dry_run: bool = False,
    digest: str | None = None,
) -> Changes:
    """Make the registry hold `community` and tell the services; returns what changed, or with `dry_run` what would.

    `connection` must not be in a transaction. `digest` is remembered with it (see `applied_digest`). Raises
    RegistryConflictError and RegistryBusyError; then nothing was written.
    """
    for left in reversed(range(ATTEMPTS)):
        try:
            changes = await _apply_once(connection, community, now=now, prune=prune, dry_run=dry_run, digest=digest)
        except psycopg.errors.TransactionRollback:
            if not left:
                raise
            await asyncio.sleep(0.1)
            continue
        break
    changes.notes = notes(community)
    if changes and not dry_run:
        await announce(connection)
    return changes


async def applied_digest(connection: Connection) -> str | None:
    """The digest of the file that was applied last; None before the first."""
    async with connection.transaction():
        row = await (await connection.execute(QUERIES["setting"], {"key": DIGEST})).fetchone()
    return row["value"] if row else None


async def announce(connection: Connection) -> None:
    """Wake the services to read the registry; after the commit, as a transaction of its own."""
    async with connection.transaction():
        await connection.execute(QUERIES["announce"])


def notes(community: Community) -> list[str]:
    """What the plans of a file ask for and this release does not watch yet: a person must not rely on it."""
    return [
        f"plan {plan.id}: {'.'.join(('rules', *path))} is accepted, but not watched by this release"
        for plan in community.plans
        for path in not_watched(plan.body())
    ]


async def _apply_once(
    connection: Connection, community: Community, *, now: datetime, prune: bool, dry_run: bool, digest: str | None
) -> Changes:
    changes = Changes()
    async with connection.transaction():
        write = await begin(connection, now=now)
        await _stage(connection, community, now=now)
        if prune:
            await _remove_homes(write)
        await write.set_timezone(community.timezone)
        await write.merge_areas()
        await write.merge(RESPONDERS)
        await write.merge(ROSTERS)
        await write.merge_policies()
        await write.merge_plans()
        await write.merge_homes(replace_residents=prune)
        await write.merge_devices()
        if prune:
            for table in (PLANS, POLICIES, ROSTERS, RESPONDERS, AREAS):
                await write.delete_unnamed(table)
        changes = await write.finish()
        if digest is not None:
            await write.run("set_setting", key=DIGEST, value=digest)
        await connection.execute("set constraints all immediate")
        if dry_run:
            raise psycopg.Rollback
    return changes


async def _stage(connection: Connection, community: Community, *, now: datetime) -> None:
    homes = community.homes
    await AREAS.stage(connection, staging.area_rows(community.areas))
    await RESPONDERS.stage(connection, staging.responder_rows(community.responders))
    await ROSTERS.stage(connection, staging.roster_rows(community.rosters))
    await POLICIES.stage(connection, staging.policy_rows(community.policies))
    await PLANS.stage(connection, staging.plan_rows(community.plans))
    await HOMES.stage(connection, staging.home_rows(homes, now=now))
    await RESIDENTS.stage(connection, staging.resident_rows(homes))
    await DEVICES.stage(connection, staging.device_rows(staging.devices_of(homes), now=now))


async def _remove_homes(write: Write) -> None:
    """Remove the homes and devices that are not staged, before anything takes their names."""
    in_use = await write.run("active_alerts_of_unnamed_homes")
    if in_use:
        raise RegistryConflictError(
            f"home {row['home_id']} is to be removed, but has {row['alerts']} active alert(s): resolve them first"
            for row in in_use
        )
    await write.delete_homes([row["home_id"] for row in await write.run("homes_not_named")])
    await write.delete_devices(await write.run("devices_not_named"))
