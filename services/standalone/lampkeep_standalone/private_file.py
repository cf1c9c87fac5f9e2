"""Files that only their owner may read: tokens, passwords, the URL of the running database."""

import os
import tempfile
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Put `text` into `path` with mode 0600, whole or not at all, and down on the disk."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as new:
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read(path: Path) -> str | None:
    """What stands in `path`, or None when there is no such file."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
