"""Applying a community file to a real database."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.contracts.community import parse
from lampkeep.registry.apply import RegistryConflictError, applied_digest, apply
from lampkeep.registry.changes import RegistryBusyError
from support.registry import NOW, applied, example, opened, rows

Connection = AsyncConnection[DictRow]
LATER = NOW + timedelta(hours=1)


async def test_the_first_apply_adds_every_object(connection: Connection) -> None:
    changes = await applied(connection)
    assert changes.lines == [
        "community changed: timezone Asia/Shanghai",
        "area jiangnan-g03 added",
        "area jinhua added",
        "responder duty added",
        "responder jinhua-120 added",
        "responder wang-li added",
        "responder zhang-wei added",
        "roster jiangnan-g03 grid_worker added",
        "policy sos-default added",
        "plan alone-frail added",
        "device door-001 added",
        "device pendant-001 added",
        "device pendant-002 added",
        "device pir-001 added",
        "home home-001 added",
        "home home-002 added",
    ]
    assert changes.summary() == "15 added, 1 changed, 0 removed"


async def test_what_is_stored_is_what_the_file_says(connection: Connection) -> None:
    await applied(connection)
    home = (await rows(connection, "select * from homes where home_id = 'home-001'"))[0]
    assert home["address"] == "江南街道某路1号"
    assert (home["latitude"], home["longitude"]) == (29.08, 119.65)
    assert home["emergency_consent"] is True
    assert home["registered_at"] == NOW
    assert home["suspend"] == [
        {"rules": ["inactivity", "not_up"], "from": "2026-12-01", "until": "2026-12-08", "reason": "hospital"}
    ]
    paths = await rows(connection, "select area_id, path from areas order by area_id")
    assert [row["path"] for row in paths] == [["jinhua", "jiangnan-g03"], ["jinhua"]]
    device = (await rows(connection, "select * from devices where device_id = 'pir-001'"))[0]
    assert (device["account"], device["heartbeat_every"]) == ("gw-001", timedelta(minutes=30))
    pendant = (await rows(connection, "select account from devices where device_id = 'pendant-001'"))[0]
    assert pendant["account"] == "pendant-001"


async def test_applying_the_same_again_changes_nothing(connection: Connection) -> None:
    await applied(connection)
    before = await rows(connection, "select value from settings where key = 'registry_revision'")
    changes = await applied(connection, now=LATER)
    assert not changes
    assert changes.summary() == "nothing changed"
    assert await rows(connection, "select value from settings where key = 'registry_revision'") == before
    assert await rows(connection, "select from homes where version <> 1 or registered_at <> %s", NOW) == []


CHANGES: dict[str, tuple[dict[str, str], list[str]]] = {
    "address": ({"某路1号": "某路2号"}, ["home home-001 changed: address"]),
    "a moved home": ({"[29.08, 119.65]": "[29.09, 119.66]"}, ["home home-001 changed: location"]),
    "consent": ({"emergency_consent: true": "emergency_consent: false"}, ["home home-001 changed: emergency_consent"]),
    "an end of a suspension": ({"2026-12-08": "2026-12-09"}, ["home home-001 changed: suspend"]),
    "a resident": ({"青霉素过敏": "无"}, ["home home-001 changed: residents"]),
    "another resident": (
        {"[{id: li-ming, name: 李明}]": "[{id: li-ming, name: 李明}, {id: li-hua, name: 李华}]"},
        ["home home-002 changed: residents"],
    ),
    "a resident whose name is not kept": (
        {"{id: li-ming, name: 李明}": "{id: li-ming}"},
        ["home home-002 changed: residents"],
    ),
    "a device": ({"place: bathroom": "place: bedroom"}, ["device pir-001 changed: place"]),
    "a channel": ({'secret: "s3cret"': 'secret: "other"'}, ["responder wang-li changed: channels"]),
    "a shift": ({'from: "00:00"': 'from: "08:00"'}, ["roster jiangnan-g03 grid_worker changed: shifts"]),
    "a step": ({"after: 120s": "after: 180s"}, ["policy sos-default changed: steps or acknowledge_lease"]),
    "a threshold": ({"day: 4h": "day: 3h"}, ["plan alone-frail changed: rules or policies"]),
    "an area's name": ({"name: 金华市": "name: 金华"}, ["area jinhua changed: name"]),
    "the zone": ({"Asia/Shanghai": "Asia/Urumqi"}, ["community changed: timezone Asia/Urumqi"]),
}


async def test_only_what_differs_is_said(connection: Connection) -> None:
    await applied(connection)
    said = {name: (await applied(connection, changed, dry_run=True)).lines for name, (changed, _) in CHANGES.items()}
    assert said == {name: lines for name, (_, lines) in CHANGES.items()}
    for changed, _ in CHANGES.values():
        await applied(connection, changed)
        assert not await applied(connection, changed)


async def test_a_duration_spelled_otherwise_is_no_change(connection: Connection) -> None:
    await applied(connection)
    assert not await applied(connection, {"after: 2h": "after: 120m", "heartbeat_every: 30m": "heartbeat_every: 1800s"})


async def test_nothing_personal_is_said(connection: Connection) -> None:
    changes = await applied(connection)
    changes.lines += (await applied(connection, {"张秀英": "张秀兰", "某路1号": "某路9号"})).lines
    text = "\n".join(changes.lines)
    assert not any(word in text for word in ("张", "某路", "139", "138", "s3cret", "http"))


async def test_a_dry_run_says_the_same_and_writes_nothing(connection: Connection) -> None:
    dry = await applied(connection, dry_run=True)
    assert await rows(connection, "select from homes") == []
    assert await rows(connection, "select from settings where key = 'timezone'") == []
    assert (await applied(connection)).lines == dry.lines


WITHOUT_HOME_2 = """\
  - id: home-002
    area: jiangnan-g03
    plan: alone-frail
    residents: [{id: li-ming, name: 李明}]
    devices: [{id: pendant-002, kind: pendant}]
"""


async def test_what_the_file_no_longer_names_stays(connection: Connection) -> None:
    await applied(connection)
    assert not await applied(connection, {WITHOUT_HOME_2: ""})
    assert not await applied(connection, {"      - {id: pendant-001, kind: pendant}\n": ""})
    assert len(await rows(connection, "select from devices")) == 4


@pytest.mark.parametrize(
    "fewer", [{"[{id: li-ming, name: 李明}]": "[]"}, {"[{id: li-ming, name: 李明}]": "[{id: li-hua}]"}]
)
async def test_a_resident_whom_the_file_no_longer_names_stays_until_it_is_pruned(
    connection: Connection, fewer: dict[str, str]
) -> None:
    await applied(connection)
    await applied(connection, fewer)
    kept = "select name from residents where resident_id = 'li-ming'"
    assert await rows(connection, kept) == [{"name": "李明"}]
    assert (await applied(connection, fewer, prune=True)).lines == ["home home-002 changed: residents"]
    assert await rows(connection, kept) == []


async def test_a_resident_needs_no_name(connection: Connection) -> None:
    await applied(connection, {"{id: li-ming, name: 李明}": "{id: li-ming}"})
    assert await rows(connection, "select name from residents where resident_id = 'li-ming'") == [{"name": None}]
    assert not await applied(connection, {"{id: li-ming, name: 李明}": "{id: li-ming}"})


async def test_prune_removes_what_the_file_no_longer_names(connection: Connection) -> None:
    await applied(connection)
    await connection.execute(
        "insert into device_state (device_id, type, home_id, seen_at) values ('pendant-002', 'sos', 'home-002', now())"
    )
    small = {
        WITHOUT_HOME_2: "",
        "  - {id: duty, name: 值班, role: operator, areas: [jinhua]}\n": "",
        "      - {id: pendant-001, kind: pendant}\n": "",
    }
    changes = await applied(connection, small, prune=True)
    assert changes.lines == [
        "home home-002 removed",
        "device pendant-001 removed",
        "responder duty removed",
    ]
    assert await rows(connection, "select from residents where resident_id = 'li-ming'") == []
    assert await rows(connection, "select from device_state") == []
    assert await rows(connection, "select from home_watch where home_id = 'home-002'") == []
    removals = await rows(connection, "select kind, id from removals order by kind, id")
    assert [(row["kind"], row["id"]) for row in removals] == [
        ("device", "pendant-001"),
        ("device", "pendant-002"),
        ("home", "home-002"),
    ]


async def test_pruning_everything_leaves_an_empty_registry(connection: Connection) -> None:
    await applied(connection)
    await apply(connection, parse("lampkeep: v1", "x"), now=LATER, prune=True)
    for table in ("areas", "responders", "rosters", "policies", "plans", "homes", "residents", "devices"):
        assert await rows(connection, f"select from {table}") == []


async def an_active_alert(connection: Connection, home_id: str, **columns: Any) -> None:
    await connection.execute(
        """insert into alerts (alert_id, cause_key, home_id, kind, priority, state, opened_at, last_cause_at, consent,
           policy, progress, closed_at)
           values ('a-1', 'home/x/life', %s, 'sos', 'life', 'open', now(), now(), false, '{}', '{}', %s)""",
        (home_id, columns.get("closed_at")),
    )


async def test_a_home_with_an_active_alert_is_not_pruned_and_nothing_else_happens(connection: Connection) -> None:
    await applied(connection)
    await an_active_alert(connection, "home-002")
    with pytest.raises(RegistryConflictError, match=r"home home-002 .* 1 active alert"):
        await applied(connection, {WITHOUT_HOME_2: "", "某路1号": "某路2号"}, prune=True)
    assert len(await rows(connection, "select from homes where address is distinct from '江南街道某路2号'")) == 2
    await connection.execute("update alerts set closed_at = now()")
    assert "home home-002 removed" in (await applied(connection, {WITHOUT_HOME_2: ""}, prune=True)).lines


async def test_a_device_that_moves_leaves_its_past_behind(connection: Connection) -> None:
    await applied(connection)
    await connection.execute(
        "insert into device_state (device_id, type, home_id, seen_at) values ('pir-001', 'motion', 'home-001', now())"
    )
    pir = "      - {id: pir-001, kind: motion, place: bathroom, account: gw-001, heartbeat_every: 30m}\n"
    moved = {
        pir: "",
        "devices: [{id: pendant-002, kind: pendant}]": "devices: [{id: pendant-002, kind: pendant}, {id: pir-001, "
        "kind: motion, place: bathroom, account: gw-001, heartbeat_every: 30m}]",
    }
    changes = await applied(connection, moved, now=LATER)
    assert changes.lines == ["device pir-001 changed: home"]
    device = (await rows(connection, "select home_id, registered_at from devices where device_id = 'pir-001'"))[0]
    assert device == {"home_id": "home-002", "registered_at": LATER}
    assert await rows(connection, "select from device_state") == []
    assert [row["version"] for row in await rows(connection, "select version from homes order by home_id")] == [2, 2]


async def test_a_resident_who_moves_is_taken_from_the_old_home(connection: Connection) -> None:
    await applied(connection)
    changes = await applied(
        connection,
        {
            "[{id: li-ming, name: 李明}]": "[]",
            "         notes: 青霉素过敏}\n": "         notes: 青霉素过敏}\n      - {id: li-ming, name: 李明}\n",
        },
    )
    assert changes.lines == ["home home-001 changed: residents", "home home-002 changed: residents"]
    resident = (await rows(connection, "select home_id from residents where resident_id = 'li-ming'"))[0]
    assert resident["home_id"] == "home-001"


async def test_two_devices_may_swap_their_zigbee_names(connection: Connection) -> None:
    pir = "account: gw-001, heartbeat_every: 30m"
    await applied(connection, {pir: f"z2m: Hall, {pir}"})
    changes = await applied(connection, {pir: f'z2m: "Front door", {pir}', 'z2m: "Front door"}\n': "z2m: Hall}\n"})
    assert changes.lines == ["device door-001 changed: z2m", "device pir-001 changed: z2m"]


async def test_a_zigbee_name_that_an_unnamed_device_holds_is_refused(connection: Connection) -> None:
    await applied(connection)
    door = '      - {id: door-001, kind: door, place: entrance, account: gw-001, z2m: "Front door"}\n'
    other = '      - {id: door-009, kind: door, place: entrance, account: gw-001, z2m: "Front door"}\n'
    with pytest.raises(RegistryConflictError, match=r"device door-009 .* belongs to device door-001 of home home-001"):
        await applied(connection, {door: other})
    assert (await applied(connection, {door: other}, prune=True)).lines == [
        "device door-001 removed",
        "device door-009 added",
    ]


async def test_an_area_that_moves_takes_unnamed_ones_along(connection: Connection) -> None:
    await applied(connection)
    await connection.execute(
        "insert into areas (area_id, name, parent_id, path) values ('g03-a', 'x', 'jiangnan-g03', array['stale'])"
    )
    root = "  - {id: jinhua, name: 金华市}"
    await applied(connection, {root: "  - {id: zj, name: 浙江}\n  - {id: jinhua, name: 金华市, parent: zj}"})
    path = (await rows(connection, "select path from areas where area_id = 'g03-a'"))[0]["path"]
    assert path == ["zj", "jinhua", "jiangnan-g03", "g03-a"]


async def test_a_new_order_is_kept_and_no_change_to_tell(connection: Connection) -> None:
    await applied(connection)
    first = "      - {id: pendant-001, kind: pendant}\n"
    last = "      - {id: pir-001, kind: motion, place: bathroom, account: gw-001, heartbeat_every: 30m}\n"
    assert not await applied(connection, {first: "", last: last + first})
    found = await rows(connection, "select device_id from devices where home_id = 'home-001' order by position")
    assert [row["device_id"] for row in found] == ["door-001", "pir-001", "pendant-001"]


async def checks(connection: Connection) -> dict[str, Any]:
    found = await rows(connection, "select home_id, next_check_at from home_watch order by home_id")
    return {row["home_id"]: row["next_check_at"] for row in found}


async def test_new_homes_are_watched_at_once(connection: Connection) -> None:
    await applied(connection)
    assert await checks(connection) == {"home-001": NOW, "home-002": NOW}


WATCHED: dict[str, tuple[dict[str, str], set[str]]] = {
    "plan": ({"day: 4h": "day: 3h"}, {"home-001", "home-002"}),
    "zone": ({"Asia/Shanghai": "Asia/Urumqi"}, {"home-001", "home-002"}),
    "device": ({"place: bathroom": "place: bedroom"}, {"home-001"}),
    "suspension": ({"2026-12-08": "2026-12-09"}, {"home-001"}),
    "responder": ({'secret: "s3cret"': 'secret: "x"'}, set()),
}


async def test_homes_whose_thresholds_changed_are_looked_at_at_once(connection: Connection) -> None:
    far = NOW + timedelta(days=1)
    for replaced, woken in WATCHED.values():
        await applied(connection)
        await connection.execute("update home_watch set next_check_at = %s", (far,))
        await applied(connection, replaced, now=LATER)
        found = await checks(connection)
        assert {home_id for home_id, at in found.items() if at == LATER} == woken
        assert {home_id for home_id, at in found.items() if at == far} == set(found) - woken


async def test_a_check_that_is_due_sooner_is_not_put_off(connection: Connection) -> None:
    await applied(connection)
    await applied(connection, {"day: 4h": "day: 3h"}, now=LATER)
    assert await checks(connection) == {"home-001": NOW, "home-002": NOW}


async def test_the_digest_of_the_file_is_kept_with_it(connection: Connection) -> None:
    assert await applied_digest(connection) is None
    await applied(connection, digest="abc")
    assert await applied_digest(connection) == "abc"
    await applied(connection, digest="def", dry_run=True)
    assert await applied_digest(connection) == "abc"


async def test_services_are_told_after_the_commit(connection: Connection, database_url: str) -> None:
    async with opened(database_url) as listener:
        await listener.execute("listen lampkeep_registry")
        await applied(connection)
        assert [note.channel async for note in listener.notifies(timeout=5, stop_after=1)] == ["lampkeep_registry"]
        await applied(connection)
        assert [note.channel async for note in listener.notifies(timeout=0.2)] == []


async def test_a_second_writer_waits_for_the_first_and_no_longer_than_it_should(
    connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lampkeep.registry.write.WAIT_FOR_WRITER", "100ms")
    async with opened(database_url) as other, other.transaction():
        await other.execute("select from settings where key = 'registry_revision' for update")
        with pytest.raises(RegistryBusyError):
            await applied(connection)
    assert await applied(connection)


async def test_a_plan_that_asks_for_more_than_this_release_watches_is_told_so(connection: Connection) -> None:
    changes = await applied(connection, {"not_up: {by:": "visit_overdue: true\n      not_up: {by:"})
    assert changes.notes == ["plan alone-frail: rules.visit_overdue is accepted, but not watched by this release"]


async def test_a_community_of_one_home_is_a_few_statements(connection: Connection) -> None:
    """A file of the same text under another name is the same community."""
    await apply(connection, example(), now=NOW)
    assert not await apply(connection, example(), now=LATER, prune=True)
