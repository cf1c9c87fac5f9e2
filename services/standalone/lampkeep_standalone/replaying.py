"""`lampkeep replay`: recorded messages through the live rules, their alerts as JSON lines."""

from pathlib import Path

import orjson

from lampkeep.contracts.community.parse import read_file
from lampkeep.replay import UnknownPlanError, run
from lampkeep_standalone.errors import UsageError


def replay(file: Path, community: Path, plan: str | None) -> None:
    """Print one JSON line for each alert, then the summary; what was left out is told on stderr.

    Raises CommunityError, and UsageError for a recording that cannot be read or a plan that does not exist.
    """
    known = read_file(community)
    try:
        with file.open("rb") as lines:
            for found in run(lines, known, plan):
                print(orjson.dumps(found).decode())
    except UnknownPlanError as error:
        raise UsageError(f"--plan: {error}") from error
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise UsageError(f"{file}: {error.strerror}") from error
