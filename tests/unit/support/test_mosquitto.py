"""The CONNECT with which a broker is asked whether it is there, byte by byte as MQTT 3.1 of each version has it."""

from support.mosquitto import MQTT_3_1_1, MQTT_5, connect_packet


def test_connect_of_mqtt_3_1_1_without_an_account() -> None:
    assert connect_packet("mqtt://h:1", protocol=MQTT_3_1_1) == b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x05\x00\x00"


def test_connect_of_mqtt_5_has_a_property_length() -> None:
    assert connect_packet("mqtt://h:1", protocol=MQTT_5) == b"\x10\x0d\x00\x04MQTT\x05\x02\x00\x05\x00\x00\x00"


def test_an_account_is_unquoted_and_flagged() -> None:
    packet = connect_packet("mqtt://gw:p%40ss@h:1", protocol=MQTT_3_1_1)
    assert packet[1] == len(packet) - 2
    assert packet[9] == 0xC2
    assert packet.endswith(b"\x00\x02gw\x00\x04p@ss")
