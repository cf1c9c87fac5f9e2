"""MQTT control packets as values, for both directions and both versions.

Packets that neither a device nor its broker needs at QoS 0 and 1 (PUBREC, PUBREL, PUBCOMP, AUTH) are not here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from lampkeep_sim.mqtt.properties import Property, PropertyValue

Properties = Mapping[Property, PropertyValue]


class Version(IntEnum):
    """The protocol level byte of CONNECT."""

    V311 = 4
    V5 = 5


class PacketType(IntEnum):
    """The upper four bits of the first byte."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """The last will: what the broker says for the device once its connection breaks."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """CONNECT. Session expiry and receive maximum are `properties`, which MQTT 3.1.1 does not carry."""

    client_id: str
    version: Version = Version.V5
    clean_start: bool = True
    keep_alive_s: int = 60
    username: str | None = None
    password: bytes | None = None
    will: Will | None = None
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connack:
    """CONNACK; `reason_code` 0 is success in both versions."""

    session_present: bool = False
    reason_code: int = 0
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """PUBLISH at QoS 0 (`packet_id` is None) or 1."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    dup: bool = False
    packet_id: int | None = None
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Puback:
    """PUBACK; a `reason_code` of 128 or more is a refusal (MQTT 5 only)."""

    packet_id: int
    reason_code: int = 0
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """SUBSCRIBE: pairs of topic filter and option byte (in MQTT 3.1.1 the option byte is the QoS)."""

    packet_id: int
    filters: tuple[tuple[str, int], ...]
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suback:
    """SUBACK: one code per filter, 128 or more is a refusal."""

    packet_id: int
    reason_codes: tuple[int, ...]
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    """UNSUBSCRIBE."""

    packet_id: int
    filters: tuple[str, ...]
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsuback:
    """UNSUBACK; MQTT 3.1.1 sends no codes."""

    packet_id: int
    reason_codes: tuple[int, ...] = ()
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pingreq:
    """PINGREQ."""


@dataclass(frozen=True, slots=True)
class Pingresp:
    """PINGRESP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnect:
    """DISCONNECT; code 4 (MQTT 5) asks the broker to publish the will all the same."""

    reason_code: int = 0
    properties: Properties = field(default_factory=dict)


Packet = (
    Connect | Connack | Publish | Puback | Subscribe | Suback | Unsubscribe | Unsuback | Pingreq | Pingresp | Disconnect
)
