"""From a topic and a payload to what was said. Pure: no registry, no clock, and it never raises.

What only the registry can tell (which home, which Zigbee2MQTT device, whether the account may speak) comes after this.
"""

import re
from hashlib import sha256
from typing import Any, cast
from unicodedata import category

from lampkeep.contracts.messages import (
    FIELDS,
    Message,
    ObservationMessage,
    Reason,
    UnreadableError,
    message_of,
    read_json,
    read_status,
)
from lampkeep.contracts.readings import percent, value_of
from lampkeep.domain.home_state import ONLINE
from lampkeep.domain.rules.urgent import UNKNOWN, UNREADABLE
from lampkeep.domain.vocabulary import URGENT_TYPES
from lampkeep_ingest.said import (
    Bridge,
    Bridged,
    Decoded,
    Ignored,
    Observed,
    Problem,
    Rejected,
    Urgent,
)

LONGEST_NAME = 128
"""An account or device longer than this is cut: names are keys of an index, and no real one comes near."""

_BRIDGE_COMMANDS = frozenset({"set", "get"})
"""What others tell the bridge about a device, on topics below the device's own."""

_NO_TEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories that a name may not hold: controls, halves of surrogate pairs, ends of lines."""

_ID_AT_A_GLANCE = re.compile(rb'"id"\s*:\s*"([^"\\\x00-\x1f]{1,64})"')
"""The first id of a body that cannot be read whole."""

_GLANCE_BYTES = 4096
"""How far into such a body its id is looked for."""


def decode(topic: str, payload: bytes) -> Decoded:
    """What `payload` on `topic` says. A mistake of our own is the message's rejection, and on an urgent topic an alarm:
    an exception here would end the connection, and the message would come again and end it again."""
    try:
        return _decoded(topic, payload)
    except Exception as error:  # noqa: BLE001 - one message must never stop the stream
        levels = [_name(level) for level in topic.split("/")[:5]]
        account, device_id = levels[2] if len(levels) > 2 else "", levels[3] if len(levels) > 3 else ""
        problem = Problem(reason=Reason.MALFORMED, detail=f"could not be decoded: {type(error).__name__}")
        if levels[4:] == ["urgent"] and account and device_id:
            return Urgent(account=account, device_id=device_id, message_id=None, type=UNREADABLE, problem=problem)
        return Rejected(
            account=account or None, device_id=device_id or None, reason=problem.reason, detail=problem.detail
        )


def _decoded(topic: str, payload: bytes) -> Decoded:
    levels = topic.split("/")
    account = _name(levels[2]) if len(levels) > 2 else ""
    if levels[:2] == ["lampkeep", "z2m"]:
        return _bridged(account, levels[3:], payload)
    device_id = _name(levels[3]) if len(levels) > 3 else ""
    if len(levels) != 5 or levels[:2] != ["lampkeep", "v1"] or not account or not device_id:
        return _misplaced(account, device_id, payload, f"not a topic of ours: {topic!r:.160}")
    lane = levels[4]
    if lane == "observation":
        return _observation(account, device_id, payload)
    if lane == "urgent":
        return _urgent(account, device_id, payload)
    if lane == "status":
        return _status(account, device_id, payload)
    if lane == "command":
        return Ignored(reason="our own way down")
    return _misplaced(account, device_id, payload, f"no such topic of a device: {lane!r:.80}")


def _observation(account: str, device_id: str, payload: bytes) -> Decoded:
    try:
        fields = read_json(payload)
        message = message_of(fields)
    except UnreadableError as error:
        if error.is_urgent:
            return _unreadable(account, device_id, error, payload)
        return Rejected(account=account, device_id=device_id, reason=error.reason, detail=error.detail)
    return _said(account, device_id, fields, message, marks=("observation_topic",))


def _urgent(account: str, device_id: str, payload: bytes) -> Decoded:
    try:
        fields = read_json(payload)
        message = message_of(fields)
    except UnreadableError as error:
        return _unreadable(account, device_id, error, payload)
    return _said(account, device_id, fields, message)


def _said(
    account: str, device_id: str, fields: dict[str, Any], message: Message, *, marks: tuple[str, ...] = ()
) -> Urgent | Observed:
    """`marks` are for an urgent message only."""
    extra = None if fields.keys() <= FIELDS else {key: value for key, value in fields.items() if key not in FIELDS}
    if message.type in URGENT_TYPES:
        return Urgent(
            account=account,
            device_id=device_id,
            message_id=message.id,
            type=message.type,
            at=message.at,
            battery=percent(message.battery),
            content=fields.get("data", {}),
            extra=extra,
            marks=marks,
        )
    observation = cast("ObservationMessage", message)
    return Observed(
        account=account,
        device_id=device_id,
        message_id=observation.id,
        type=observation.type,
        at=observation.at,
        battery=percent(observation.battery),
        on=value_of(observation.type, observation.data),
        content=fields.get("data", {}),
        extra=extra,
    )


def _unreadable(account: str, device_id: str, error: UnreadableError, payload: bytes) -> Urgent:
    """Still an alarm (contract section 2), and recorded as rejected too.

    Its id is taken from wherever one can be seen: without a receipt the device would send it for ever.
    """
    return Urgent(
        account=account,
        device_id=device_id,
        message_id=error.message_id or _id_at_a_glance(payload),
        type=UNKNOWN if error.reason is Reason.UNKNOWN_TYPE else UNREADABLE,
        problem=Problem(reason=error.reason, detail=error.detail),
    )


def _id_at_a_glance(payload: bytes) -> str | None:
    found = _ID_AT_A_GLANCE.search(payload, 0, _GLANCE_BYTES)
    try:
        seen = found[1].decode() if found else None
    except UnicodeDecodeError:
        return None
    return seen


def _status(account: str, device_id: str, payload: bytes) -> Decoded:
    try:
        status = read_status(payload)
    except UnreadableError as error:
        return Rejected(account=account, device_id=device_id, reason=error.reason, detail=error.detail)
    return Observed(
        account=account,
        device_id=device_id,
        message_id=None,
        type=ONLINE,
        on=status.online,
        content={"online": status.online},
    )


def _misplaced(account: str, device_id: str, payload: bytes, detail: str) -> Decoded:
    """A wrong topic. What calls itself urgent there is an alarm all the same: not known means tell somebody."""
    problem = Problem(reason=Reason.WRONG_TOPIC, detail=detail)
    try:
        kind, message_id = _urgent_type(read_json(payload))
    except UnreadableError:
        kind, message_id = None, None
    if kind is None or not account:
        return Rejected(account=account or None, device_id=device_id or None, reason=problem.reason, detail=detail)
    return Urgent(account=account, device_id=device_id, message_id=message_id, type=UNREADABLE, problem=problem)


def _urgent_type(fields: dict[str, Any]) -> tuple[str | None, str | None]:
    """Type and id of what calls itself urgent; the type is None for anything else."""
    try:
        message = message_of(fields)
    except UnreadableError as error:
        return (error.message_type if error.is_urgent else None), error.message_id
    return (message.type if message.type in URGENT_TYPES else None), message.id


def _bridged(account: str, levels: list[str], payload: bytes) -> Decoded:
    """A topic of Zigbee2MQTT; friendly names may hold slashes."""
    if not account or not levels or not levels[0]:
        return _misplaced(account, "", payload, "a bridge's topic without account or device")
    if levels[0] == "bridge":
        if levels == ["bridge", "state"]:
            return _connection(account, None, payload)
        return Ignored(reason="the bridge's own affairs")
    if not payload:
        return Ignored(reason="the bridge clears a retained message")
    if len(levels) > 1 and (levels[-1] in _BRIDGE_COMMANDS or levels[-2] in _BRIDGE_COMMANDS):
        return Ignored(reason="a command to the bridge")
    if len(levels) > 1 and levels[-1] == "availability":
        return _connection(account, _name("/".join(levels[:-1])), payload)
    if len(levels) > 1 and levels[-1] == "action":
        return _bare_action(account, _name("/".join(levels[:-1])), payload)
    name = _name("/".join(levels))
    try:
        fields = read_json(payload)
    except UnreadableError as error:
        return Rejected(account=account, device_id=name, reason=error.reason, detail=error.detail)
    return Bridged(account=account, name=name, said=Bridge.STATE, fields=fields)


def _connection(account: str, name: str | None, payload: bytes) -> Decoded:
    """`online`, `"online"` or `{"state":"online"}`, of a device or (`name` None) of the bridge itself."""
    text = payload.strip(b'" \r\n\t')
    if text not in {b"online", b"offline"}:
        try:
            state = read_json(payload).get("state")
        except UnreadableError as error:
            return Rejected(account=account, device_id=name, reason=error.reason, detail=error.detail)
        if not isinstance(state, str) or state not in {"online", "offline"}:
            detail = "neither online nor offline"
            return Rejected(account=account, device_id=name, reason=Reason.MALFORMED, detail=detail)
        text = state.encode()
    return Bridged(account=account, name=name or "", said=Bridge.CONNECTION, fields={"online": text == b"online"})


def _bare_action(account: str, name: str, payload: bytes) -> Decoded:
    """`<name>/action` with the bare word, which a bridge sends beside the state when it also serves Home Assistant."""
    try:
        word = payload.decode().strip().strip('"')
    except UnicodeDecodeError as error:
        return Rejected(account=account, device_id=name, reason=Reason.MALFORMED, detail=f"not UTF-8: {error.reason}")
    return Bridged(account=account, name=name, said=Bridge.ACTION, fields={"action": word[:LONGEST_NAME]})


def _name(level: str) -> str:
    """A topic level fit to be a key and a line of a log; one of ours comes back as it is."""
    if len(level) <= LONGEST_NAME and (level.isprintable() or all(map(_is_text, level))):
        return level
    clean = "".join(letter if _is_text(letter) else "\ufffd" for letter in level[:64])
    return f"{clean}~{sha256(level.encode('utf-8', 'replace')).hexdigest()[:8]}"


def _is_text(letter: str) -> bool:
    return category(letter) not in _NO_TEXT
