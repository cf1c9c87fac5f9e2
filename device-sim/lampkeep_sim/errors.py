"""What the simulator's commands report in one line."""


class SimError(Exception):
    """Root of the simulator's own errors; the message is for a person."""


class UsageError(SimError):
    """An option, a setting or a file is wrong: exit code 2."""


class RunError(SimError):
    """The run itself failed, for example without a broker: exit code 1."""
