"""Communities for acceptance tests: contract section 3 with steps of seconds. `DESK` is the responders' address."""

SHORT = """\
lampkeep: v1
timezone: Asia/Shanghai
areas:
  - {id: jinhua, name: 金华市}
  - {id: jiangnan-g03, name: 江南街道三网格, parent: jinhua}
  - {id: east, name: 东区}
responders:
  - {id: worker, name: 王丽, role: grid_worker, areas: [jiangnan-g03],
     channels: [{kind: webhook, url: "DESK/worker", secret: s3cret}]}
  - {id: son, name: 张伟, role: family,
     channels: [{kind: webhook, url: "DESK/son", secret: s3cret}]}
  - {id: line, name: 金华120, role: emergency_line, areas: [jinhua],
     channels: [{kind: webhook, url: "DESK/line", secret: s3cret}]}
  - {id: duty, name: 值班, role: operator, areas: [jinhua],
     channels: [{kind: webhook, url: "DESK/duty", secret: s3cret}]}
policies:
  - id: quick
    steps:
      - {to: [grid_worker], after: 0s, deliver_within: 2s, repeat_every: 3s}
      - {to: [family], after: 2s, deliver_within: 2s, repeat_every: 3s}
      - {to: [emergency_line], after: 4s, deliver_within: 2s}
    acknowledge_lease: 3s
plans:
  - id: plain
    policies: {default: quick}
homes:
  - id: home-001
    area: jiangnan-g03
    address: 江南街道某路1号
    location: [29.08, 119.65]
    plan: plain
    emergency_consent: true
    residents:
      - {id: zhang-xiuying, name: 张秀英, born: 1941-03-02, phone: "+8613800000000", traits: [lives_alone],
         notes: 青霉素过敏}
    family: [son]
    devices:
      - {id: pendant-001, kind: pendant}
      - {id: button-001, kind: button}
      - {id: door-001, kind: door, place: entrance, account: gw-001, z2m: "Front door"}
  - id: home-002
    area: jiangnan-g03
    plan: plain
    residents: [{id: li-ming, name: 李明}]
    family: [son]
    devices: [{id: pendant-002, kind: pendant}]
"""


def with_watched_home(plan_rules: str) -> str:
    """SHORT and a home `home-009` with a motion sensor and a door under `plan_rules` (the inside of `rules: {…}`)."""
    plan = f"""\
  - id: short
    rules: {{{plan_rules}}}
    policies: {{default: quick, technical: quick}}
homes:
  - id: home-009
    area: jiangnan-g03
    plan: short
    emergency_consent: true
    residents: [{{id: chen, name: 陈红}}]
    family: [son]
    devices:
      - {{id: pir-009, kind: motion, place: bathroom}}
      - {{id: door-009, kind: door, place: entrance}}
"""
    return SHORT.replace("homes:\n", plan, 1)
