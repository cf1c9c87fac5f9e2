"""What a Zigbee2MQTT bridge publishes for the things the simulator knows.

A bridge knows nothing of our contract: no ids, no `at`, its own vocabulary, and a state object per device under
`{base}/{friendly name}`. The base topic is `lampkeep/z2m/{account}`.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from lampkeep_sim.message import Message

LOW_BATTERY_PERCENT = 10
"""Where most Zigbee end devices raise `battery_low`."""

LINK_QUALITY = 120
"""A middling link quality (0..255), so that states look as they do on a real bridge."""


def base(account: str) -> str:
    """Return the bridge's base topic."""
    return f"lampkeep/z2m/{account}"


def bridge_state(*, online: bool) -> bytes:
    """Return the body of `{base}/bridge/state`, retained, and the bridge's last will."""
    return orjson.dumps({"state": "online" if online else "offline"})


def availability(*, online: bool) -> bytes:
    """Return the body of `{base}/{name}/availability`, retained."""
    return orjson.dumps({"state": "online" if online else "offline"})


def state(message: Message) -> bytes:
    """Return the state object that a bridge would publish where a device of ours sends `message`."""
    body: dict[str, Any] = dict(_body(message.type, message.content))
    if message.battery is not None:
        body["battery"] = message.battery
        body["battery_low"] = message.battery <= LOW_BATTERY_PERCENT
    body["linkquality"] = LINK_QUALITY
    return orjson.dumps(body)


def _body(message_type: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
    match message_type:
        case "door":
            return {"contact": not content["open"]}  # a reed contact is made while the door is shut
        case "motion":
            return {"occupancy": content.get("active", True)}
        case "presence":
            return {"presence": content["occupied"]}
        case "sos":
            return {"action": "emergency"}
        case "checkin":
            return {"action": "single"}
        case "smoke" | "gas" | "tamper":
            return {message_type: content.get("active", True)}
        case _:
            return {}  # battery and heartbeat: the periodic report of what is known
