"""Places where a test can kill this process: `LAMPKEEP_FAULT=ingest.after_commit:3` at the third passing.

Only fault tests set the variable. Without it `reach` costs a dictionary lookup. SIGKILL, not an exception: nothing may
run afterwards, as after a loss of power.
"""

import os
import signal


def _armed() -> dict[str, int]:
    """Points by name with the number of the deadly passing; several are joined by commas."""
    armed: dict[str, int] = {}
    for part in filter(None, os.environ.get("LAMPKEEP_FAULT", "").split(",")):
        name, _, passing = part.partition(":")
        armed[name.strip()] = int(passing or 1)
    return armed


_left = _armed()


def reach(name: str) -> None:
    """Pass the point `name`; the process ends here when it is the passing that was asked for."""
    if name not in _left:
        return
    _left[name] -= 1
    if _left[name] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
