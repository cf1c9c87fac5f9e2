"""What ties one object, given over the API, to the registry: the references that `references` checks in a file."""

from collections.abc import Iterator, Sequence
from typing import Any

from lampkeep.contracts.community.fields import shown
from lampkeep.contracts.community.mistakes import Mistake
from lampkeep.contracts.community.models import DeviceSpec, HomeSpec, PlanSpec, ResponderSpec
from lampkeep.contracts.community.source import Path
from lampkeep.contracts.community.values import threshold_mistakes
from lampkeep.db.queries import load
from lampkeep.domain.vocabulary import Role
from lampkeep.registry.tables import Connection

QUERIES = load("lampkeep.registry", "objects.sql")


async def check(connection: Connection, spec: Any) -> list[Mistake]:
    """What is wrong with a valid object in this registry; empty where nothing is."""
    match spec:
        case HomeSpec():
            return await _home(connection, spec)
        case DeviceSpec():
            return await _device(connection, spec)
        case ResponderSpec():
            return await _responder(connection, spec)
        case PlanSpec():
            return await _plan(connection, spec)
    return []


async def _home(connection: Connection, spec: HomeSpec) -> list[Mistake]:
    return [
        *await _unknown(connection, "areas", [(("area",), spec.area)]),
        *await _unknown(connection, "plans", [(("plan",), spec.plan)]),
        *await _family(connection, spec),
        *await _elsewhere(connection, "residents", spec.id, [one.id for one in spec.residents]),
        *await _elsewhere(connection, "devices", spec.id, [one.id for one in spec.devices]),
        *_twice(spec),
        *await _z2m_taken(connection, [(("devices", n, "z2m"), one) for n, one in enumerate(spec.devices)], spec.id),
    ]


async def _device(connection: Connection, spec: DeviceSpec) -> list[Mistake]:
    home = str(getattr(spec, "home", ""))
    return [
        *await _unknown(connection, "homes", [(("home",), home)]),
        *await _z2m_taken(connection, [(("z2m",), spec)]),
    ]


async def _responder(connection: Connection, spec: ResponderSpec) -> list[Mistake]:
    mistakes = await _unknown(connection, "areas", [(("areas", n), one) for n, one in enumerate(spec.areas)])
    roles = await _rows(connection, "roles", ids=[spec.id])
    if roles and roles[0]["role"] != spec.role.value:
        users = [row["what"] for row in await _rows(connection, "leaning_on_responder", id=spec.id)]
        if users:
            why = f"cannot change from {roles[0]['role']}: used by {', '.join(users)}"
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


async def _elsewhere(connection: Connection, what: str, home_id: str, ids: list[str]) -> list[Mistake]:
    rows = await _rows(connection, f"{what}_elsewhere", ids=ids, home_id=home_id)
    homes = {next(iter(row.values())): row["home_id"] for row in rows}
    return [
        Mistake(path=(what, n, "id"), message=f"{shown(id_)} belongs to home {homes[id_]}")
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
    connection: Connection, devices: Sequence[tuple[Path, DeviceSpec]], home_id: str | None = None
) -> list[Mistake]:
    """Names that other devices hold; those of `home_id` do not count, which is put as a whole."""
    named = [(path, one) for path, one in devices if one.z2m is not None]
    ours = {one.id for _, one in devices}
    accounts, names = [one.speaks_as for _, one in named], [one.z2m for _, one in named]
    rows = await _rows(connection, "holders_of_z2m", accounts=accounts, names=names)
    others = [row for row in rows if row["device_id"] not in ours and row["home_id"] != home_id]
    holders = {(row["account"], row["z2m"]): row["device_id"] for row in others}
    return [
        Mistake(path=path, message=f"{shown(one.z2m)} is device {holders[one.speaks_as, one.z2m]} of this account")
        for path, one in named
        if (one.speaks_as, one.z2m) in holders
    ]


async def _rows(connection: Connection, query: str, **parameters: Any) -> list[dict[str, Any]]:
    return await (await connection.execute(QUERIES[query], parameters)).fetchall()
