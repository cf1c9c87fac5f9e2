"""The community file: what is right is read, what is wrong is told by line and field."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from lampkeep.contracts.community import (
    Community,
    CommunityError,
    homes_for_domain,
    parse,
    plans_for_domain,
    read_file,
)
from lampkeep.contracts.community.mistakes import MOST
from lampkeep.contracts.community.values import not_watched
from lampkeep.domain.policy import choose
from lampkeep.domain.vocabulary import AlertKind, DeviceKind, Role
from support.registry import EXAMPLE, NOW, example
from support.wrong_communities import WRONG


def told(text: str | bytes) -> list[str]:
    with pytest.raises(CommunityError) as caught:
        parse(text, "FILE")
    return str(caught.value).splitlines()


def test_there_are_enough_wrong_files() -> None:
    assert len(WRONG) >= 60


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_names_file_line_and_field(case: str) -> None:
    wrong = WRONG[case]
    where = f"FILE:{wrong.line}: {wrong.field}: " if wrong.field else f"FILE:{wrong.line}: "
    lines = told(wrong.text)
    assert any(line.startswith(where) and wrong.message in line for line in lines), (where, wrong.message, lines)


def test_the_contracts_own_words() -> None:
    text = EXAMPLE.replace("kind: motion", 'kind: "pir"')
    kinds = "pendant, door, motion, presence, smoke, gas, gateway, button"
    assert told(text) == [f'FILE:53: homes[0].devices[2].kind: "pir" is none of {kinds}']


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines() -> None:
    text = EXAMPLE
    for old, new in (("by: ", "bye: "), ("parent: jinhua", "parent: x"), ("born: 1941", "born: 19")):
        text = text.replace(old, new)
    assert [line.split(": ")[0] for line in told(text)] == ["FILE:5", "FILE:33", "FILE:46"]


def test_references_are_checked_in_a_file_with_wrong_objects() -> None:
    lines = told(EXAMPLE.replace("kind: motion", "kind: pir").replace("parent: jinhua", "parent: x"))
    assert len(lines) == 2
    assert any("areas[1].parent" in line for line in lines)


def test_a_wrong_object_is_not_missing_too() -> None:
    assert len(told(EXAMPLE.replace("name: 王丽", "name: 12"))) == 1


def test_a_flood_of_mistakes_is_cut_and_counted() -> None:
    areas = "".join(f"  - {{id: A{n}, name: x}}\n" for n in range(MOST + 25))
    lines = told(f"areas:\n{areas}")
    assert len(lines) == MOST + 1
    assert lines[-1] == "FILE: and 25 more mistakes"


def test_the_example_of_the_contract_is_right() -> None:
    community = example()
    home = community.homes[0]
    assert community.zone.key == "Asia/Shanghai"
    assert home.location == (29.08, 119.65)
    assert home.residents[0].born == date(1941, 3, 2)
    assert home.suspend[0].until == date(2026, 12, 8)
    assert home.devices[0].speaks_as == "pendant-001"
    assert home.devices[2].heartbeat_every == timedelta(minutes=30)
    assert home.devices[1].kind is DeviceKind.DOOR
    assert community.policies[0].steps[1].to == (Role.FAMILY,)


def test_everything_that_is_not_required_has_the_contracts_default() -> None:
    community = parse(
        """
areas: [{id: a, name: A}]
responders: [{id: w, name: W, role: neighbour}]
rosters: [{area: a, role: neighbour, shifts: [{responders: [w]}]}]
policies: [{id: p, steps: [{to: [family]}]}]
plans: [{id: q}]
homes: [{id: h, area: a, plan: q, residents: [{id: r, name: R}], devices: [{id: d, kind: door}]}]
""",
        "FILE",
    )
    assert community.timezone == "Asia/Shanghai"
    assert community.responders[0].areas == ()
    shift = community.rosters[0].shifts[0]
    assert (shift.days, shift.from_, shift.to) == (("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "00:00", "24:00")
    policy = community.policies[0]
    assert (policy.steps[0].after, policy.steps[0].deliver_within) == (timedelta(0), timedelta(seconds=5))
    assert policy.steps[0].repeat_every is None
    assert policy.acknowledge_lease == timedelta(minutes=5)
    assert community.plans[0].body() == {"rules": {}, "policies": {}}
    assert community.homes[0].emergency_consent is False


def test_a_resident_needs_no_name() -> None:
    home = parse(
        "areas: [{id: a, name: A}]\nplans: [{id: q}]\nhomes: [{id: h, area: a, plan: q, residents: [{id: r}]}]", "F"
    )
    assert home.homes[0].residents[0].name is None


def test_a_list_with_nothing_after_its_key_is_empty() -> None:
    community = parse(
        """
areas: [{id: a, name: A}]
responders: [{id: w, name: W, role: neighbour, areas: , channels: }]
rosters:
policies:
plans: [{id: q}]
homes:
  - id: h
    area: a
    plan: q
    residents:
    family:
    suspend:
    devices:
""",
        "FILE",
    )
    home = community.homes[0]
    assert (community.rosters, community.policies, community.responders[0].channels) == ((), (), ())
    assert (home.residents, home.family, home.suspend, home.devices) == ((), (), (), ())


def test_a_list_that_is_required_is_missed_where_nothing_follows_its_key() -> None:
    assert told("policies: [{id: p, steps: }]") == ["FILE:1: policies[0].steps: is missing"]


def test_a_community_may_be_empty() -> None:
    assert parse("lampkeep: v1\n", "FILE") == Community()


RIGHT = {
    "a whole day": ('from: "00:00", to: "24:00"', 'from: "07:00", to: "24:00"'),
    "an overnight shift": ('from: "00:00", to: "24:00"', 'from: "22:00", to: "06:00"'),
    "hours over midnight": ("07:00-22:00", "22:00-06:00"),
    "steps at one instant": ("after: 60s", "after: 120s"),
    "a webhook over https": ("http://127.0.0.1:9099/hook", "https://hooks.example.org/a?b=c"),
    "a short number": ('"+8613900000000"', '"120"'),
    "a number with an extension": ('"+8613900000000"', '"0579-82300000转8001"'),
    "sos written out": ("      not_up", "      sos: true\n      not_up"),
    "a rule that is off": ("not_up: {by:", "tamper: false\n      not_up: {by:"),
    "a rule with its defaults": ("not_up: {by:", "tamper: true\n      not_up: {by:"),
    "a cancel among the rules": ("not_up: {by:", "sos_cancel: allow\n      not_up: {by:"),
    "a cancel in the plan": ("    policies: {default", "    sos_cancel: allow\n    policies: {default"),
    "a rule of a later release": ("not_up: {by:", "missed_checkin: {by: '20:00'}\n      not_up: {by:"),
    "a prompt": ("day_hours:", "at_rest: 14h, prompt: 5m, day_hours:"),
    "away": ("not_up: {by:", "away: {settle: 5m}\n      not_returned: {after: 12h}\n      not_up: {by:"),
    "policies by kind and priority": ("{default: sos-default}", "{sos: sos-default, technical: sos-default}"),
    "text that YAML 1.1 takes for something else": ("name: 王丽", "name: on"),
    "a time without quotes": ('by: "09:30"', "by: 09:30"),
    "notes of several lines": ("notes: 青霉素过敏", 'notes: "a\\nb"'),
    "a place in Chinese": ("place: bathroom", "place: 卫生间"),
    "a Zigbee name with a slash": ('z2m: "Front door"', "z2m: living/door"),
    "a suspension without a beginning": ('from: "2026-12-01", until', "until"),
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_the_contract_allows_is_accepted(case: str) -> None:
    old, new = RIGHT[case]
    assert len(example({old: new}).homes) == 2


def test_an_alias_stands_for_what_it_names() -> None:
    text = EXAMPLE.replace("suspend: [{", "suspend: &rest [{").replace(
        "devices: [{id: pendant-002", "suspend: *rest\n    devices: [{id: pendant-002"
    )
    community = parse(text, "FILE")
    assert community.homes[1].suspend == community.homes[0].suspend != ()


def test_a_file_may_begin_with_a_byte_order_mark_and_end_its_lines_with_crlf() -> None:
    assert parse(b"\xef\xbb\xbf" + EXAMPLE.replace("\n", "\r\n").encode(), "FILE") == example()


def test_bytes_that_are_no_utf_8_are_told_with_their_line() -> None:
    assert told(EXAMPLE.encode().replace("王丽".encode(), "王丽".encode("gb18030"))) == ["FILE:8: is not UTF-8 here"]


@pytest.mark.parametrize("text", ["", "\n# nothing\n", "null", "---\n..."])
def test_a_file_that_holds_nothing_is_wrong(text: str) -> None:
    assert told(text) == ["FILE:1: holds nothing"]


@pytest.mark.parametrize("text", ["[a]", "text", "12"])
def test_a_file_is_a_mapping(text: str) -> None:
    assert "must be a mapping" in told(text)[0]


def test_a_file_that_cannot_be_read_is_told_so(tmp_path: Path) -> None:
    missing = tmp_path / "no.yaml"
    with pytest.raises(CommunityError, match=r"no\.yaml: No such file"):
        read_file(missing)


def test_a_plan_becomes_the_domains_with_its_policies() -> None:
    plan = plans_for_domain(example())["alone-frail"]
    assert [rule.kind for rule in plan.rules] == [
        AlertKind.INACTIVITY,
        AlertKind.NOT_UP,
        AlertKind.DOOR_LEFT_OPEN,
        AlertKind.DEVICE_SILENT,
        AlertKind.LOW_BATTERY,
    ]
    assert choose(dict(plan.policies), AlertKind.SOS).policy_id == "sos-default"
    assert not plan.sos_cancel_allowed


@pytest.mark.parametrize("case", ["a cancel among the rules", "a cancel in the plan"])
def test_a_cancel_may_be_allowed_in_the_plan_or_among_its_rules(case: str) -> None:
    assert plans_for_domain(example(dict([RIGHT[case]])))["alone-frail"].sos_cancel_allowed


def test_what_this_release_does_not_watch_is_known_and_left_out() -> None:
    community = example({"not_up: {by:": "visit_overdue: true\n      not_up: {by:"})
    assert not_watched(community.plans[0].body()) == [("visit_overdue",)]
    plan = plans_for_domain(community)["alone-frail"]
    assert plan.rules == plans_for_domain(example())["alone-frail"].rules


def test_homes_become_the_domains_with_their_devices_and_suspensions() -> None:
    (home, plan), (other, same_plan) = homes_for_domain(example(), registered_at=NOW)
    assert plan is same_plan
    assert [device.account for device in home.devices] == ["pendant-001", "gw-001", "gw-001"]
    assert home.registered_at == home.devices[0].registered_at == NOW
    assert home.suspensions[0].rules == {"inactivity", "not_up"}
    assert home.suspensions[0].reason == "hospital"
    assert other.suspensions == ()


def test_a_suspension_without_a_beginning_has_always_been() -> None:
    community = example({'from: "2026-12-01", until': "until"})
    suspension = homes_for_domain(community, registered_at=datetime.now(UTC))[0][0].suspensions[0]
    assert suspension.from_day == date.min
