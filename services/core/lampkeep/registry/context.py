"""What dispatch needs of the registry to decide about one home, or about an alert that has none.

Always read from the database in the transaction that decides, never from memory: who is asked is who is registered now.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import DictRow

from lampkeep.contracts.community.models import DEFAULT_TIMEZONE
from lampkeep.contracts.community.values import roster_from
from lampkeep.domain.care_plan import CarePlan
from lampkeep.domain.home import Home, Resident, Responder
from lampkeep.domain.roster import Roster, on_duty, on_duty_anywhere
from lampkeep.domain.vocabulary import Role
from lampkeep.registry.cache import QUERIES, PlanCache
from lampkeep.registry.rows import Channel, channels_from, device_from, home_from, plan_from

Connection = AsyncConnection[DictRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Everybody who may be asked, and by which channels; `path` is empty for an alert that belongs to no area.

    `family` are responder ids in the home's order; `channels` and `phones` are by responder id.
    """

    zone: ZoneInfo
    path: tuple[str, ...]
    responders: Mapping[str, Responder]
    rosters: Mapping[tuple[str, Role], Roster]
    channels: Mapping[str, tuple[Channel, ...]]
    phones: Mapping[str, str]
    family: tuple[str, ...] = ()

    def at(self, now: datetime) -> "PeopleNow":
        """Who is on duty at `now`, as escalation asks for it."""
        return PeopleNow(reach=self, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleNow:
    """`lampkeep.domain.escalation.People`: a reach at one instant."""

    reach: Reach
    now: datetime

    @property
    def zone(self) -> ZoneInfo:
        """The community's zone."""
        return self.reach.zone

    def on_duty(self, role: Role) -> tuple[Responder, ...]:
        """The people of `role` on duty; family in the home's order, and only this home's."""
        reach, local = self.reach, self.now.astimezone(self.reach.zone)
        if role is Role.FAMILY:
            return tuple(reach.responders[one] for one in reach.family if one in reach.responders)
        everybody = reach.responders.values()
        if not reach.path:
            return on_duty_anywhere(role, responders=everybody, rosters=reach.rosters, local=local)
        return on_duty(role, path=reach.path, responders=everybody, rosters=reach.rosters, local=local)


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeContext:
    """One home with everything that an alert about it needs; `location` is latitude and longitude, WGS 84."""

    home: Home
    plan: CarePlan
    reach: Reach
    address: str | None
    location: tuple[float, float] | None
    residents: tuple[Resident, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedHome:
    """A home and its plan, for the rules."""

    home: Home
    plan: CarePlan


_OF_A_HOME = ("home_context", "devices_of_home", "residents_of_home", "people_for_home", "rosters_for_home")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedHomeContext:
    """The queries about one home, on their way: a caller with a pipeline of its own may ask more before it reads."""

    cursors: tuple[AsyncCursor[DictRow], ...]

    async def answer(self) -> HomeContext | None:
        """What they found; None where there is no such home."""
        homes, devices, residents, people, rosters = [await cursor.fetchall() for cursor in self.cursors]
        if not homes:
            return None
        row = homes[0]
        return HomeContext(
            home=home_from(row, map(device_from, devices)),
            plan=plan_from(row),
            reach=_reach_from(
                people, rosters, path=tuple(row["path"]), family=tuple(row["family"]), timezone=row["timezone"]
            ),
            address=row["address"],
            location=None if row["latitude"] is None else (row["latitude"], row["longitude"]),
            residents=tuple(_resident(one) for one in residents),
        )


async def ask_home_context(connection: Connection, home_id: str) -> AskedHomeContext:
    """Ask everything about one home without waiting for it, where `connection` is in pipeline mode."""
    asked = [await connection.execute(QUERIES[name], {"home_id": home_id}) for name in _OF_A_HOME]
    return AskedHomeContext(cursors=tuple(asked))


async def load_home_context(connection: Connection, home_id: str) -> HomeContext | None:
    """Everything about one home, in one round trip; None where there is no such home."""
    async with connection.pipeline():
        asked = await ask_home_context(connection, home_id)
    return await asked.answer()


async def load_area_reach(connection: Connection, area_id: str) -> Reach | None:
    """Who may be asked about an area, for an alert of the area; None where there is no such area."""
    row = await (await connection.execute(QUERIES["area_path"], {"area_id": area_id})).fetchone()
    return None if row is None else await _reach(connection, path=row["path"], timezone=row["timezone"])


async def load_duty_room(connection: Connection) -> Reach:
    """Every operator and supervisor of every area, for an alert that belongs to none."""
    people = await (await connection.execute(QUERIES["duty_room"])).fetchall()
    rosters = await (await connection.execute(QUERIES["duty_room_rosters"])).fetchall()
    row = await (await connection.execute(QUERIES["timezone"])).fetchone()
    return _reach_from(people, rosters, path=(), family=(), timezone=row["timezone"] if row else None)


async def load_watched_homes(connection: Connection, home_ids: list[str], plans: PlanCache) -> dict[str, WatchedHome]:
    """The homes of a chunk with their plans, by id; three queries at most. Ids that are gone are absent."""
    rows = await (await connection.execute(QUERIES["homes_by_id"], {"home_ids": home_ids})).fetchall()
    devices: dict[str, list[Any]] = {}
    for row in await (await connection.execute(QUERIES["devices_of_homes"], {"home_ids": home_ids})).fetchall():
        devices.setdefault(row["home_id"], []).append(device_from(row))
    by_id = await plans.resolve(connection, {(row["plan_id"], row["plan_revision"]) for row in rows})
    return {
        row["home_id"]: WatchedHome(home=home_from(row, devices.get(row["home_id"], ())), plan=by_id[row["plan_id"]])
        for row in rows
        if row["plan_id"] in by_id
    }


async def load_zone(connection: Connection) -> ZoneInfo:
    """The community's zone; the contract's default before a community was applied."""
    row = await (await connection.execute(QUERIES["timezone"])).fetchone()
    return ZoneInfo(row["timezone"] if row else DEFAULT_TIMEZONE)


async def _reach(connection: Connection, *, path: list[str], timezone: str | None) -> Reach:
    people = await (await connection.execute(QUERIES["people_for_path"], {"path": path})).fetchall()
    rosters = await (await connection.execute(QUERIES["rosters_for_path"], {"path": path})).fetchall()
    return _reach_from(people, rosters, path=tuple(path), family=(), timezone=timezone)


def _reach_from(
    people: list[DictRow],
    rosters: list[DictRow],
    *,
    path: tuple[str, ...],
    family: tuple[str, ...],
    timezone: str | None,
) -> Reach:
    channels = {row["responder_id"]: channels_from(row["channels"]) for row in people}
    found = [roster_from(row["area_id"], row["role"], row["shifts"]) for row in rosters]
    return Reach(
        zone=ZoneInfo(timezone or DEFAULT_TIMEZONE),
        path=path,
        responders={
            row["responder_id"]: _responder(row, reachable=bool(channels[row["responder_id"]])) for row in people
        },
        rosters={(roster.area_id, roster.role): roster for roster in found},
        channels=channels,
        phones={row["responder_id"]: row["phone"] for row in people if row["phone"]},
        family=family,
    )


def _responder(row: DictRow, *, reachable: bool) -> Responder:
    return Responder(
        responder_id=row["responder_id"],
        name=row["name"],
        role=Role(row["role"]),
        area_ids=tuple(row["area_ids"]),
        reachable=reachable,
    )


def _resident(row: DictRow) -> Resident:
    return Resident(
        resident_id=row["resident_id"],
        name=row["name"],
        born=row["born"],
        phone=row["phone"],
        traits=tuple(row["traits"]),
        notes=row["notes"],
    )
