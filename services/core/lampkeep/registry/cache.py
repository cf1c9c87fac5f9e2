"""What ingest keeps of the registry in memory: every device, its home's plan, and what has changed since.

A refresh reads only what is above the revision seen last, so 300,000 devices are read once and one edit costs one row.
"""

from zoneinfo import ZoneInfo

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.contracts.community.models import DEFAULT_TIMEZONE
from lampkeep.db.queries import load
from lampkeep.domain.care_plan import CarePlan
from lampkeep.domain.home import Device
from lampkeep.domain.vocabulary import DeviceKind
from lampkeep.registry.rows import device_from, plan_from

Connection = AsyncConnection[DictRow]

QUERIES = load("lampkeep.registry")

CHUNK = 1000
"""Rows taken at a time: about 5 ms, after which other work of the loop gets its turn."""

REMEMBERED_PLANS = 5000
"""Plans that a `PlanCache` holds before it starts again; one is a few kilobytes."""


class Directory:
    """Devices, homes' plans and the zone as of `revision`; empty until the first `refresh`."""

    def __init__(self) -> None:
        """An empty directory, older than every revision."""
        self.revision = -1
        self.zone = ZoneInfo(DEFAULT_TIMEZONE)
        self.plans: dict[str, CarePlan] = {}
        self._devices: dict[str, Device] = {}
        self._by_z2m: dict[tuple[str, str], str] = {}
        self._gateways: dict[str, str] = {}
        self._plan_of: dict[str, str] = {}
        self._words: dict[str, str] = {}

    def __len__(self) -> int:
        """How many devices are known."""
        return len(self._devices)

    def device(self, device_id: str) -> Device | None:
        """The device of this id, whoever's it is; compare its `account` before believing a message."""
        return self._devices.get(device_id)

    def device_by_z2m(self, account: str, name: str) -> Device | None:
        """The device that a Zigbee2MQTT bridge of `account` calls `name`: by its `z2m`, else by its id."""
        device_id = self._by_z2m.get((account, name))
        if device_id is not None:
            return self._devices.get(device_id)
        device = self._devices.get(name)
        return device if device is not None and device.account == account else None

    def gateway_of(self, account: str) -> Device | None:
        """The gateway that is the account `account`; its own id may be another; else the device of that id."""
        device = self._devices.get(self._gateways.get(account, account))
        return device if device is not None and device.account == account else None

    def plan_for(self, home_id: str) -> CarePlan | None:
        """The care plan of a home; None where there is no such home."""
        return self.plans.get(self._plan_of.get(home_id, ""))

    async def refresh(self, connection: Connection) -> bool:
        """Take in what has changed; True where anything had. One cheap query where nothing has."""
        async with connection.transaction():
            stamp = await (await connection.execute(QUERIES["registry_stamp"])).fetchone()
            if stamp is None or stamp["revision"] == self.revision:
                return False
            seen = {"revision": self.revision}
            for row in await (await connection.execute(QUERIES["changed_plans"], seen)).fetchall():
                self.plans[row["plan_id"]] = plan_from(row)
            await self._take_homes(connection, seen)
            await self._take_devices(connection, seen)
            await self._take_removals(connection, seen)
        self.zone = ZoneInfo(stamp["timezone"] or DEFAULT_TIMEZONE)
        self.revision = stamp["revision"]
        return True

    async def _take_homes(self, connection: Connection, seen: dict[str, int]) -> None:
        async with connection.cursor("changed_homes") as cursor:
            cursor.itersize = CHUNK
            await cursor.execute(QUERIES["changed_homes"], seen)
            async for row in cursor:
                self._plan_of[self._same(row["home_id"])] = self._same(row["plan_id"])

    async def _take_devices(self, connection: Connection, seen: dict[str, int]) -> None:
        async with connection.cursor("changed_devices") as cursor:
            cursor.itersize = CHUNK
            await cursor.execute(QUERIES["changed_devices"], seen)
            async for row in cursor:
                self._forget_device(row["device_id"])
                for key in ("device_id", "home_id", "account"):
                    row[key] = self._same(row[key])
                self._know_device(device_from(row))

    async def _take_removals(self, connection: Connection, seen: dict[str, int]) -> None:
        for row in await (await connection.execute(QUERIES["removals_since"], seen)).fetchall():
            if row["kind"] == "device":
                self._forget_device(row["id"])
            elif row["kind"] == "home":
                self._plan_of.pop(row["id"], None)
            elif row["kind"] == "plan":
                self.plans.pop(row["id"], None)

    def _know_device(self, device: Device) -> None:
        self._devices[device.device_id] = device
        if device.z2m is not None:
            self._by_z2m[device.account, device.z2m] = device.device_id
        if device.kind is DeviceKind.GATEWAY:
            self._gateways[device.account] = device.device_id

    def _forget_device(self, device_id: str) -> None:
        device = self._devices.pop(device_id, None)
        if device is not None and self._gateways.get(device.account) == device_id:
            del self._gateways[device.account]
        if device is not None and device.z2m is not None:
            key = (device.account, device.z2m)
            if self._by_z2m.get(key) == device_id:
                del self._by_z2m[key]

    def _same(self, word: str) -> str:
        """One object for equal texts: a gateway's account and a home's id come once per device."""
        return self._words.setdefault(word, word)


class PlanCache:
    """Care plans by (id, revision), for a worker that meets homes a chunk at a time."""

    def __init__(self) -> None:
        """An empty cache."""
        self._plans: dict[tuple[str, int], CarePlan] = {}

    async def resolve(self, connection: Connection, wanted: set[tuple[str, int]]) -> dict[str, CarePlan]:
        """The plans of `wanted`, each (id, revision), by id; one query for those that are not remembered."""
        missing = {key for key in wanted if key not in self._plans}
        if missing and len(self._plans) > REMEMBERED_PLANS:
            self._plans.clear()
            missing = wanted
        if not missing:
            return {plan_id: self._plans[plan_id, revision] for plan_id, revision in wanted}
        cursor = await connection.execute(QUERIES["plans_by_id"], {"plan_ids": [plan_id for plan_id, _ in missing]})
        fresh = {(row["plan_id"], row["revision"]): plan_from(row) for row in await cursor.fetchall()}
        self._plans.update(fresh)
        known = {key[0]: self._plans[key] for key in wanted if key in self._plans}
        return known | {plan_id: plan for (plan_id, _), plan in fresh.items()}
