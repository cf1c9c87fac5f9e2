"""One object of the registry at a time, as the API reads and writes it: the same validation and words as the file.

A body is the object of contract section 3, with or without its id; a device's also names its `home`. PUT replaces the
whole object; only a home's `devices`, a device's `home` and the secrets of a responder's channels may be left out, and
then stay as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg.rows import DictRow
from pydantic import ValidationError

from lampkeep.contracts.community.fields import Id, a, format_duration, shown
from lampkeep.contracts.community.mistakes import InvalidObjectError, Mistake, mistakes_of
from lampkeep.contracts.community.models import DeviceSpec, HomeSpec, PlanSpec, PolicySpec, ResponderSpec
from lampkeep.contracts.community.rules import Spec
from lampkeep.db.queries import load
from lampkeep.registry import checks, staging
from lampkeep.registry.apply import announce
from lampkeep.registry.tables import DEVICES, HOMES, PLANS, POLICIES, RESIDENTS, RESPONDERS, Connection
from lampkeep.registry.write import Write, begin

QUERIES = load("lampkeep.registry", "objects.sql")


class Kind(StrEnum):
    """The objects that are read and written one at a time; the value is what messages call them."""

    HOME = "home"
    DEVICE = "device"
    RESPONDER = "responder"
    PLAN = "plan"
    POLICY = "policy"


class UnknownObjectError(Exception):
    """There is no such object."""


class StaleVersionError(Exception):
    """The object is not, or no longer, at the version that the writer had seen; `version` None: there is none."""

    def __init__(self, what: str, version: int | None) -> None:
        self.version = version
        super().__init__(f"{what} is at version {version}" if version is not None else f"there is no {what}")


class InUseError(Exception):
    """The object cannot go while others lean on it; `users` are a few of them, such as 'home home-001'."""

    def __init__(self, what: str, users: list[str]) -> None:
        self.users = tuple(users)
        super().__init__(f"{what} is used by {', '.join(users)}")


class HomedDeviceSpec(DeviceSpec):
    """A device with the home that it stands in."""

    home: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An object as it stands: `body` is that of contract section 3 with all that is set; `area_id` where it has one."""

    kind: Kind
    object_id: str
    body: dict[str, Any]
    version: int
    area_id: str | None = None


_SPECS: dict[Kind, type[Spec]] = {
    Kind.HOME: HomeSpec,
    Kind.DEVICE: HomedDeviceSpec,
    Kind.RESPONDER: ResponderSpec,
    Kind.PLAN: PlanSpec,
    Kind.POLICY: PolicySpec,
}


async def get(connection: Connection, kind: Kind, object_id: str) -> Stored | None:
    """The object, or None. The caller owns the transaction."""
    row = await (await connection.execute(QUERIES[kind.value], {"id": object_id})).fetchone()
    if row is None:
        return None
    match kind:
        case Kind.HOME:
            body = await _home_body(connection, row)
        case Kind.DEVICE:
            body = {"home": row["home_id"], **_device_body(row)}
        case Kind.RESPONDER:
            body = _set(
                id=object_id,
                name=row["name"],
                role=row["role"],
                areas=row["area_ids"],
                phone=row["phone"],
                channels=row["channels"],
            )
        case Kind.PLAN | Kind.POLICY:
            body = {"id": object_id, **row["body"]}
    return Stored(kind=kind, object_id=object_id, body=body, version=row["version"], area_id=row.get("area_id"))


async def put(
    connection: Connection,
    kind: Kind,
    object_id: str,
    body: object,
    *,
    now: datetime,
    if_version: int | None = None,
    scope: str | None = None,
) -> tuple[Stored, bool]:
    """Make the object what `body` says; returns it, and whether it is new. `connection` must not be in a transaction.

    Nothing outside the area `scope` (None: all areas) is named in what is wrong.

    Raises InvalidObjectError, StaleVersionError where `if_version` is not what stands there, RegistryBusyError.
    """
    async with connection.transaction():
        write = await begin(connection, now=now)
        before = await get(connection, kind, object_id)
        _refuse_stale(kind, object_id, before, if_version)
        if before is not None and isinstance(body, Mapping):
            body = _completed(before, body)
        spec = validate(kind, object_id, body)
        mistakes = await checks.check(connection, spec, scope=scope)
        if mistakes:
            raise InvalidObjectError(mistakes)
        await _write(write, spec)
        changes = await write.finish()
        after = await get(connection, kind, object_id)
    assert after is not None
    if changes:
        await announce(connection)
    return after, before is None


async def delete(
    connection: Connection,
    kind: Kind,
    object_id: str,
    *,
    now: datetime,
    if_version: int | None = None,
    scope: str | None = None,
) -> None:
    """Remove the object. `connection` must not be in a transaction.

    Raises UnknownObjectError, StaleVersionError, RegistryBusyError, and InUseError: for a home with an active alert,
    a plan with homes, a policy with plans, a responder whom a roster or a home names; outside `scope` none is named.
    """
    async with connection.transaction():
        write = await begin(connection, now=now)
        before = await get(connection, kind, object_id)
        if before is None:
            raise UnknownObjectError(f"there is no {kind} {object_id}")
        _refuse_stale(kind, object_id, before, if_version)
        users = await checks.users(connection, kind.value, object_id, scope=scope)
        if users:
            raise InUseError(f"{kind} {object_id}", users)
        await _remove(write, before)
        await write.finish()
    await announce(connection)


def validate(kind: Kind, object_id: str, body: object) -> Any:
    """The object that `body` spells, valid by itself. Raises InvalidObjectError with the fields that are wrong.

    A `version` is passed over, so that what was read or answered can be put back.
    """
    if not isinstance(body, Mapping):
        raise InvalidObjectError([Mistake(path=(), message=f"must be a mapping, not {a(body)}")])
    if body.get("id", object_id) != object_id:
        named = Mistake(path=("id",), message=f"{shown(body['id'])} is not the id in the address, {object_id}")
        raise InvalidObjectError([named])
    model = _SPECS[kind]
    try:
        return model.model_validate({key: body[key] for key in body if key != "version"} | {"id": object_id})
    except ValidationError as error:
        raise InvalidObjectError(mistakes_of(error, model)) from error


def _completed(before: Stored, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """`body` with what it may leave out: a device's home, and the secrets of channels, which are never shown.

    A channel without `secret` keeps that of the one with its address; null takes it away.
    """
    if before.kind is Kind.DEVICE:
        return {"home": before.body["home"], **body}
    channels = body.get("channels")
    if before.kind is not Kind.RESPONDER or not isinstance(channels, list):
        return body
    kept = {one["url"]: {"secret": one["secret"]} for one in before.body["channels"] if "secret" in one}
    return {**body, "channels": [{**kept.get(_url_of(one), {}), **one} if _url_of(one) else one for one in channels]}


def _url_of(channel: object) -> str | None:
    url = channel.get("url") if isinstance(channel, Mapping) else None
    return url if isinstance(url, str) else None


def _refuse_stale(kind: Kind, object_id: str, stored: Stored | None, if_version: int | None) -> None:
    version = stored.version if stored else None
    if if_version is not None and version != if_version:
        raise StaleVersionError(f"{kind} {object_id}", version)


async def _write(write: Write, spec: Any) -> None:
    match spec:
        case HomeSpec():
            await _write_home(write, spec)
        case HomedDeviceSpec():
            await _write_device(write, spec)
        case ResponderSpec():
            await RESPONDERS.stage(write.connection, staging.responder_rows([spec]))
            await write.merge(RESPONDERS)
        case PlanSpec():
            await PLANS.stage(write.connection, staging.plan_rows([spec]))
            await write.merge_plans()
        case PolicySpec():
            await POLICIES.stage(write.connection, staging.policy_rows([spec]))
            await write.merge_policies()


async def _write_home(write: Write, spec: HomeSpec) -> None:
    connection = write.connection
    await HOMES.stage(connection, staging.home_rows([spec], now=write.now))
    await RESIDENTS.stage(connection, staging.resident_rows([spec]))
    await write.merge_homes(replace_residents=True)
    if "devices" in spec.model_fields_set:
        await DEVICES.stage(connection, staging.device_rows(staging.devices_of([spec]), now=write.now))
        await write.delete_devices(await write.run("devices_not_named_by_their_home"))
        await write.merge_devices()


async def _write_device(write: Write, spec: HomedDeviceSpec) -> None:
    where = {"device_id": spec.id, "home_id": spec.home}
    row = await (await write.connection.execute(QUERIES["place_of_device"], where)).fetchone()
    position = row["position"] if row else 0
    await DEVICES.stage(write.connection, staging.device_rows([(spec.home, position, spec)], now=write.now))
    await write.merge_devices()


async def _remove(write: Write, stored: Stored) -> None:
    object_id = stored.object_id
    match stored.kind:
        case Kind.HOME:
            await write.delete_homes([object_id])
            return
        case Kind.DEVICE:
            await write.delete_devices([{"device_id": object_id, "home_id": stored.body["home"]}])
            return
        case Kind.PLAN:
            await write.run("remember_removals", kind="plan", ids=[object_id], revision=write.revision)
    await write.connection.execute(QUERIES[f"delete_{stored.kind}"], {"id": object_id})
    write.changes.remove(f"{stored.kind} {object_id}")


async def _home_body(connection: Connection, row: DictRow) -> dict[str, Any]:
    key = {"id": row["home_id"]}
    residents = await (await connection.execute(QUERIES["residents_of"], key)).fetchall()
    devices = await (await connection.execute(QUERIES["devices_of"], key)).fetchall()
    location = None if row["latitude"] is None else [row["latitude"], row["longitude"]]
    return _set(
        id=row["home_id"],
        area=row["area_id"],
        address=row["address"],
        location=location,
        plan=row["plan_id"],
        emergency_consent=row["emergency_consent"],
        residents=[_resident_body(one) for one in residents],
        family=row["family"],
        suspend=row["suspend"],
        devices=[_device_body(one) for one in devices],
    )


def _resident_body(row: DictRow) -> dict[str, Any]:
    return _set(
        id=row["resident_id"],
        name=row["name"],
        born=row["born"].isoformat() if row["born"] else None,
        phone=row["phone"],
        traits=row["traits"],
        notes=row["notes"],
    )


def _device_body(row: DictRow) -> dict[str, Any]:
    every = row["heartbeat_every"]
    return _set(
        id=row["device_id"],
        kind=row["kind"],
        place=row["place"],
        account=row["account"],
        z2m=row["z2m"],
        heartbeat_every=format_duration(every) if every else None,
    )


def _set(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
