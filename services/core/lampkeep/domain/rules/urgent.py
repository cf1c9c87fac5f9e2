"""What an urgent message means, before any plan is asked: these kinds are always on and cannot be suspended."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from lampkeep.domain.findings import Evidence
from lampkeep.domain.home import Device
from lampkeep.domain.rules.wording import instant, named
from lampkeep.domain.vocabulary import AlertKind, MessageType

UNKNOWN = "unknown"
"""Stands for the type of an urgent message that names none we know."""

UNREADABLE = "unreadable"
"""Stands for the type of an urgent message whose body could not be read."""

_WARNERS = {
    MessageType.FALL: AlertKind.FALL,
    MessageType.SMOKE: AlertKind.SMOKE,
    MessageType.GAS: AlertKind.GAS,
}

_SENTENCES = {
    "sos": ("有人按下求助按钮", "Somebody pressed the help button"),
    "fall": ("跌倒报警", "A fall was detected"),
    "smoke": ("烟雾报警", "Smoke was detected"),
    "gas": ("燃气报警", "Gas was detected"),
    "sos_cancel": ("收到撤销求助的信息", "A call for help was taken back"),
    "fall_over": ("收到跌倒报警结束的信息", "A fall alarm has ended"),
    "smoke_over": ("收到烟雾报警结束的信息", "A smoke alarm has ended"),
    "gas_over": ("收到燃气报警结束的信息", "A gas alarm has ended"),
    UNREADABLE: ("收到无法读取的紧急信息", "An urgent message could not be read"),
    UNKNOWN: ("收到不认识的紧急信息", "An urgent message of unknown type came"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Raise:
    """Open an alert of `kind`, or join the active one of its cause as an occurrence of `kind`."""

    kind: AlertKind
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """Tell the owner of the active alert and the duty room, as an occurrence; opens and closes nothing."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBack:
    """A cancel that the plan allows: the resident's own active sos alert may be closed by it."""

    ref: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """Stored and receipted, no more."""

    reason: str


Meaning: TypeAlias = Raise | Tell | TakeBack | Nothing


def meaning(type_: str, data: Mapping[str, object], *, registered: bool, sos_cancel_allowed: bool = False) -> Meaning:
    """What the urgent message `type_` with `data` asks for (contract section 2).

    What cannot be understood is an sos, and so is all that comes from an unregistered device, except a test press: not
    known means tell somebody.
    """
    if type_ == MessageType.SOS:
        return Nothing(reason="test_press") if data.get("test") is True else Raise(kind=AlertKind.SOS, reason="sos")
    if type_ == MessageType.SOS_CANCEL:
        if not registered:
            return Raise(kind=AlertKind.SOS, reason="sos_cancel")
        ref = data.get("ref")
        if sos_cancel_allowed:
            return TakeBack(ref=ref if isinstance(ref, str) else None, reason="sos_cancel")
        return Tell(reason="sos_cancel")
    if type_ in _WARNERS and data.get("active", True) is False:
        over = f"{type_}_over"
        return Tell(reason=over) if registered else Raise(kind=AlertKind.SOS, reason=over)
    if type_ in _WARNERS and registered:
        return Raise(kind=_WARNERS[MessageType(type_)], reason=type_)
    return Raise(kind=AlertKind.SOS, reason=type_ if type_ in {*_WARNERS, UNREADABLE} else UNKNOWN)


def urgent_evidence(asked: Raise, device_id: str, device: Device | None, at: datetime) -> Evidence:
    """What is known of an urgent message, with a sentence in Chinese and English; `device` is None where it is not
    registered. `at` is the instant of the message."""
    zh, en = _SENTENCES.get(asked.reason, _SENTENCES[UNKNOWN])
    name_zh, name_en = (named(device, "zh"), named(device, "en")) if device else (device_id, device_id)
    where = device.place if device else None
    text = f"{zh}：{name_zh}" if device else f"{zh}：未登记的设备{name_zh}"
    return {
        "last_activity_at": instant(at),
        "last_place": where,
        "last_device": device_id,
        "device": device_id,
        "device_kind": device.kind.value if device else None,
        "place": where,
        "reason": asked.reason,
        "text": text,
        "text_zh": text,
        "text_en": f"{en}: {name_en}" if device else f"{en}: unregistered device {name_en}",
    }
