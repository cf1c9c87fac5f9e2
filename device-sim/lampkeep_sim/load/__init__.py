"""Loads that do not wait: open-loop generators, the arithmetic of their results, a checker that finds what was lost.

Send times are fixed before a run, latency counts from the intended instant, what never came counts as infinitely late,
and the generator reports its own lateness, so that a run whose generator was the bottleneck can be thrown away.

- `presses.press_run`: SOS presses at a rate, from the press to the first byte of the webhook.
- `flood.flood_run`: observations at a rate, from the intended send to the PUBACK, and how far the database is behind.
- `soak.soak_run`: both for a while from many devices, then `checker.check` against the database.
"""

from lampkeep_sim.load.checker import Findings, check
from lampkeep_sim.load.flood import FloodReport, flood_run
from lampkeep_sim.load.hook import HookStub
from lampkeep_sim.load.latency import Summary, summarize
from lampkeep_sim.load.ledger import Ledger, read_ledger
from lampkeep_sim.load.parish import load_community
from lampkeep_sim.load.presses import PressReport, press_run
from lampkeep_sim.load.soak import SoakReport, soak_run

__all__ = [
    "Findings",
    "FloodReport",
    "HookStub",
    "Ledger",
    "PressReport",
    "SoakReport",
    "Summary",
    "check",
    "flood_run",
    "load_community",
    "press_run",
    "read_ledger",
    "soak_run",
    "summarize",
]
