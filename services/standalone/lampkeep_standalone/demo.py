"""`lampkeep up --demo`: a made-up community, and the simulator that lives in it and answers for its people."""

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from lampkeep_standalone.embedded.loopback import LOOPBACK, free_port, is_free

_HOOK = re.compile(r"(?<=//127\.0\.0\.1:)\d+(?=/hook)")
"""The port in the webhooks of the made-up people."""

PRESSES_AN_HOUR = 60
"""One SOS in a minute: enough to watch an alert's whole life without waiting, few enough to follow each."""

SPEED = 10
"""How much faster than life the homes live: breakfast takes two minutes, so that doors and rooms keep changing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """A community file of its own and the address where its people answer."""

    community: Path
    responders: str

    def simulator(self, *, api: str, passwords: Path | None) -> list[str]:
        """The words after `lampkeep` that let it live; the broker's URL and a token are in the environment."""
        words = ["sim", "run", "--community", str(self.community), "--responders", self.responders, "--api", api]
        words += ["--sos-rate", str(PRESSES_AN_HOUR), "--first-sos", "15s"]
        words += ["--speed", str(SPEED), "--start", "08:00", "--mqtt-311"]
        words += ["--state-dir", str(self.community.with_name("sim"))]
        return words + (["--passwords", str(passwords)] if passwords else [])


def prepare(target: Path) -> Demo:
    """Write the demo's community file to `target`, its webhooks at a free port of this machine.

    The port of the last start stays where it is still free: webhooks may be under way to it.
    """
    port = _last_port(target)
    if port is None or not is_free(LOOPBACK, port):
        port = free_port()
    text = files("lampkeep_standalone").joinpath("demo.yaml").read_text(encoding="utf-8")
    target.write_text(_HOOK.sub(str(port), text), encoding="utf-8")
    return Demo(community=target, responders=f"{LOOPBACK}:{port}")


def _last_port(target: Path) -> int | None:
    found = _HOOK.search(target.read_text(encoding="utf-8")) if target.is_file() else None
    return int(found[0]) if found else None
