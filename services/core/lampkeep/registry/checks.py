"""What ties one object, given over the API, to the registry: the references that `references` checks in a file."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, LiteralString

from lampkeep.contracts.community.fields import shown
from lampkeep.contracts.community.mistakes import Mistake
from lampkeep.contracts.community.models import DeviceSpec, HomeSpec, PlanSpec, ResponderSpec
from lampkeep.contracts.community.source import Path
from lampkeep.contracts.community.values import threshold_mistakes
from lampkeep.db.queries import load
from lampkeep.domain.vocabulary import Role
from lampkeep.registry.tables import Connection

QUERIES = load("lampkeep.registry", "objects.sql")

HOMES_INSIDE: LiteralString = """
select home_id from homes join areas using (area_id) where home_id = any(%(ids)s) and path @> array[%(scope)s::text]"""

AREAS_INSIDE: LiteralString = """
select area_id from areas where area_id = any(%(ids)s) and path @> array[%(scope)s::text]"""


async def check(connection: Connection, spec: Any, *, scope: str | None = None) -> list[Mistake]:
    """What is wrong with a valid object in this registry; empty where nothing is.

    Nothing outside the area `scope` is named in the messages; None: all areas may be.
    """
    match spec:
        case HomeSpec():
            return await _home(connection, spec, scope)
        case DeviceSpec():
            return await _device(connection, spec, scope)
        case ResponderSpec():
            return await _responder(connection, spec, scope)
        case PlanSpec():
            return await _plan(connection, spec)
    return []


async def users(connection: Connection, kind: str, object_id: str, *, scope: str | None = None) -> list[str]:
    """A few of those that lean on an object, such as 'home home-001'; those outside `scope` are 'others elsewhere'."""
    found = [row["what"] for row in await _rows(connection, f"leaning_on_{kind}", id=object_id)]
    named = {what: what.split() for what in found}
    homes = await _hidden(connection, HOMES_INSIDE, (one[1] for one in named.values() if one[0] == "home"), scope)
    areas = await _hidden(connection, AREAS_INSIDE, (one[1] for one in named.values() if one[0] == "roster"), scope)
    hidden = {"home": homes, "roster": areas}
    seen = [what for what, (noun, id_, *_) in named.items() if id_ not in hidden.get(noun, ())]
    return seen if len(seen) == len(found) else [*seen, "others elsewhere"]


async def _hidden(connection: Connection, inside: LiteralString, ids: Iterable[str], scope: str | None) -> set[str]:
    """Those of `ids` that the query `inside` does not find in the area `scope`; none where it is None."""
    wanted = set(ids)
    if scope is None or not wanted:
        return set()
    rows = await (await connection.execute(inside, {"ids": list(wanted), "scope": scope})).fetchall()
    return wanted - {next(iter(row.values())) for row in rows}


async def _home(connection: Connection, spec: HomeSpec, scope: str | None) -> list[Mistake]:
    return [
        *await _unknown(connection, "areas", [(("area",), spec.area)]),
        *await _unknown(connection, "plans", [(("plan",), spec.plan)]),
        *await _family(connection, spec),
        *await _elsewhere(connection, "residents", spec.id, [one.id for one in spec.residents], scope),
        *await _elsewhere(connection, "devices", spec.id, [one.id for one in spec.devices], scope),
        *_twice(spec),
        *await _z2m_taken(connection, [(("devices", n, "z2m"), d) for n, d in enumerate(spec.devices)], scope, spec.id),
    ]


async def _device(connection: Connection, spec: DeviceSpec, scope: str | None) -> list[Mistake]:
    home = str(getattr(spec, "home", ""))
    return [
        *await _unknown(connection, "homes", [(("home",), home)]),
        *await _z2m_taken(connection, [(("z2m",), spec)], scope),
    ]


async def _responder(connection: Connection, spec: ResponderSpec, scope: str | None) -> list[Mistake]:
    mistakes = await _unknown(connection, "areas", [(("areas", n), one) for n, one in enumerate(spec.areas)])
    roles = await _rows(connection, "roles", ids=[spec.id])
    if roles and roles[0]["role"] != spec.role.value:
        leaning = await users(connection, "responder", spec.id, scope=scope)
        if leaning:
            why = f"cannot change from {roles[0]['role']}: used by {', '.join(leaning)}"
            mistakes.append(Mistake(path=("role",), message=why))
    return mistakes


async def _plan(connection: Connection, spec: PlanSpec) -> list[Mistake]:
    wanted: list[tuple[Path, str]] = [(("policies", key), policy_id) for key, policy_id in spec.policies.items()]
    wrong = [Mistake(path=path, message=message) for path, message in threshold_mistakes(spec.body())]
    return [*await _unknown(connection, "policies", wanted), *wrong]


async def _unknown(connection: Connection, table: str, wanted: list[tuple[Path, str]]) -> list[Mistake]:
    rows = await _rows(connection, f"known_{table}", ids=[id_ for _, id_ in wanted])
    known = {next(iter(row.values())) for row in rows}
    what = {"areas": "area", "plans": "plan", "policies": "policy", "homes": "home"}[table]
    return [Mistake(path=path, message=f"{shown(id_)} is no {what}") for path, id_ in wanted if id_ not in known]


async def _family(connection: Connection, spec: HomeSpec) -> list[Mistake]:
    roles = {row["responder_id"]: row["role"] for row in await _rows(connection, "roles", ids=list(spec.family))}
    mistakes = []
    for n, id_ in enumerate(spec.family):
        if id_ not in roles:
            mistakes.append(Mistake(path=("family", n), message=f"{shown(id_)} is no responder"))
        elif roles[id_] != Role.FAMILY.value:
            mistakes.append(Mistake(path=("family", n), message=f"{shown(id_)} is {roles[id_]}, not family"))
    return mistakes


async def _elsewhere(
    connection: Connection, what: str, home_id: str, ids: list[str], scope: str | None
) -> list[Mistake]:
    rows = await _rows(connection, f"{what}_elsewhere", ids=ids, home_id=home_id)
    hidden = await _hidden(connection, HOMES_INSIDE, (row["home_id"] for row in rows), scope)
    homes = {
        next(iter(row.values())): "another home" if row["home_id"] in hidden else f"home {row['home_id']}"
        for row in rows
    }
    return [
        Mistake(path=(what, n, "id"), message=f"{shown(id_)} belongs to {homes[id_]}")
        for n, id_ in enumerate(ids)
        if id_ in homes
    ]


def _twice(spec: HomeSpec) -> Iterator[Mistake]:
    residents = [(("residents", n, "id"), one.id) for n, one in enumerate(spec.residents)]
    devices = [(("devices", n, "id"), one.id) for n, one in enumerate(spec.devices)]
    names = [(("devices", n, "z2m"), f"{one.speaks_as} {one.z2m}") for n, one in enumerate(spec.devices) if one.z2m]
    for keyed in (residents, devices, names):
        seen: set[str] = set()
        for path, key in keyed:
            if key in seen:
                yield Mistake(path=path, message=f"{shown(key)} stands twice")
            seen.add(key)


async def _z2m_taken(
    connection: Connection,
    devices: Sequence[tuple[Path, DeviceSpec]],
    scope: str | None,
    home_id: str | None = None,
) -> list[Mistake]:
    """Names that other devices hold; those of `home_id` do not count, which is put as a whole."""
    named = [(path, one) for path, one in devices if one.z2m is not None]
    ours = {one.id for _, one in devices}
    accounts, names = [one.speaks_as for _, one in named], [one.z2m for _, one in named]
    rows = await _rows(connection, "holders_of_z2m", accounts=accounts, names=names)
    others = [row for row in rows if row["device_id"] not in ours and row["home_id"] != home_id]
    hidden = await _hidden(connection, HOMES_INSIDE, (row["home_id"] for row in others), scope)
    holders = {
        (row["account"], row["z2m"]): "used elsewhere"
        if row["home_id"] in hidden
        else f"device {row['device_id']} of this account"
        for row in others
    }
    return [
        Mistake(path=path, message=f"{shown(one.z2m)} is {holders[one.speaks_as, one.z2m]}")
        for path, one in named
        if (one.speaks_as, one.z2m) in holders
    ]


async def _rows(connection: Connection, query: str, **parameters: Any) -> list[dict[str, Any]]:
    return await (await connection.execute(QUERIES[query], parameters)).fetchall()
