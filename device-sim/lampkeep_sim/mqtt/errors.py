"""What can go wrong between a device and its broker."""


class MqttError(Exception):
    """Root of everything this package raises."""


class MalformedPacketError(MqttError):
    """The other side sent bytes that are no MQTT; the connection cannot go on."""


class PacketTooLargeError(MalformedPacketError):
    """A packet announces, or would have, more bytes than the bound of this side."""


class ConnectRefusedError(MqttError):
    """The broker answered CONNECT with a reason other than success.

    `version_unsupported` tells a caller that an older protocol version may still be accepted.
    """

    def __init__(self, reason_code: int, *, version_unsupported: bool = False) -> None:
        super().__init__(f"broker refused the connection, reason code {reason_code}")
        self.reason_code = reason_code
        self.version_unsupported = version_unsupported


class ConnectionLostError(MqttError):
    """The connection ended before the answer came; a QoS 1 publish may or may not have arrived."""


class DeadlinePassedError(MqttError):
    """No answer within the deadline of the caller."""


class InFlightFullError(MqttError):
    """As many publishes are unacknowledged as the broker allows (its receive maximum)."""
