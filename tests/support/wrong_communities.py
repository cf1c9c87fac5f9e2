"""Wrong community files: what is replaced in the example, and the line, field and words that must be told."""

from typing import NamedTuple

from support.registry import EXAMPLE


class Wrong(NamedTuple):
    """`old` of the example becomes `new`; the mistake is told on the line where `at` stands in the result."""

    old: str
    new: str
    field: str
    message: str
    at: str = ""

    @property
    def text(self) -> str:
        """The wrong file."""
        assert self.old in EXAMPLE, self.old
        return EXAMPLE.replace(self.old, self.new, 1)

    @property
    def line(self) -> int:
        """Where the mistake must be told, from 1."""
        text, mark = self.text, self.at or self.new
        assert mark in text, mark
        return text[: text.index(mark)].count("\n") + mark[: len(mark) - len(mark.lstrip("\n"))].count("\n") + 1


DOOR = '{id: door-001, kind: door, place: entrance, account: gw-001, z2m: "Front door"}'
PIR = "{id: pir-001, kind: motion, place: bathroom, account: gw-001, heartbeat_every: 30m}"
RULES = "      low_battery: {below: 15}\n"
RESIDENT = "{id: li-ming, name: 李明}"
CHANNEL = '{kind: webhook, url: "http://127.0.0.1:9099/hook", secret: "s3cret"}'
SHIFT = '{responders: [wang-li], days: [mon, tue, wed, thu, fri, sat, sun], from: "00:00", to: "24:00"}'
STEP = "{to: [family], after: 60s, deliver_within: 5s, repeat_every: 30s}"
SUSPEND = '{rules: [inactivity, not_up], from: "2026-12-01", until: "2026-12-08", reason: hospital}'
HOME = "homes[0]"
PLAN = "plans[0].rules"


def rule(text: str, field: str, message: str) -> Wrong:
    """A further rule of the plan that is wrong."""
    return Wrong(RULES, f"{RULES}      {text}\n", f"{PLAN}.{field}", message, at=text)


WRONG: dict[str, Wrong] = {
    # the whole
    "version": Wrong("lampkeep: v1", "lampkeep: v2", "lampkeep", '"v2" is none of v1'),
    "zone": Wrong("Asia/Shanghai", "Asia/Sanghai", "timezone", "is no IANA time zone"),
    "zone as a path": Wrong("Asia/Shanghai", "../../etc/passwd", "timezone", "is no IANA time zone"),
    "zone as a folder": Wrong("Asia/Shanghai", "Asia", "timezone", "is no IANA time zone"),
    "section": Wrong("rosters:", "roster:", "roster", "unknown key: did you mean rosters?"),
    "list": Wrong("areas:\n", "areas: none\nx:\n", "areas", "must be a list, not text", at="areas: none"),
    "empty section": Wrong("timezone: Asia/Shanghai", "plans:", "plans", "stands twice", at="plans:\n  - id"),
    # areas
    "area id": Wrong("id: jinhua,", "id: Jinhua,", "areas[0].id", '"Jinhua" is no id'),
    "area id too long": Wrong("id: jinhua,", f"id: {'x' * 64},", "areas[0].id", "is no id"),
    "area id of a hyphen": Wrong("id: jinhua,", "id: -x,", "areas[0].id", "is no id"),
    "area id as a number": Wrong(
        "id: jinhua,", "id: 33,", "areas[0].id", "must be text, not a number: put it in quotes"
    ),
    "area name": Wrong("{id: jinhua, name: 金华市}", "{id: jinhua}", "areas[0].name", "is missing"),
    "area name empty": Wrong("name: 金华市", 'name: " "', "areas[0].name", "must not be empty"),
    "area twice": Wrong(
        "  - {id: jinhua, name: 金华市}\n",
        "  - {id: jinhua, name: 金华市}\n  - {id: jinhua, name: x}\n",
        "areas[1].id",
        "stands twice, first at areas[0]",
        at="  - {id: jinhua, name: x}",
    ),
    "area parent": Wrong("parent: jinhua", "parent: jinhau", "areas[1].parent", '"jinhau" is no area of this file'),
    "area its own parent": Wrong(
        "parent: jinhua", "parent: jiangnan-g03", "areas[1].parent", "goes in a circle: jiangnan-g03 > jiangnan-g03"
    ),
    "area circle": Wrong(
        "{id: jinhua, name: 金华市}",
        "{id: jinhua, name: 金华市, parent: jiangnan-g03}",
        "areas[0].parent",
        "in a circle",
    ),
    # responders
    "role": Wrong(
        "    role: grid_worker\n    areas",
        "    role: gridworker\n    areas",
        "responders[0].role",
        "is none of grid_worker",
        at="    role: gridworker",
    ),
    "responder name": Wrong("    name: 王丽\n", "", "responders[0].name", "is missing", at="  - id: wang-li"),
    "responder area": Wrong(
        "areas: [jiangnan-g03]", "areas: [jiangnan-g04]", "responders[0].areas[0]", "is no area of this file"
    ),
    "responder area twice": Wrong(
        "areas: [jiangnan-g03]",
        "areas: [jinhua, jinhua]",
        "responders[0]",
        'areas names "jinhua" twice',
        at="  - id: wang-li",
    ),
    "phone as a number": Wrong('"+8613900000000"', "+8613900000000", "responders[0].phone", "put it in quotes"),
    "phone": Wrong('"+8613900000000"', '"call me"', "responders[0].phone", '"call me" is no telephone number'),
    "channel kind": Wrong(
        CHANNEL, '{kind: pigeon, url: "http://x"}', "responders[0].channels[0].kind", "is none of webhook"
    ),
    "channel of a later release": Wrong(
        CHANNEL, '{kind: sms, url: "http://x"}', "responders[0].channels[0].kind", "are not in this release"
    ),
    "channel without url": Wrong(CHANNEL, "{kind: webhook}", "responders[0].channels[0].url", "is missing"),
    "channel url": Wrong(
        CHANNEL,
        '{kind: webhook, url: "ftp://x/y"}',
        "responders[0].channels[0].url",
        "is no http:// or https:// address",
    ),
    "channel url without host": Wrong(
        CHANNEL, '{kind: webhook, url: "http:///y"}', "responders[0].channels[0].url", "is no http:// or https://"
    ),
    "channel port": Wrong(
        CHANNEL, '{kind: webhook, url: "http://x:99999/"}', "responders[0].channels[0].url", "is no http:// or https://"
    ),
    "channel key": Wrong(
        CHANNEL,
        '{kind: webhook, url: "http://x", secrets: y}',
        "responders[0].channels[0].secrets",
        "did you mean secret?",
    ),
    "empty secret": Wrong(
        CHANNEL, '{kind: webhook, url: "http://x", secret: ""}', "responders[0].channels[0].secret", "must not be empty"
    ),
    # rosters
    "roster area": Wrong("  - area: jiangnan-g03\n", "  - area: x\n", "rosters[0].area", '"x" is no area of this file'),
    "roster person": Wrong(
        SHIFT, "{responders: [wang-lu]}", "rosters[0].shifts[0].responders[0]", '"wang-lu" is no responder of this file'
    ),
    "roster role": Wrong(
        SHIFT,
        "{responders: [zhang-wei]}",
        "rosters[0].shifts[0].responders[0]",
        '"zhang-wei" is family, not grid_worker',
    ),
    "roster twice": Wrong(
        "policies:\n",
        f"  - {{area: jiangnan-g03, role: grid_worker, shifts: [{SHIFT}]}}\npolicies:\n",
        "rosters[1]",
        '"grid_worker of jiangnan-g03" stands twice, first at rosters[0]',
        at="  - {area: jiangnan-g03, role",
    ),
    "shift of nobody": Wrong(SHIFT, "{responders: []}", "rosters[0].shifts[0].responders", "must name at least one"),
    "shift day": Wrong(
        SHIFT, "{responders: [wang-li], days: [monday]}", "rosters[0].shifts[0].days[0]", '"monday" is none of mon, tue'
    ),
    "shift hour": Wrong(
        SHIFT, '{responders: [wang-li], from: "25:00"}', "rosters[0].shifts[0].from", "25:00 is no time of day"
    ),
    "shift begins at 24:00": Wrong(
        SHIFT, '{responders: [wang-li], from: "24:00"}', "rosters[0].shifts[0].from", "is no time of day"
    ),
    "shift hour of one digit": Wrong(
        SHIFT, '{responders: [wang-li], to: "8:00"}', "rosters[0].shifts[0].to", "is no time of day"
    ),
    "empty shift": Wrong(
        SHIFT, '{responders: [wang-li], from: "08:00", to: "08:00"}', "rosters[0].shifts[0]", "begins and ends at 08:00"
    ),
    "shift person twice": Wrong(
        SHIFT, "{responders: [wang-li, wang-li]}", "rosters[0].shifts[0]", 'responders names "wang-li" twice'
    ),
    # policies
    "no steps": Wrong(
        "policies:\n  - id: sos-default",
        "policies:\n  - {id: none, steps: []}\n  - id: sos-default",
        "policies[0].steps",
        "must name at least one",
        at="  - {id: none",
    ),
    "steps missing": Wrong(
        "policies:\n  - id: sos-default",
        "policies:\n  - id: none\n  - id: sos-default",
        "policies[0].steps",
        "is missing",
        at="  - id: none",
    ),
    "step to nobody": Wrong(STEP, "{after: 60s}", "policies[0].steps[1].to", "is missing"),
    "step role": Wrong(STEP, "{to: [son], after: 60s}", "policies[0].steps[1].to[0]", '"son" is none of grid_worker'),
    "step as text": Wrong(STEP, "{to: family, after: 60s}", "policies[0].steps[1].to", "must be a list, not text"),
    "duration without unit": Wrong(
        STEP, "{to: [family], after: 60}", "policies[0].steps[1].after", "60 is no duration"
    ),
    "duration of days": Wrong(STEP, "{to: [family], after: 1d}", "policies[0].steps[1].after", "is no duration"),
    "negative duration": Wrong(STEP, "{to: [family], after: -5s}", "policies[0].steps[1].after", "is no duration"),
    "huge duration": Wrong(
        STEP, "{to: [family], after: 999999999h}", "policies[0].steps[1].after", "is longer than 366 days"
    ),
    "no time to deliver": Wrong(
        STEP,
        "{to: [family], after: 60s, deliver_within: 0s}",
        "policies[0].steps[1].deliver_within",
        "longer than nothing",
    ),
    "steps out of order": Wrong(
        STEP, "{to: [family], after: 180s}", "policies[0]", "step 3 comes before step 2", at="  - id: sos-default"
    ),
    "step key": Wrong(
        STEP, "{to: [family], afer: 60s}", "policies[0].steps[1].afer", "unknown key: did you mean after?"
    ),
    "lease": Wrong(
        "acknowledge_lease: 5m", "acknowledge_lease: 5", "policies[0].acknowledge_lease", "5 is no duration"
    ),
    # plans
    "unknown rule": rule("insomnia: true", "insomnia", "unknown key; there are away, device_silent"),
    "rule misspelled": rule("not_upp: true", "not_upp", "unknown key: did you mean not_up?"),
    "rule as text": rule("tamper: on", "tamper", "must be true or a mapping of its parameters, not text"),
    "rule as nothing": rule("tamper:", "tamper", "must be true or a mapping of its parameters, not nothing"),
    "urgent rule off": rule("smoke: false", "smoke", "is always on and cannot be switched off"),
    "urgent rule with parameters": rule("sos: {prompt: 5m}", "sos", "is always on and takes no parameters"),
    "sos_cancel": rule("sos_cancel: yes", "sos_cancel", '"yes" is none of allow'),
    "rule parameter": rule("overstay: {fur: 1h}", "overstay.fur", "unknown key: did you mean for?"),
    "no day": Wrong("day: 4h", "day: 0s", f"{PLAN}.inactivity.day", "must be longer than nothing"),
    "negative day": Wrong("day: 4h", "day: -1h", f"{PLAN}.inactivity.day", "is no duration"),
    "empty day": Wrong("07:00-22:00", "07:00-07:00", f"{PLAN}.inactivity.day_hours", "07:00-07:00 is empty"),
    "day hours": Wrong("07:00-22:00", "7-22", f"{PLAN}.inactivity.day_hours", "is no time of day"),
    "by": Wrong('by: "09:30"', 'by: "25:00"', f"{PLAN}.not_up.by", "25:00 is no time of day"),
    "by as a number": Wrong('by: "09:30"', "by: 930", f"{PLAN}.not_up.by", "930 is no time of day"),
    "by and from": Wrong('by: "09:30"', 'by: "09:30", from: "09:30"', f"{PLAN}.not_up.from", "the same time as `by`"),
    "below": Wrong("below: 15", "below: 120", f"{PLAN}.low_battery.below", "120 is more than 99"),
    "below as text": Wrong("below: 15", 'below: "15"', f"{PLAN}.low_battery.below", "must be a whole number"),
    "below a half": Wrong("below: 15", "below: 15.5", f"{PLAN}.low_battery.below", "must be a whole number, not 15.5"),
    "below yes": Wrong("below: 15", "below: true", f"{PLAN}.low_battery.below", "must be a whole number, not true"),
    "places": Wrong("{for: 30m}", "{for: 30m, places: []}", f"{PLAN}.door_left_open.places", "must name at least one"),
    "prompt of a technical rule": Wrong(
        "{after: 2h}", "{after: 2h, prompt: 5m}", f"{PLAN}.device_silent.prompt", "unknown key"
    ),
    "policy": Wrong(
        "{default: sos-default}", "{default: sos}", "plans[0].policies.default", '"sos" is no policy of this file'
    ),
    "policy key": Wrong(
        "{default: sos-default}", "{urgent: sos-default}", "plans[0].policies.urgent", "is none of default, life"
    ),
    # homes
    "home area": Wrong(
        "    area: jiangnan-g03\n    address",
        "    area: g03\n    address",
        "homes[0].area",
        '"g03" is no area',
        at="    area: g03",
    ),
    "home without area": Wrong(
        "    area: jiangnan-g03\n    address", "    address", "homes[0].area", "is missing", at="  - id: home-001"
    ),
    "home plan": Wrong(
        "    plan: alone-frail\n    em", "    plan: x\n    em", "homes[0].plan", '"x" is no plan', at="    plan: x"
    ),
    "home twice": Wrong(
        "id: home-002",
        "id: home-001",
        "homes[1].id",
        "stands twice, first at homes[0]",
        at="  - id: home-001\n    area: jiangnan-g03\n    plan",
    ),
    "latitude": Wrong(
        "[29.08, 119.65]", "[119.65, 29.08]", "homes[0].location", "latitude 119.65 is not between -90 and 90"
    ),
    "longitude": Wrong("[29.08, 119.65]", "[29.08, 181]", "homes[0].location", "longitude 181 is not between"),
    "location nan": Wrong("[29.08, 119.65]", "[.nan, 1]", "homes[0].location", "latitude nan is not between"),
    "location of one": Wrong(
        "[29.08, 119.65]", "[29.08]", "homes[0].location", "must be [latitude, longitude] in degrees"
    ),
    "location as text": Wrong("[29.08, 119.65]", '["29.08", "119.65"]', "homes[0].location", "must be [latitude"),
    "consent": Wrong("consent: true", "consent: yes", "homes[0].emergency_consent", '"yes" is neither true nor false'),
    "family": Wrong(
        "family: [zhang-wei]", "family: [wang-li]", "homes[0].family[0]", '"wang-li" is grid_worker, not family'
    ),
    "unknown family": Wrong("family: [zhang-wei]", "family: [zhang]", "homes[0].family[0]", '"zhang" is no responder'),
    "family twice": Wrong(
        "family: [zhang-wei]", "family: [zhang-wei, zhang-wei]", "homes[0]", "twice", at="  - id: home-001"
    ),
    "resident name": Wrong(RESIDENT, "{id: li-ming, name: 12}", "homes[1].residents[0].name", "must be text"),
    "resident twice": Wrong(
        RESIDENT, "{id: zhang-xiuying, name: x}", "homes[1].residents[0].id", "first at homes[0].residents[0]"
    ),
    "born": Wrong("1941-03-02", "1941-02-30", "homes[0].residents[0].born", '"1941-02-30" is no date'),
    "born as a year": Wrong("1941-03-02", "1941", "homes[0].residents[0].born", "1941 is no date"),
    "born long ago": Wrong("1941-03-02", "0041-03-02", "homes[0].residents[0].born", "is no likely date of birth"),
    "NUL": Wrong(
        RESIDENT, '{id: li-ming, name: "a\\0b"}', "homes[1].residents[0].name", "holds a character that is no text"
    ),
    "half a surrogate": Wrong(
        RESIDENT, '{id: li-ming, name: "a\\uD800b"}', "", "is no YAML", at="residents: [{id: li-ming"
    ),
    "urgent suspended": Wrong(
        "[inactivity, not_up]", "[sos]", "homes[0].suspend[0].rules[0]", '"sos" is urgent and cannot be suspended'
    ),
    "unknown suspended": Wrong(
        "[inactivity, not_up]", "[sleep]", "homes[0].suspend[0].rules[0]", '"sleep" is none of device_silent'
    ),
    "nothing suspended": Wrong("[inactivity, not_up]", "[]", "homes[0].suspend[0].rules", "must name at least one"),
    "suspended without end": Wrong(
        SUSPEND, '{rules: [not_up], from: "2026-12-01"}', "homes[0].suspend[0].until", "is missing"
    ),
    "suspended backwards": Wrong(
        "2026-12-08", "2026-12-01", "homes[0].suspend[0]", "ends on 2026-12-01, not after it begins"
    ),
    "suspended until a time": Wrong('"2026-12-08"', '"2026-12-08T10:00"', "homes[0].suspend[0].until", "is no date"),
    "device kind": Wrong(
        PIR, "{id: pir-001, kind: pir}", "homes[0].devices[2].kind", '"pir" is none of pendant, door, motion'
    ),
    "device without kind": Wrong(PIR, "{id: pir-001}", "homes[0].devices[2].kind", "is missing"),
    "device id twice": Wrong(
        "[{id: pendant-002, kind",
        "[{kind: pendant, id: pendant-001}, {id: x, kind",
        "homes[1].devices[0].id",
        '"pendant-001" stands twice, first at homes[0].devices[0]',
    ),
    "device as text": Wrong(PIR, "pir-001", "homes[0].devices[2]", "must be a mapping, not text", at="      - pir-001"),
    "account": Wrong(
        PIR, "{id: pir-001, kind: motion, account: gw/1}", "homes[0].devices[2].account", '"gw/1" is no MQTT user name'
    ),
    "heartbeat": Wrong(
        "heartbeat_every: 30m", "heartbeat_every: 0m", "homes[0].devices[2].heartbeat_every", "longer than nothing"
    ),
    "z2m twice": Wrong(
        PIR,
        '{id: pir-001, kind: motion, account: gw-001, z2m: "Front door"}',
        "homes[0].devices[2].z2m",
        '"Front door of account gw-001" stands twice',
    ),
    "z2m wildcard": Wrong('z2m: "Front door"', 'z2m: "a/#"', "homes[0].devices[1].z2m", "is no Zigbee2MQTT name"),
    "z2m of the bridge": Wrong(
        'z2m: "Front door"', 'z2m: "bridge/state"', "homes[0].devices[1].z2m", "keeps for itself"
    ),
    "device key": Wrong(
        DOOR, "{id: door-001, kind: door, room: x}", "homes[0].devices[1].room", "unknown key; there are account"
    ),
    # YAML
    "tab": Wrong("    name: 王丽", "\tname: 王丽", "", "a tab cannot indent, use spaces"),
    "bracket": Wrong("[jinhua]}\nrosters", "[jinhua}\nrosters", "", "is no YAML", at="[jinhua}\nrosters"),
    "colon": Wrong("lampkeep: v1", "lampkeep: v1: v2", "", "mapping values are not allowed"),
    "control character": Wrong("金华市", "金华\x07市", "", "holds a character that is no text (U+0007)"),
    "duplicate key": Wrong(
        "    name: 王丽\n",
        "    name: 王丽\n    name: 李丽\n",
        "responders[0].name",
        "stands twice",
        at="    name: 李丽",
    ),
    "tag": Wrong(
        "name: 金华市",
        "name: !!python/name:os.system 金华市",
        "areas[0].name",
        "the tag tag:yaml.org,2002:python/name:os.system is not used",
    ),
    "second document": Wrong("responders:\n", "---\nresponders:\n", "", "a second document begins", at="---"),
    "alias of nothing": Wrong("parent: jinhua", "parent: *jinhua", "", "*jinhua names no anchor"),
    "number as key": Wrong("rosters:", "33: x\nrosters:", "33", "a key must be text", at="33: x"),
    "list as key": Wrong("rosters:", "[a]: x\nrosters:", "", "a key must be text", at="[a]: x"),
    "merge key": Wrong(RESIDENT, "{<<: {id: li-ming}, name: x}", 'homes[1].residents[0]."<<"', "unknown key"),
}
"""By name, for reading test results."""
