"""The `lampkeep` command: its exit codes and its last words. What it can do is in `commands`.

Exit codes (contract section 1): 0 on success, also when stopped by SIGTERM or SIGINT; 2 on a usage or configuration
error; 1 on failure. An error is one line on stderr.
"""

import os
import select
import signal
import sys
from typing import NoReturn

OK, FAILURE, USAGE = 0, 1, 2

STDOUT = 1


def main() -> None:
    """Run the command line; ends by SystemExit with the exit codes of the contract."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stopped)
    try:
        from lampkeep_standalone.commands import app  # noqa: PLC0415 - a stop while it is imported is a stop, too

        code = app(standalone_mode=False, prog_name="lampkeep") or OK
        print(end="", flush=True)
        sys.exit(code)
    except SystemExit as end:
        # Typer makes exit code 1 of a broken pipe before we see it.
        if isinstance(end.__context__, BrokenPipeError):
            _reader_left(end)
        raise
    except BrokenPipeError as error:
        _reader_left(error)
        _fail(error)
    except Exception as error:  # noqa: BLE001 - the last resort of a command line
        _fail(error)


def _reader_left(error: BaseException) -> None:
    """Leave with success where whoever read our stdout is gone, as `| head` is: nothing is wrong. Else come back."""
    asked = select.poll()
    asked.register(STDOUT, 0)
    if any(happened & select.POLLERR for _, happened in asked.poll(0)):
        _silence_stdout()
        raise SystemExit(OK) from error


def _silence_stdout() -> None:
    """What is still to be written goes nowhere: the end of Python would try once more, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)


def _stopped(_number: int, _frame: object) -> NoReturn:
    """SIGTERM and SIGINT before, or without, a loop that handles them: stopped on request is success."""
    sys.exit(OK)


def _fail(error: Exception) -> NoReturn:
    """Say it in one line and leave with the exit code that it calls for; what nobody foresaw shows its traceback."""
    code = _exit_code(error)
    if isinstance(error, OSError):
        _silence_stdout()  # a full disk, perhaps
    if code is None:
        raise error
    # Typer's own errors say in `format_message` which option is meant; help, where no command was given, is many lines.
    say = getattr(error, "format_message", error.__str__)
    text = say().strip()
    if type(error).__name__ not in _OWN_LINES:
        text = "lampkeep: " + " ".join(line.strip() for line in text.splitlines())
    print(text, file=sys.stderr)
    sys.exit(code)


def _exit_code(error: Exception) -> int | None:
    """2 for usage and configuration, 1 for failures that are foreseen, None for all else."""
    if hasattr(error, "format_message"):
        return USAGE
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & _USAGE_ERRORS:
        return USAGE
    return FAILURE if names & _FAILURES or isinstance(error, OSError) else None


_USAGE_ERRORS = {"SettingsError", "UsageError", "CommunityError", "UnknownTokenAreaError"}
_FAILURES = {
    "StandaloneError",
    "DatabaseUnavailableError",
    "MigrationError",
    "UnknownTokenError",
    "RegistryConflictError",
    "RegistryBusyError",
}
"""By name, so that a command does not import what it does not need."""

_OWN_LINES = {"NoArgsIsHelpError", "CommunityError"}
"""What is more than one thing: help, and a file with a line `FILE:LINE: field: what is wrong` for each mistake."""
