"""What a generator has sent: one record a message, filled in as answers come. Instants are monotonic seconds."""

from dataclasses import dataclass

Identity = tuple[str, str, str]
"""Account, device id, message id."""


@dataclass(slots=True, kw_only=True)
class Sent:
    """One intended message. `acked_s` is the first PUBACK of the broker, `receipted_s` the receipt command."""

    account: str
    device_id: str
    message_id: str
    home_id: str
    urgent: bool
    intended_s: float
    acked_s: float | None = None
    receipted_s: float | None = None

    @property
    def identity(self) -> Identity:
        """What the services know it by."""
        return (self.account, self.device_id, self.message_id)
