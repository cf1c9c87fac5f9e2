"""MQTT 3.1.1 and 5 without I/O, and a small asyncio connection on top.

Written for thousands of sessions in one process: an aiomqtt client costs a queue and a socket pair each, this one costs
a protocol object. It covers what devices use (QoS 0 and 1) and is no general client: no QoS 2, no topic alias, no
extended authentication.
"""

from lampkeep_sim.mqtt.codec import decode, encode, encode_publish
from lampkeep_sim.mqtt.connection import Connection, Endpoint
from lampkeep_sim.mqtt.errors import (
    ConnectionLostError,
    ConnectRefusedError,
    DeadlinePassedError,
    InFlightFullError,
    MalformedPacketError,
    MqttError,
    PacketTooLargeError,
)
from lampkeep_sim.mqtt.packets import (
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Version,
    Will,
)
from lampkeep_sim.mqtt.parser import Parser
from lampkeep_sim.mqtt.properties import Property

__all__ = [
    "Connack",
    "Connect",
    "ConnectRefusedError",
    "Connection",
    "ConnectionLostError",
    "DeadlinePassedError",
    "Disconnect",
    "Endpoint",
    "InFlightFullError",
    "MalformedPacketError",
    "MqttError",
    "Packet",
    "PacketTooLargeError",
    "Parser",
    "Pingreq",
    "Pingresp",
    "Property",
    "Puback",
    "Publish",
    "Suback",
    "Subscribe",
    "Unsuback",
    "Unsubscribe",
    "Version",
    "Will",
    "decode",
    "encode",
    "encode_publish",
]
