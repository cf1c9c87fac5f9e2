"""`python -m bench [press] [flood]`: run the benchmarks on real parts and print Markdown for docs/performance.md."""

import asyncio
import sys
from dataclasses import dataclass

from bench.figures import HEAD, machine, probe
from bench.flood import Flood, flood
from bench.parts import Parts, real_parts
from bench.press import floor, ours
from lampkeep.db.migrate import migrate
from support.desk import open_desk
from support.system import System, run_system

PRESSES = 500
ROUNDS = 2
HOMES = 3000
OFFERED = (2_000, 5_000, 6_000)
FLOOD_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Broker:
    """The given parts as `run_system` takes a broker."""

    url: str
    kind: str = "mosquitto"


def _community() -> str:
    rows = "\n".join(
        f"  - {{id: home-{n:04}, area: grid, plan: plain, residents: [{{id: r-{n:04}, name: R{n}}}], devices: ["
        f"{{id: pendant-{n:04}, kind: pendant}}, {{id: pir-{n:04}, kind: motion, place: kitchen}}]}}"
        for n in range(HOMES)
    )
    return f"""\
lampkeep: v1
areas: [{{id: grid, name: Grid}}]
responders:
  - {{id: worker, name: Worker, role: grid_worker, areas: [grid],
     channels: [{{kind: webhook, url: "DESK/worker", secret: s3cret}}]}}
policies:
  - id: once
    steps: [{{to: [grid_worker], after: 0s, deliver_within: 5s}}]
plans:
  - id: plain
    rules: {{inactivity: {{day: 6h, night: 12h, day_hours: "07:00-22:00"}}}}
    policies: {{default: once}}
homes:
{rows}
"""


async def main(wanted: set[str]) -> None:
    """Run what was asked for; everything where nothing was."""
    say(f"Machine: {machine()}\n")
    async with real_parts() as parts:
        await migrate(parts.database_url)
        async with open_desk() as desk:
            broker = _Broker(url=parts.mqtt_url)
            async with run_system(parts.database_url, broker, desk, _community()) as system:  # type: ignore[arg-type]
                await _settings(system)
                await _probe(parts)
                if "press" in wanted:
                    await _press(system, parts)
                if "flood" in wanted:
                    await _flood(system)
                await _probe(parts)


async def _settings(system: System) -> None:
    rows = await system.rows(
        "select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes',"
        " 'max_wal_size', 'server_version', 'shared_buffers') order by name"
    )
    say("PostgreSQL: " + ", ".join(f"{row['name']} {row['setting']}" for row in rows) + "\n")


async def _probe(parts: Parts) -> None:
    say(f"| probe | {HEAD} |\n|{'---|' * 7}")
    for name, found in (await probe(parts.database_url)).items():
        say(f"| {name} | {found.row()} |")
    say("")


async def _press(system: System, parts: Parts) -> None:
    each = PRESSES // ROUNDS
    mine, floors, late = [], [], []
    for round_ in range(ROUNDS):
        turns = ("ours", "floor") if round_ % 2 == 0 else ("floor", "ours")
        for turn in turns:
            if turn == "ours":
                result = await ours(system, each, first_home=round_ * each)
                mine.append(result.delivered)
            else:
                result = await floor(parts.database_url, parts.mqtt_url, each)
                floors.append(result.delivered)
            late.append(result.generator)
    say(f"## Press to first delivery, idle, {PRESSES} presses at 25/s\n\n| side, round | {HEAD} |\n|{'---|' * 7}")
    for n in range(ROUNDS):
        say(f"| Lampkeep {n + 1} | {mine[n].row()} |\n| floor {n + 1} | {floors[n].row()} |")
    ratios = [(a.p50 / b.p50, a.p99 / b.p99) for a, b in zip(mine, floors, strict=True)]
    say("\nratio to the floor, by round: " + "; ".join(f"p50 {p50:.2f}, p99 {p99:.2f}" for p50, p99 in ratios))
    say(f"generator late: p99 {max(one.p99 for one in late):.2f} ms\n")


async def _flood(system: System) -> None:
    say("## Observations stored, QoS 1, PUBACK after commit, with 5 presses a second among them\n")
    say(f"| offered/s | stored/s | offered | stored | lost | press: {HEAD} |\n|{'---|' * 11}")
    notes = []
    for number, rate in enumerate(OFFERED):
        result = await flood(system, rate=rate, seconds=FLOOD_S, homes=1000, first_home=1000 + number * 200)
        say(
            f"| {result.offered_rate:.0f} | {result.stored_rate:.0f} | {result.offered} | {result.stored} |"
            f" {result.offered - result.stored} | {result.pressed.row()} |"
        )
        notes.append(_cpu(result))
    say("\nCPU µs an observation: " + "; ".join(notes) + "\n")


def _cpu(result: Flood) -> str:
    parts = ", ".join(f"{name} {us:.0f}" for name, us in result.cpu_us.items() if us >= 1)
    return f"{result.offered_rate:.0f}/s: {parts} (generator late p99 {result.generator.p99:.1f} ms)"


def say(line: str) -> None:
    """Print at once: a run takes minutes."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    chosen = set(sys.argv[1:]) or {"press", "flood"}
    if unknown := chosen - {"press", "flood"}:
        sys.exit(f"bench: no benchmark {', '.join(sorted(unknown))}; there are press and flood")
    asyncio.run(main(chosen))
