"""What dispatch reads of one home, of an area, and of the duty room."""

from datetime import date, timedelta

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.domain.home import Responder
from lampkeep.domain.policy import choose
from lampkeep.domain.vocabulary import AlertKind, DeviceKind, Role
from lampkeep.registry.cache import PlanCache
from lampkeep.registry.context import (
    load_area_reach,
    load_duty_room,
    load_home_context,
    load_watched_homes,
    load_zone,
)
from support.registry import NOW, applied

Connection = AsyncConnection[DictRow]


def ids(people: tuple[Responder, ...]) -> list[str]:
    return [one.responder_id for one in people]


async def test_a_home_comes_with_everything_that_an_alert_about_it_needs(connection: Connection) -> None:
    await applied(connection)
    context = await load_home_context(connection, "home-001")
    assert context is not None
    assert context.address == "江南街道某路1号"
    assert context.location == (29.08, 119.65)
    assert context.home.emergency_consent
    assert [device.device_id for device in context.home.devices] == ["pendant-001", "door-001", "pir-001"]
    assert context.home.devices[2].heartbeat_every == timedelta(minutes=30)
    assert context.home.devices[1].kind is DeviceKind.DOOR
    suspension = context.home.suspensions[0]
    assert (suspension.from_day, suspension.until_day) == (date(2026, 12, 1), date(2026, 12, 8))
    assert suspension.rules == {"inactivity", "not_up"}
    resident = context.residents[0]
    assert (resident.name, resident.born, resident.notes) == ("张秀英", date(1941, 3, 2), "青霉素过敏")
    policy = choose(dict(context.plan.policies), AlertKind.SOS)
    assert [step.after.total_seconds() for step in policy.steps] == [0, 60, 120]
    assert policy.steps[0].repeat_every == timedelta(seconds=30)


async def test_an_unknown_home_has_no_context(connection: Connection) -> None:
    assert await load_home_context(connection, "home-001") is None


async def test_who_is_on_duty_for_a_home_is_found_by_area_roster_and_family(connection: Connection) -> None:
    await applied(connection)
    context = await load_home_context(connection, "home-001")
    assert context is not None
    people = context.reach.at(NOW)
    assert people.zone.key == "Asia/Shanghai"
    assert ids(people.on_duty(Role.GRID_WORKER)) == ["wang-li"]
    assert ids(people.on_duty(Role.FAMILY)) == ["zhang-wei"]
    assert ids(people.on_duty(Role.EMERGENCY_LINE)) == ["jinhua-120"]
    assert ids(people.on_duty(Role.OPERATOR)) == ["duty"]
    assert people.on_duty(Role.NEIGHBOUR) == ()
    assert context.reach.phones == {"wang-li": "+8613900000000"}
    assert context.reach.channels["wang-li"][0].secret == "s3cret"
    assert context.reach.channels["zhang-wei"][0].secret == ""
    assert not context.reach.responders["duty"].reachable


async def test_family_is_asked_in_the_homes_order_and_only_its_own(connection: Connection) -> None:
    zhang = "  - {id: zhang-wei, "
    await applied(
        connection,
        {
            zhang: "  - {id: anna, name: Anna, role: family}\n  - {id: bao, name: Bao, role: family}\n" + zhang,
            "family: [zhang-wei]": "family: [zhang-wei, anna]",
        },
    )
    mine = await load_home_context(connection, "home-001")
    other = await load_home_context(connection, "home-002")
    assert mine is not None
    assert other is not None
    assert ids(mine.reach.at(NOW).on_duty(Role.FAMILY)) == ["zhang-wei", "anna"]
    assert other.reach.at(NOW).on_duty(Role.FAMILY) == ()


async def test_a_rosters_people_need_no_area_of_their_own(connection: Connection) -> None:
    await applied(connection, {"    areas: [jiangnan-g03]\n    phone": "    phone"})
    context = await load_home_context(connection, "home-002")
    assert context is not None
    assert ids(context.reach.at(NOW).on_duty(Role.GRID_WORKER)) == ["wang-li"]


async def test_an_overnight_shift_belongs_to_its_first_day(connection: Connection) -> None:
    shift = '{responders: [wang-li], days: [mon, tue, wed, thu, fri, sat, sun], from: "00:00", to: "24:00"}'
    await applied(connection, {shift: '{responders: [wang-li], days: [sat], from: "20:00", to: "06:00"}'})
    reach = await load_area_reach(connection, "jiangnan-g03")
    assert reach is not None
    sunday_5_local = NOW - timedelta(hours=5)  # NOW is Sunday 10:00 in Shanghai
    assert ids(reach.at(sunday_5_local).on_duty(Role.GRID_WORKER)) == ["wang-li"]
    assert reach.at(sunday_5_local + timedelta(hours=1)).on_duty(Role.GRID_WORKER) == ()
    assert reach.at(sunday_5_local + timedelta(days=1)).on_duty(Role.GRID_WORKER) == ()


async def test_the_duty_room_is_every_operator_of_every_area(connection: Connection) -> None:
    await applied(connection)
    reach = await load_duty_room(connection)
    assert ids(reach.at(NOW).on_duty(Role.OPERATOR)) == ["duty"]
    assert await load_area_reach(connection, "nowhere") is None


async def test_homes_for_the_rules_come_in_chunks_with_their_plans(connection: Connection) -> None:
    await applied(connection)
    plans = PlanCache()
    found = await load_watched_homes(connection, ["home-001", "home-002", "gone"], plans)
    assert set(found) == {"home-001", "home-002"}
    assert len(found["home-001"].home.devices) == 3
    assert found["home-001"].plan is found["home-002"].plan
    again = await load_watched_homes(connection, ["home-002"], plans)
    assert again["home-002"].plan is found["home-002"].plan
    await applied(connection, {"day: 4h": "day: 3h"})
    changed = await load_watched_homes(connection, ["home-002"], plans)
    assert changed["home-002"].plan != found["home-002"].plan


async def test_a_changed_policy_reaches_the_plans_that_name_it(connection: Connection) -> None:
    await applied(connection)
    plans = PlanCache()
    await load_watched_homes(connection, ["home-001"], plans)
    await applied(connection, {"acknowledge_lease: 5m": "acknowledge_lease: 7m"})
    found = await load_watched_homes(connection, ["home-001"], plans)
    assert found["home-001"].plan.policies["default"].acknowledge_lease == timedelta(minutes=7)


async def test_the_zone_is_the_contracts_default_before_any_community(connection: Connection) -> None:
    assert (await load_zone(connection)).key == "Asia/Shanghai"
    await applied(connection, {"Asia/Shanghai": "Europe/Berlin"})
    assert (await load_zone(connection)).key == "Europe/Berlin"
