"""One object at a time, as the API reads and writes it."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.contracts.community import InvalidObjectError
from lampkeep.registry.cache import Directory
from lampkeep.registry.objects import (
    InUseError,
    Kind,
    StaleVersionError,
    Stored,
    UnknownObjectError,
    delete,
    get,
    put,
)
from support.registry import NOW, applied, rows

Connection = AsyncConnection[DictRow]
LATER = NOW + timedelta(hours=1)

NAMES = {
    Kind.HOME: "home-001",
    Kind.DEVICE: "pir-001",
    Kind.RESPONDER: "wang-li",
    Kind.PLAN: "alone-frail",
    Kind.POLICY: "sos-default",
}


async def body_of(connection: Connection, kind: Kind, object_id: str) -> dict[str, Any]:
    stored = await get(connection, kind, object_id)
    assert stored is not None
    return stored.body


async def put_(connection: Connection, kind: Kind, object_id: str, body: object, **options: Any) -> Stored:
    stored, _ = await put(connection, kind, object_id, body, now=LATER, **options)
    return stored


async def wrong(connection: Connection, kind: Kind, object_id: str, body: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidObjectError) as caught:
        await put_(connection, kind, object_id, body)
    return [(one.field, one.message) for one in caught.value.mistakes]


async def test_what_is_read_can_be_put_back_and_changes_nothing(connection: Connection) -> None:
    await applied(connection)
    for kind in Kind:
        before = await get(connection, kind, NAMES[kind])
        assert before is not None
        assert await put(connection, kind, NAMES[kind], before.body, now=LATER) == (before, False)
    assert not await applied(connection)


async def test_an_object_that_is_not_there_is_none_and_cannot_be_deleted(connection: Connection) -> None:
    for kind in Kind:
        assert await get(connection, kind, "nobody") is None
        with pytest.raises(UnknownObjectError, match=f"no {kind} nobody"):
            await delete(connection, kind, "nobody", now=NOW)


async def test_a_home_reads_as_in_the_file(connection: Connection) -> None:
    await applied(connection)
    body = await body_of(connection, Kind.HOME, "home-001")
    assert body["location"] == [29.08, 119.65]
    assert body["residents"][0]["born"] == "1941-03-02"
    assert body["suspend"][0]["until"] == "2026-12-08"
    assert body["devices"][2] == {
        "id": "pir-001",
        "kind": "motion",
        "place": "bathroom",
        "account": "gw-001",
        "heartbeat_every": "30m",
    }


async def test_a_new_home_is_registered_and_watched(connection: Connection) -> None:
    await applied(connection)
    body = {"area": "jinhua", "plan": "alone-frail", "devices": [{"id": "p-3", "kind": "pendant"}]}
    stored, new = await put(connection, Kind.HOME, "home-003", body, now=LATER)
    assert new
    assert stored.area_id == "jinhua"
    assert await rows(connection, "select from home_watch where home_id = 'home-003' and next_check_at = %s", LATER)
    directory = Directory()
    await directory.refresh(connection)
    assert directory.device("p-3") is not None


async def test_a_put_home_is_the_whole_home(connection: Connection) -> None:
    await applied(connection)
    stored = await put_(connection, Kind.HOME, "home-001", {"area": "jinhua", "plan": "alone-frail", "devices": []})
    assert stored.body == {
        "id": "home-001",
        "area": "jinhua",
        "plan": "alone-frail",
        "emergency_consent": False,
        "residents": [],
        "family": [],
        "suspend": [],
        "devices": [],
    }
    assert stored.version == 2
    assert len(await rows(connection, "select from devices")) == 1


async def test_a_put_home_without_devices_keeps_those_it_has(connection: Connection) -> None:
    await applied(connection)
    stored = await put_(connection, Kind.HOME, "home-001", {"area": "jinhua", "plan": "alone-frail"})
    assert len(stored.body["devices"]) == 3


async def test_a_device_counts_the_version_of_its_home_too(connection: Connection) -> None:
    await applied(connection)
    stored = await put_(connection, Kind.DEVICE, "pir-001", {"kind": "motion", "place": "bedroom", "account": "gw-001"})
    assert stored.version == 2
    assert stored.body["home"] == "home-001"
    home = await get(connection, Kind.HOME, "home-001")
    assert home is not None
    assert home.version == 2


async def test_a_new_device_needs_a_home_and_stands_last(connection: Connection) -> None:
    await applied(connection)
    assert await wrong(connection, Kind.DEVICE, "new-1", {"kind": "door"}) == [("home", "is missing")]
    assert await wrong(connection, Kind.DEVICE, "new-1", {"kind": "door", "home": "no"}) == [
        ("home", '"no" is no home')
    ]
    await put_(connection, Kind.DEVICE, "new-1", {"kind": "door", "home": "home-001"})
    home = await body_of(connection, Kind.HOME, "home-001")
    assert [one["id"] for one in home["devices"]] == ["pendant-001", "door-001", "pir-001", "new-1"]


async def test_a_device_may_move(connection: Connection) -> None:
    await applied(connection)
    stored = await put_(connection, Kind.DEVICE, "pir-001", {"kind": "motion", "home": "home-002"})
    assert stored.body["home"] == "home-002"
    moved = await rows(connection, "select registered_at from devices where device_id = 'pir-001'")
    assert moved[0]["registered_at"] == LATER


WRONG: dict[str, tuple[Kind, str, object, tuple[str, str]]] = {
    "no mapping": (Kind.HOME, "h", ["x"], ("", "must be a mapping, not a list")),
    "an id": (Kind.HOME, "H!", {}, ("id", '"H!" is no id: lower-case letters, digits and hyphens, 1 to 63 of them')),
    "another id": (Kind.HOME, "h", {"id": "g"}, ("id", '"g" is not the id in the address, h')),
    "an area": (Kind.HOME, "h", {"area": "x", "plan": "alone-frail"}, ("area", '"x" is no area')),
    "a plan": (Kind.HOME, "h", {"area": "jinhua", "plan": "x"}, ("plan", '"x" is no plan')),
    "an unknown key": (
        Kind.HOME,
        "h",
        {"area": "jinhua", "plan": "alone-frail", "adress": "x"},
        ("adress", "unknown key: did you mean address?"),
    ),
    "a nested kind": (
        Kind.HOME,
        "h",
        {"area": "jinhua", "plan": "alone-frail", "devices": [{"id": "d", "kind": "pir"}]},
        (
            "devices[0].kind",
            '"pir" is none of pendant, door, motion, presence, smoke, gas, gateway, button',
        ),
    ),
    "family": (
        Kind.HOME,
        "h",
        {"area": "jinhua", "plan": "alone-frail", "family": ["wang-li"]},
        ("family[0]", '"wang-li" is grid_worker, not family'),
    ),
    "nobody as family": (
        Kind.HOME,
        "h",
        {"area": "jinhua", "plan": "alone-frail", "family": ["x"]},
        ("family[0]", '"x" is no responder'),
    ),
    "another home's device": (
        Kind.HOME,
        "h",
        {"area": "jinhua", "plan": "alone-frail", "devices": [{"id": "pir-001", "kind": "motion"}]},
        ("devices[0].id", '"pir-001" belongs to home home-001'),
    ),
    "another home's resident": (
        Kind.HOME,
        "h",
        {"area": "jinhua", "plan": "alone-frail", "residents": [{"id": "li-ming", "name": "x"}]},
        ("residents[0].id", '"li-ming" belongs to home home-002'),
    ),
    "a device twice": (
        Kind.HOME,
        "h",
        {"area": "jinhua", "plan": "alone-frail", "devices": [{"id": "d", "kind": "door"}, {"id": "d", "kind": "gas"}]},
        ("devices[1].id", '"d" stands twice'),
    ),
    "a name that is taken": (
        Kind.DEVICE,
        "d",
        {"home": "home-002", "kind": "door", "account": "gw-001", "z2m": "Front door"},
        ("z2m", '"Front door" is device door-001 of this account'),
    ),
    "an area of a responder": (
        Kind.RESPONDER,
        "r",
        {"name": "x", "role": "neighbour", "areas": ["jinhua", "x"]},
        ("areas[1]", '"x" is no area'),
    ),
    "a role that others rely on": (
        Kind.RESPONDER,
        "zhang-wei",
        {"name": "x", "role": "neighbour"},
        ("role", "cannot change from family: used by home home-001"),
    ),
    "a policy": (Kind.PLAN, "p", {"policies": {"sos": "x"}}, ("policies.sos", '"x" is no policy')),
    "a threshold": (
        Kind.PLAN,
        "p",
        {"rules": {"not_up": {"by": "25:00"}}},
        ("rules.not_up.by", "25:00 is no time of day: 00:00 to 23:59"),
    ),
    "steps": (Kind.POLICY, "p", {"steps": []}, ("steps", "must name at least one")),
}


async def test_what_is_wrong_is_told_by_its_field_and_nothing_is_written(connection: Connection) -> None:
    await applied(connection)
    told = {name: await wrong(connection, kind, id_, body) for name, (kind, id_, body, _) in WRONG.items()}
    assert {name: mistake for name, (*_, mistake) in WRONG.items() if mistake not in told[name]} == {}
    assert not await applied(connection, prune=True)


async def test_a_stale_version_changes_nothing(connection: Connection) -> None:
    await applied(connection)
    body = await body_of(connection, Kind.RESPONDER, "wang-li")
    stored = await put_(connection, Kind.RESPONDER, "wang-li", {**body, "name": "王莉"}, if_version=1)
    assert stored.version == 2
    with pytest.raises(StaleVersionError) as caught:
        await put_(connection, Kind.RESPONDER, "wang-li", body, if_version=1)
    assert caught.value.version == 2
    with pytest.raises(StaleVersionError):
        await delete(connection, Kind.RESPONDER, "wang-li", now=LATER, if_version=1)
    with pytest.raises(StaleVersionError):
        await put_(connection, Kind.RESPONDER, "nobody", body | {"id": "nobody"}, if_version=1)


async def test_what_others_lean_on_is_not_deleted(connection: Connection) -> None:
    await applied(connection)
    leaning = {
        (Kind.POLICY, "sos-default"): ("plan alone-frail",),
        (Kind.PLAN, "alone-frail"): ("home home-001", "home home-002"),
        (Kind.RESPONDER, "wang-li"): ("roster jiangnan-g03 grid_worker",),
        (Kind.RESPONDER, "zhang-wei"): ("home home-001",),
    }
    for (kind, object_id), users in leaning.items():
        with pytest.raises(InUseError) as caught:
            await delete(connection, kind, object_id, now=LATER)
        assert caught.value.users == users


async def test_a_home_is_deleted_with_all_that_is_in_it(connection: Connection) -> None:
    await applied(connection)
    directory = Directory()
    await directory.refresh(connection)
    await delete(connection, Kind.HOME, "home-001", now=LATER)
    await directory.refresh(connection)
    assert directory.device("pendant-001") is None
    assert await rows(connection, "select from residents where home_id = 'home-001'") == []
    await delete(connection, Kind.RESPONDER, "zhang-wei", now=LATER)
    await delete(connection, Kind.DEVICE, "pendant-002", now=LATER)
    await directory.refresh(connection)
    assert len(directory) == 0


async def test_a_home_with_an_active_alert_is_not_deleted(connection: Connection) -> None:
    await applied(connection)
    await connection.execute(
        """insert into alerts (alert_id, cause_key, home_id, kind, priority, state, opened_at, last_cause_at, consent,
           policy, progress)
           values ('a-1', 'home/x/life', 'home-001', 'sos', 'life', 'open', now(), now(), false, '{}', '{}')"""
    )
    with pytest.raises(InUseError, match="alert a-1"):
        await delete(connection, Kind.HOME, "home-001", now=LATER)
