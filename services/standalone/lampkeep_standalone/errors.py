"""What can go wrong in running everything on one machine."""


class StandaloneError(Exception):
    """A part cannot be made, started or reached; the message is one line and says what to do."""


class UsageError(StandaloneError):
    """An option or a file is wrong, or something that `up` needs is taken: nothing was started."""
