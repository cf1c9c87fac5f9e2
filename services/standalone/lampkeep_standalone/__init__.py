"""The `lampkeep` command: everything on one machine, and the small commands around it."""
