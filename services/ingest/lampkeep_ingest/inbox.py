"""The port between the broker and the lanes: messages come in, acknowledgements and commands go out.

The adapter is `mqtt_inbox`, the fake `testing`; one contract suite runs on both.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(slots=True, kw_only=True)
class Received:
    """One message as the broker delivered it.

    `payload` is whole up to 16 KiB; of a longer one its first 4 KiB, `size` says how long it was. `received_s` is
    monotonic. `packet_id` 0: nobody waits for an acknowledgement (QoS 0). `connection` counts the inbox's connections.
    """

    inbox: "Inbox"
    topic: str
    payload: bytes
    size: int
    retained: bool
    repeated: bool
    packet_id: int
    connection: int
    received_at: datetime
    received_s: float


class Inbox(Protocol):
    """One session with the broker. Messages are handed to the owner's callback as they arrive, in order."""

    def acknowledge(self, messages: Iterable[Received]) -> None:
        """PUBACK each; those of an earlier connection are passed over, the broker will deliver them again."""
        ...

    def comes_again(self, message: Received) -> bool:
        """Whether the broker delivers `message` once more: it came over an earlier connection of a session kept."""
        ...

    def publish(self, topic: str, payload: bytes, *, expires_in_s: int) -> bool:
        """Hand one message to the broker at QoS 1 without waiting; False where there is no connection or no room."""
        ...
