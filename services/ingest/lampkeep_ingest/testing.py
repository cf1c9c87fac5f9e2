"""A broker's session in memory, for tests of what stands behind it. The contract suite holds it to the real one."""

from collections import OrderedDict
from collections.abc import Callable, Iterable

from lampkeep.clock import Clock
from lampkeep_ingest.inbox import Received


class FakeInbox:
    """A stored session: what is not acknowledged comes again at the next connection."""

    def __init__(self, on_message: Callable[[Received], None], clock: Clock) -> None:
        """Not connected."""
        self._on_message = on_message
        self._clock = clock
        self._connection = 0
        self._connected = False
        self._next_id = 0
        self._unacknowledged: OrderedDict[int, tuple[str, bytes, bool]] = OrderedDict()
        self._queued: list[tuple[str, bytes]] = []
        self.published: list[tuple[str, bytes, int]] = []

    def connect(self) -> None:
        """A new connection of the same session."""
        self._connection += 1
        self._connected = True
        again = list(self._unacknowledged.items())
        for packet_id, (topic, payload, retained) in again:
            self._hand_over(packet_id, topic, payload, retained=retained, repeated=True)
        queued, self._queued = self._queued, []
        for topic, payload in queued:
            self.deliver(topic, payload)

    def disconnect(self) -> None:
        """The connection is lost; the session stays."""
        self._connected = False

    def deliver(self, topic: str, payload: bytes, *, retained: bool = False) -> None:
        """Somebody publishes at QoS 1."""
        if not self._connected:
            self._queued.append((topic, payload))
            return
        self._next_id = self._next_id % 65_535 + 1
        self._unacknowledged[self._next_id] = (topic, payload, retained)
        self._hand_over(self._next_id, topic, payload, retained=retained, repeated=False)

    @property
    def unacknowledged(self) -> int:
        """How many messages the broker still waits for."""
        return len(self._unacknowledged)

    def acknowledge(self, messages: Iterable[Received]) -> None:
        """As the port says."""
        for message in messages:
            if self._connected and message.connection == self._connection:
                self._unacknowledged.pop(message.packet_id, None)

    def comes_again(self, message: Received) -> bool:
        """As the port says."""
        return message.connection < self._connection

    def publish(self, topic: str, payload: bytes, *, expires_in_s: int) -> bool:
        """As the port says."""
        if self._connected:
            self.published.append((topic, payload, expires_in_s))
        return self._connected

    def _hand_over(self, packet_id: int, topic: str, payload: bytes, *, retained: bool, repeated: bool) -> None:
        self._on_message(
            Received(
                inbox=self,
                topic=topic,
                payload=payload,
                size=len(payload),
                retained=retained,
                repeated=repeated,
                packet_id=packet_id,
                connection=self._connection,
                received_at=self._clock.now(),
                received_s=self._clock.monotonic(),
            )
        )
