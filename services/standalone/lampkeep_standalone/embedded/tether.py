"""Become another program whose life is tied to its parent's.

A script, started as `python -I -S tether.py PARENT_PID SIGNAL UID GID PROGRAM ARG…` (`-` for UID and GID keeps ours).
It drops privileges first, then asks the kernel for SIGNAL at the parent's death, then execs PROGRAM: the request
survives the exec, but a change of credentials clears it, hence the order. Standard library only: it runs before all
else.

The kernel counts the death of the *thread* that forked, so start children from a thread that lives as long as they
should; the main thread does.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""

NOT_STARTED = 126
"""Exit status when the program could not be started, as a shell has it."""


def drop_privileges(uid: int, gid: int) -> None:
    """Become `uid` and `gid` for good, without supplementary groups."""
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def die_with(parent: int, signal_number: int) -> None:
    """Get `signal_number` when `parent` dies; leave at once where it is dead already."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        sys.exit(NOT_STARTED)


def main(arguments: list[str]) -> None:
    """Drop, tie, exec; returns only by SystemExit."""
    parent, signal_number, uid, gid, *command = arguments
    # Python's own SIGINT would be a traceback, and a shell's `&` leaves it ignored: neither is for the program.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        if uid != "-":
            drop_privileges(int(uid), int(gid))
        die_with(int(parent), int(signal_number))
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        print(f"{command[0]}: {error}", file=sys.stderr)
        sys.exit(NOT_STARTED)


if __name__ == "__main__":
    main(sys.argv[1:])
