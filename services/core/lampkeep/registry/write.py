"""Merge staged objects into the registry and say what changed. One transaction, the caller's; one writer at a time.

Plans, homes and devices that changed carry the transaction's revision, so that readers follow; homes that changed are
looked at at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import errors
from psycopg.rows import DictRow

from lampkeep.db.queries import load
from lampkeep.registry.changes import Changes, RegistryBusyError, RegistryConflictError
from lampkeep.registry.tables import (
    AREAS,
    DEVICES,
    HOMES,
    PLANS,
    POLICIES,
    RESIDENTS,
    Connection,
    Table,
)

QUERIES = load("lampkeep.registry", "write.sql")

WRITE_TIMEOUT = "600s"
"""The longest statement of a write: the first merge of a county takes seconds, a slow disk a minute."""

WAIT_FOR_WRITER = "20s"
"""How long a second writer waits for the first."""


@dataclass(slots=True)
class Write:
    """One write: what has changed so far, and which homes it touches. `begin` makes one."""

    connection: Connection
    now: datetime
    revision: int
    changes: Changes = field(default_factory=Changes)
    home_fields: dict[str, list[str]] = field(default_factory=dict)
    new_homes: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    plans: set[str] = field(default_factory=set)
    zone_changed: bool = False

    async def run(self, query: str, **parameters: Any) -> list[DictRow]:
        """One named query; its rows where it has any."""
        cursor = await self.connection.execute(QUERIES[query], parameters)
        return await cursor.fetchall() if cursor.description else []

    async def merge(self, table: Table) -> list[DictRow]:
        """Compare, merge and note a staged table; returns the differences."""
        differences = await table.differences(self.connection)
        if differences:
            await table.merge(self.connection, revision=self.revision)
        await table.arrange(self.connection)
        for row in differences:
            what = f"{table.word} {' '.join(str(row[one]) for one in table.key)}"
            self.changes.add(what) if row["added"] else self.changes.change(what, row["fields"])
        return differences

    async def merge_areas(self) -> None:
        """Areas, and the paths of all."""
        if await self.merge(AREAS):
            await self.run("lay_paths")

    async def merge_policies(self) -> None:
        """Policies; the plans that name a changed one are read anew."""
        changed = [row["policy_id"] for row in await self.merge(POLICIES)]
        if changed:
            await self.run("revise_plans_of_policies", policy_ids=changed, revision=self.revision)

    async def merge_plans(self) -> None:
        """Plans; their homes are looked at."""
        self.plans |= {row["plan_id"] for row in await self.merge(PLANS)}
        if self.plans:
            await self.run("forget_plan_removals", revision=self.revision)

    async def merge_homes(self, *, replace_residents: bool) -> None:
        """Homes and their residents; with `replace_residents` a home's others go. What changed is noted by `finish`."""
        differences = await HOMES.differences(self.connection)
        self.new_homes = {row["home_id"] for row in differences if row["added"]}
        self.home_fields = {row["home_id"]: list(row["fields"]) for row in differences if not row["added"]}
        if differences:
            await HOMES.merge(self.connection, revision=self.revision)
            await self.run("forget_home_removals", revision=self.revision)
        for row in await self.run("homes_with_other_residents", replace=replace_residents):
            self._touch(row["home_id"], "residents")
        if replace_residents:
            await self.run("delete_gone_residents")
        await RESIDENTS.merge(self.connection, revision=self.revision)
        await RESIDENTS.arrange(self.connection)

    async def merge_devices(self) -> None:
        """Devices; one that moves leaves its past behind. RegistryConflictError where a Zigbee2MQTT name is taken."""
        taken = await self.run("taken_z2m_names")
        if taken:
            raise RegistryConflictError(map(_taken, taken))
        moved = await self.run("moved_devices")
        for row in await self.merge_staged_devices():
            self.touched.add(row)
        if moved:
            self.touched |= {row["old_home_id"] for row in moved}
            ids = [row["device_id"] for row in moved]
            await self.run("settle_moved_devices", device_ids=ids, now=self.now)

    async def merge_staged_devices(self) -> list[str]:
        """Merge them; returns the homes of those that differ."""
        differences = await self.merge(DEVICES)
        if not differences:
            return []
        await self.run("forget_removals", revision=self.revision)
        ids = [row["device_id"] for row in differences]
        cursor = await self.connection.execute(
            "select distinct home_id from new_devices where device_id = any(%s)", (ids,)
        )
        return [row["home_id"] for row in await cursor.fetchall()]

    async def delete_devices(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Remove devices with all that is known of their state."""
        gone = {row["device_id"]: row["home_id"] for row in rows}
        if gone:
            await self.run("delete_devices", device_ids=list(gone), revision=self.revision)
            self.touched |= set(gone.values())
        for device_id in gone:
            self.changes.remove(f"device {device_id}")

    async def delete_homes(self, home_ids: list[str]) -> None:
        """Remove homes with their residents and devices."""
        if not home_ids:
            return
        devices = [row["device_id"] for row in await self.run("devices_of_removed_homes", home_ids=home_ids)]
        await self.run("remember_removals", kind="device", ids=devices, revision=self.revision)
        await self.run("delete_homes", home_ids=home_ids, revision=self.revision)
        for home_id in home_ids:
            self.changes.remove(f"home {home_id}")

    async def delete_unnamed(self, table: Table) -> None:
        """Remove what is not staged; nothing may lean on it any more."""
        for row in await table.delete_unnamed(self.connection):
            self.changes.remove(f"{table.word} {' '.join(row[one] for one in table.key)}")
            if table is PLANS:
                await self.run("remember_removals", kind="plan", ids=[row["plan_id"]], revision=self.revision)

    async def set_timezone(self, timezone: str) -> None:
        """The community's zone; every home's times of day move with it."""
        if await self.run("set_setting", key="timezone", value=timezone):
            self.zone_changed = True
            self.changes.change("community", [f"timezone {timezone}"])

    async def finish(self) -> Changes:
        """Count versions, wake the watch, raise the revision; nothing of it where nothing changed."""
        for home_id in sorted(self.new_homes):
            self.changes.add(f"home {home_id}")
        for home_id, fields in sorted(self.home_fields.items()):
            self.changes.change(f"home {home_id}", fields)
        touched = list(self.touched | self.new_homes | set(self.home_fields))
        if touched:
            await self.run("count_versions_of_homes", home_ids=touched, revision=self.revision)
        if self.zone_changed:
            await self.run("watch_all_homes", now=self.now)
        else:
            await self.run("watch_homes", home_ids=touched, now=self.now)
            await self.run("watch_homes_of_plans", plan_ids=list(self.plans), now=self.now)
        if self.changes:
            await self.run("set_revision", revision=self.revision)
        return self.changes

    def _touch(self, home_id: str, why: str) -> None:
        if home_id not in self.new_homes:
            self.home_fields.setdefault(home_id, []).append(why)


async def begin(connection: Connection, *, now: datetime) -> Write:
    """Hold the registry until the transaction ends. RegistryBusyError where another writer does not let go."""
    await connection.execute(f"set local statement_timeout = '{WRITE_TIMEOUT}'")
    await connection.execute(f"set local lock_timeout = '{WAIT_FOR_WRITER}'")
    try:
        row = await (await connection.execute(QUERIES["lock_registry"])).fetchone()
    except errors.LockNotAvailable as error:
        raise RegistryBusyError("the registry is being written by somebody else: try again") from error
    if row is None:
        raise RegistryConflictError(["the database has no registry: run `lampkeep migrate`"])
    return Write(connection=connection, now=now, revision=row["revision"] + 1)


def _taken(row: DictRow) -> str:
    return (
        f"device {row['device_id']} of home {row['home_id']}: z2m {row['z2m']!r} of account {row['account']} "
        f"belongs to device {row['holder']} of home {row['holder_home']}"
    )
