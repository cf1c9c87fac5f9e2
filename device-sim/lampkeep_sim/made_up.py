"""A made-up community of any size, in the form of the community file. Nobody in it exists.

Homes come in three kits, so that every way into the system is walked: devices that connect by themselves, a gateway
that speaks the contract for its sensors, and a Zigbee2MQTT bridge. Pendants always connect by themselves.
"""

import io
import random
from datetime import date, timedelta
from typing import Any

from ruamel.yaml import YAML

HOMES_PER_GRID = 20
"""One grid worker looks after a few dozen homes; twenty keep a made-up map readable."""

_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗"
_GIVEN = (
    "秀英",
    "桂兰",
    "淑珍",
    "凤英",
    "玉兰",
    "秀兰",
    "美娟",
    "月仙",
    "国强",
    "建国",
    "德明",
    "福生",
    "志明",
    "阿土",
)
_TRAITS = ("advanced_age", "disabled", "chronic_illness", "no_children_nearby")
_NOTES = ("青霉素过敏", "听力差，请敲门", "心脏支架术后", "糖尿病", "行走需助行器")
_STREETS = ("八一南街", "丹溪路", "李渔路", "宾虹路", "双龙南街")


def made_up(homes: int, seed: int, *, hook: str, secret: str, quick: bool = False) -> dict[str, Any]:
    """Return a community of `homes` homes as the object of the community file.

    `hook` is the webhook URL of everybody in it. `quick` steps go 0, 20, 40 s instead of 0, 60, 120.
    """
    rng = random.Random(f"{seed}/community")
    channels = [{"kind": "webhook", "url": hook, "secret": secret}]
    grids = [f"jiangnan-g{number + 1:02d}" for number in range(max(1, -(-homes // HOMES_PER_GRID)))]
    made = [_home(number, grids, rng) for number in range(homes)]
    responders = _responders(grids, channels, rng)
    responders += [_relative(home, channels, rng) for home in made if home["family"]]
    return {
        "lampkeep": "v1",
        "timezone": "Asia/Shanghai",
        "areas": _areas(grids),
        "responders": responders,
        "policies": [_policy("sos-default", quick=quick), _policy("welfare", quick=quick)],
        "plans": _plans(),
        "homes": made,
    }


def as_yaml(community: dict[str, Any]) -> str:
    """Return the text of a community file."""
    out = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None
    yaml.allow_unicode = True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 200
    yaml.representer.ignore_aliases = lambda *_: True  # a person edits this file: no anchors in it
    yaml.dump(community, out)
    return out.getvalue()


def _areas(grids: list[str]) -> list[dict[str, Any]]:
    above = [
        {"id": "jinhua", "name": "金华市"},
        {"id": "wucheng", "name": "婺城区", "parent": "jinhua"},
        {"id": "jiangnan", "name": "江南街道", "parent": "wucheng"},
    ]
    return above + [
        {"id": grid, "name": f"江南街道第{number + 1}网格", "parent": "jiangnan"} for number, grid in enumerate(grids)
    ]


def _responders(grids: list[str], channels: list[dict[str, str]], rng: random.Random) -> list[dict[str, Any]]:
    people: list[dict[str, Any]] = []
    for number, grid in enumerate(grids, start=1):
        for role, name in (("grid_worker", "worker"), ("neighbour", "neighbour"), ("volunteer", "volunteer")):
            people.append(_person(f"{name}-{number:02d}", role, rng, channels, areas=[grid]))
    people.append(_person("duty-1", "operator", rng, channels, areas=["jinhua"]))
    people.append(_person("duty-2", "supervisor", rng, channels, areas=["jinhua"]))
    line = {"id": "jinhua-120", "name": "金华120", "role": "emergency_line", "areas": ["jinhua"], "channels": channels}
    return [*people, line]


def _person(
    responder_id: str, role: str, rng: random.Random, channels: list[dict[str, str]], *, areas: list[str]
) -> dict[str, Any]:
    person: dict[str, Any] = {"id": responder_id, "name": _name(rng), "role": role}
    if areas:
        person["areas"] = areas
    return person | {"phone": _phone(rng), "channels": channels}


def _relative(home: dict[str, Any], channels: list[dict[str, str]], rng: random.Random) -> dict[str, Any]:
    return _person(home["family"][0], "family", rng, channels, areas=[])


def _policy(policy_id: str, *, quick: bool) -> dict[str, Any]:
    after = ("0s", "20s", "40s") if quick else ("0s", "60s", "120s")
    repeat = "10s" if quick else "30s"
    steps = [
        {"to": ["grid_worker"], "after": after[0], "deliver_within": "5s", "repeat_every": repeat},
        {"to": ["family", "neighbour"], "after": after[1], "deliver_within": "5s", "repeat_every": repeat},
        {"to": ["emergency_line"], "after": after[2], "deliver_within": "5s"},
    ]
    return {
        "id": policy_id,
        "steps": steps if policy_id == "sos-default" else steps[:2],
        "acknowledge_lease": "2m" if quick else "5m",
    }


def _plans() -> list[dict[str, Any]]:
    frail = {
        "inactivity": {"day": "4h", "night": "10h", "day_hours": "07:00-22:00"},
        "not_up": {"by": "09:30"},
        "door_left_open": {"for": "30m"},
        "device_silent": {"after": "2h"},
        "low_battery": {"below": 15},
        "tamper": True,
    }
    well = {
        "inactivity": {"day": "8h", "night": "12h", "day_hours": "07:00-22:00"},
        "device_silent": {"after": "6h"},
        "low_battery": {"below": 15},
    }
    policies = {"welfare": "welfare", "default": "sos-default"}
    return [
        {"id": "alone-frail", "rules": frail, "policies": policies},
        {"id": "alone-well", "rules": well, "policies": policies},
    ]


def _home(number: int, grids: list[str], rng: random.Random) -> dict[str, Any]:
    home = f"home-{number + 1:04d}"
    traits = ["lives_alone", *rng.sample(_TRAITS, rng.choice((0, 1, 1, 2)))]
    resident: dict[str, Any] = {
        "id": f"resident-{number + 1:04d}",
        "name": _name(rng),
        "born": date(1930, 1, 1) + timedelta(days=rng.randrange(365 * 24)),
        "phone": _phone(rng),
        "traits": traits,
    }
    if rng.random() < 0.5:
        resident["notes"] = rng.choice(_NOTES)
    return {
        "id": home,
        "area": grids[number // HOMES_PER_GRID],
        "address": _address(rng),
        "location": [round(29.08 + rng.gauss(0, 0.015), 5), round(119.65 + rng.gauss(0, 0.02), 5)],
        "plan": "alone-frail" if rng.random() < 0.6 else "alone-well",
        "emergency_consent": rng.random() < 0.8,
        "residents": [resident],
        "family": [f"family-{number + 1:04d}"] if rng.random() < 0.75 else [],
        "devices": _devices(f"{number + 1:04d}", number % 3, rng),
    }


def _devices(tail: str, kit: int, rng: random.Random) -> list[dict[str, Any]]:
    devices: list[dict[str, Any]] = [{"id": f"pendant-{tail}", "kind": "pendant"}]
    sensors = [
        ("door", "entrance", "front_door"),
        ("motion", "bathroom", "bathroom_motion"),
        ("motion", "living-room", "living_room_motion"),
        ("presence", "bedroom", "bed_mat"),
    ]
    if rng.random() < 0.6:
        sensors.append(("motion", "kitchen", "kitchen_motion"))
    if rng.random() < 0.4:
        sensors.append(("smoke", "kitchen", "kitchen_smoke"))
    if rng.random() < 0.3:
        sensors.append(("button", "bedroom", "bedside_button"))
    behind: dict[str, str] = {}
    if kit:
        behind = {"account": f"gw-{tail}"}
        devices.append({"id": f"gw-{tail}", "kind": "gateway"})
    for kind, place, name in sensors:
        zigbee = {"z2m": name} if kit == 2 else {}
        devices.append({"id": f"{kind}-{place}-{tail}", "kind": kind, "place": place, **behind, **zigbee})
    return devices


def _address(rng: random.Random) -> str:
    street, house = rng.choice(_STREETS), rng.randrange(1, 400)
    return f"江南街道{street}{house}号{rng.randrange(1, 7)}0{rng.randrange(1, 4)}室"


def _name(rng: random.Random) -> str:
    return rng.choice(_SURNAMES) + rng.choice(_GIVEN)


def _phone(rng: random.Random) -> str:
    return f"+861380000{rng.randrange(10_000):04d}"
