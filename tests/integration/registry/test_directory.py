"""What ingest keeps in memory, and how it follows the registry."""

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.registry.cache import Directory
from support.registry import applied, rows

Connection = AsyncConnection[DictRow]


async def followed(connection: Connection) -> Directory:
    await applied(connection)
    directory = Directory()
    assert await directory.refresh(connection)
    return directory


async def test_an_empty_directory_knows_nothing(connection: Connection) -> None:
    directory = Directory()
    assert await directory.refresh(connection)
    assert not await directory.refresh(connection)
    assert len(directory) == 0
    assert directory.device("pendant-001") is None
    assert directory.plan_for("home-001") is None


async def test_devices_are_found_by_id_and_by_their_bridges_name(connection: Connection) -> None:
    directory = await followed(connection)
    door = directory.device("door-001")
    assert door is not None
    assert (door.account, door.home_id, door.place) == ("gw-001", "home-001", "entrance")
    assert directory.device_by_z2m("gw-001", "Front door") is door
    assert directory.device_by_z2m("gw-001", "door-001") is door
    assert directory.device_by_z2m("gw-002", "Front door") is None
    assert directory.device_by_z2m("gw-002", "door-001") is None
    plan = directory.plan_for("home-001")
    assert plan is not None
    assert plan.plan_id == "alone-frail"


async def test_a_refresh_without_changes_reads_nothing(connection: Connection) -> None:
    directory = await followed(connection)
    before = directory.device("door-001")
    assert not await directory.refresh(connection)
    await applied(connection, {"place: bathroom": "place: bedroom"})
    assert await directory.refresh(connection)
    assert directory.device("door-001") is before


async def test_a_changed_device_is_followed(connection: Connection) -> None:
    directory = await followed(connection)
    await applied(connection, {'z2m: "Front door"': 'z2m: "Back door"', "place: bathroom": "place: bedroom"})
    await directory.refresh(connection)
    assert directory.device_by_z2m("gw-001", "Front door") is None
    back = directory.device_by_z2m("gw-001", "Back door")
    assert back is not None
    assert back.device_id == "door-001"
    pir = directory.device("pir-001")
    assert pir is not None
    assert pir.place == "bedroom"


async def test_names_that_are_swapped_are_followed(connection: Connection) -> None:
    pir = "account: gw-001, heartbeat_every: 30m"
    await applied(connection, {pir: f"z2m: Hall, {pir}"})
    directory = Directory()
    await directory.refresh(connection)
    await applied(connection, {pir: f'z2m: "Front door", {pir}', 'z2m: "Front door"}\n': "z2m: Hall}\n"})
    await directory.refresh(connection)
    found = (directory.device_by_z2m("gw-001", "Front door"), directory.device_by_z2m("gw-001", "Hall"))
    assert [one.device_id for one in found if one] == ["pir-001", "door-001"]


async def test_removed_devices_and_homes_are_forgotten_and_remembered_when_they_return(connection: Connection) -> None:
    directory = await followed(connection)
    start = "  - id: home-002"
    await applied(connection, {start + SECOND: ""}, prune=True)
    await directory.refresh(connection)
    assert directory.device("pendant-002") is None
    assert directory.plan_for("home-002") is None
    await applied(connection)
    await directory.refresh(connection)
    assert directory.device("pendant-002") is not None
    assert directory.plan_for("home-002") is not None
    assert await rows(connection, "select from removals") == []


SECOND = """
    area: jiangnan-g03
    plan: alone-frail
    residents: [{id: li-ming, name: 李明}]
    devices: [{id: pendant-002, kind: pendant}]
"""


async def test_plans_policies_and_the_zone_are_followed(connection: Connection) -> None:
    directory = await followed(connection)
    before = directory.plan_for("home-001")
    await applied(connection, {"after: 60s": "after: 90s", "Asia/Shanghai": "Asia/Urumqi"})
    await directory.refresh(connection)
    after = directory.plan_for("home-001")
    assert before is not None
    assert after is not None
    assert after.policies["default"].steps[1].after.total_seconds() == 90
    assert directory.zone.key == "Asia/Urumqi"


async def test_a_home_that_takes_another_plan_is_followed(connection: Connection) -> None:
    directory = await followed(connection)
    await applied(
        connection,
        {
            "homes:\n": "  - {id: quiet}\nhomes:\n",
            "    plan: alone-frail\n    emergency": "    plan: quiet\n    emergency",
        },
    )
    await directory.refresh(connection)
    plan = directory.plan_for("home-001")
    assert plan is not None
    assert (plan.plan_id, plan.rules) == ("quiet", ())
