"""A recording as its lines are written, and a community to play it in. Times are those of `support.watched`."""

import json
from typing import Any

from lampkeep.contracts.community import Community
from lampkeep.contracts.community.parse import parse
from support.watched import at

COMMUNITY = """
lampkeep: v1
areas: [{id: a, name: A}]
responders: [{id: w, name: W, role: grid_worker, areas: [a]}]
policies: [{id: p, steps: [{to: [grid_worker], after: 0s}]}]
plans:
  - {id: none, policies: {default: p}}
  - {id: some, rules: {RULES}, policies: {default: p}}
homes:
  - id: home-001
    area: a
    plan: some
    devices:
      - {id: door-001, kind: door, place: entrance}
      - {id: door-002, kind: door, place: entrance}
      - {id: fridge-001, kind: door, place: kitchen}
      - {id: pir-001, kind: motion, place: bathroom}
      - {id: pir-002, kind: motion, heartbeat_every: 30m}
      - {id: pendant-001, kind: pendant}
  - {id: home-002, area: a, plan: some, devices: [{id: pir-201, kind: motion}]}
  - {id: home-003, area: a, plan: some, devices: [{id: pir-301, kind: motion}]}
"""


def community(rules: str) -> Community:
    return parse(COMMUNITY.replace("RULES", rules), "test")


class Tape:
    """Lines as they are written, each with an id of its own."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def say(self, clock: str, device: str, type_: str, *, days: int = 0, **more: Any) -> "Tape":
        data = {key: more.pop(key) for key in ("open", "active", "occupied", "test") if key in more}
        said = {"device": device, "v": 1, "id": f"m{len(self.lines)}", "type": type_, "data": data}
        when = at(clock, days=days).isoformat().replace("+00:00", "Z")
        self.lines.append(json.dumps(said | {"at": when} | more).encode())
        return self
