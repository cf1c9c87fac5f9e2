"""Percentiles, the machine, and the control probe that says how noisy it was."""

import asyncio
import math
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lampkeep.db.connections import connect


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Milliseconds of `count` samples; what never came counts as infinity."""

    count: int
    missing: int
    p50: float
    p90: float
    p99: float
    max: float

    def row(self) -> str:
        """Cells of a Markdown table: n, missing, p50, p90, p99, max."""
        cells = (f"{value:.1f}" for value in (self.p50, self.p90, self.p99, self.max))
        return f"{self.count} | {self.missing} | " + " | ".join(cells)


HEAD = "n | missing | p50 ms | p90 ms | p99 ms | max ms"


def spread(samples_s: Sequence[float], expected: int) -> Spread:
    """Nearest-rank percentiles of seconds, of `expected` samples."""
    missing = expected - len(samples_s)
    ordered = sorted(samples_s) + [math.inf] * missing

    def rank(share: float) -> float:
        return 1000 * ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    return Spread(count=expected, missing=missing, p50=rank(0.5), p90=rank(0.9), p99=rank(0.99), max=1000 * ordered[-1])


def machine() -> str:
    """One line: processor, cores, kernel, load and steal so far."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    load = " ".join(Path("/proc/loadavg").read_text().split()[:3])
    return f"{os.cpu_count()} × {model}, Linux {platform.release()}, Python {platform.python_version()}, load {load}"


async def probe(database_url: str, rounds: int = 200) -> dict[str, Spread]:
    """How late a 5 ms timer wakes, and how long a one-row commit takes, right now."""
    late, commits = [], []
    async with await connect(database_url, application="probe", autocommit=True) as connection:
        await connection.execute("create table if not exists bench_probe (n int)")
        for n in range(rounds):
            due = time.monotonic() + 0.005
            await asyncio.sleep(0.005)
            late.append(time.monotonic() - due)
            start = time.monotonic()
            await connection.execute("insert into bench_probe values (%s)", [n])
            commits.append(time.monotonic() - start)
    return {"timer wakes late": spread(late, rounds), "one-row commit": spread(commits, rounds)}


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of its children that were waited for; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11:13]) / os.sysconf("SC_CLK_TCK")


def cpu_by_name() -> dict[str, float]:
    """Processor seconds so far of all processes, by command name: broker, database, services, this one."""
    total: dict[str, float] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        name = _name([part.decode(errors="replace") for part in command])
        total[name] = total.get(name, 0.0) + cpu_seconds(int(folder.name))
    return total


def _name(command: list[str]) -> str:
    if command[0].startswith("postgres"):
        return "postgres"
    if command[0].endswith("mosquitto"):
        return "mosquitto"
    if "lampkeep" in " ".join(command[:2]):
        return next((word for word in command if word in {"ingest", "dispatch", "api"}), "other")
    return "this" if "bench" in " ".join(command) else "other"
