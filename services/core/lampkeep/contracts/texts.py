"""The sentences that people are told, in Chinese and English: a small catalogue keyed by reason, text key and kind.

A key that the catalogue does not know still gives a sentence: a person is never left without one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from lampkeep.domain.vocabulary import AlertKind

Language = Literal["zh", "en"]

HAPPENED: Mapping[AlertKind, tuple[str, str]] = {
    AlertKind.SOS: ("按下了紧急呼叫", "pressed the SOS button"),
    AlertKind.FALL: ("疑似跌倒", "may have fallen"),
    AlertKind.SMOKE: ("家中烟雾报警", "smoke alarm at home"),
    AlertKind.GAS: ("家中燃气报警", "gas alarm at home"),
    AlertKind.INACTIVITY: ("长时间没有活动", "has not stirred for a long time"),
    AlertKind.NOT_UP: ("今天早晨没有起床活动", "is not up this morning"),
    AlertKind.OVERSTAY: ("在同一处停留过久", "has stayed in one place for too long"),
    AlertKind.NIGHT_EXIT: ("夜间外出", "went out at night"),
    AlertKind.NOT_RETURNED: ("外出未归", "has not come back"),
    AlertKind.DOOR_LEFT_OPEN: ("家门长时间未关", "the entrance door was left open"),
    AlertKind.MISSED_CHECKIN: ("没有按时报平安", "missed the check-in"),
    AlertKind.SYSTEM: ("系统需要人工处理", "the system needs a person"),
    AlertKind.NO_COVER: ("有时段无人值班", "a shift has nobody on duty"),
    AlertKind.DEVICE_SILENT: ("设备没有信号", "a device has gone silent"),
    AlertKind.HOME_UNOBSERVABLE: ("家中无法观察", "the home cannot be observed"),
    AlertKind.LOW_BATTERY: ("设备电量低", "a device's battery is low"),
    AlertKind.TAMPER: ("设备被拆动", "a device was tampered with"),
    AlertKind.VISIT_OVERDUE: ("探访逾期", "a visit is overdue"),
}
"""What happened, by kind, without a subject."""

_OVER = (
    "设备报告警情已停止，请核实：{who}{happened}（{time}）。地址：{where}。",
    "The device reports that it has stopped, please check: {who}: {happened} at {time}. Address: {where}.",
)

SENTENCES: Mapping[str, tuple[str, str]] = {
    "step": (
        "{who}{happened}（{time}）。地址：{where}。请点击链接确认并前往。",
        "{who}: {happened} at {time}. Address: {where}. Please acknowledge and go there.",
    ),
    "repeat": (
        "仍无人确认：{who}{happened}（{time}）。地址：{where}。请点击链接确认并前往。",
        "Still not acknowledged: {who}: {happened} at {time}. Address: {where}. Please acknowledge and go there.",
    ),
    "again": (
        "再次报警：{who}{happened}（{time}）。地址：{where}。",
        "Again: {who}: {happened} at {time}. Address: {where}.",
    ),
    "confirm": (
        "请确认是否呼叫120：{who}{happened}（{time}）。地址：{where}。",
        "Please confirm whether 120 is to be called: {who}: {happened} at {time}. Address: {where}.",
    ),
    "stand_down": (
        "已有人处理，您无需前往：{who}{happened}（{time}）。",
        "It is taken care of, you need not come: {who}: {happened} at {time}.",
    ),
    "update": (
        "情况更新：{who}{happened}（{time}）。地址：{where}。",
        "Update: {who}: {happened} at {time}. Address: {where}.",
    ),
    "telephone_line": (
        "120尚未确认受理，请立即电话呼叫120：{who}{happened}（{time}）。地址：{where}。",
        "120 has not accepted the hand-over, please telephone 120 now: {who}: {happened} at {time}. Address: {where}.",
    ),
    "line_accepted": (
        "120已受理，编号{reference}：{who}{happened}（{time}）。",
        "120 has accepted, reference {reference}: {who}: {happened} at {time}.",
    ),
    "no_step_left": (
        "所有联系人均已通知，仍无人确认，请人工处理：{who}{happened}（{time}）。地址：{where}。",
        "Everybody was told and nobody has taken it, please act: {who}: {happened} at {time}. Address: {where}.",
    ),
    "lease_lapsed": (
        "接警后长时间无进展，警情重新打开：{who}{happened}（{time}）。地址：{where}。",
        "No progress was made, the alert is open again: {who}: {happened} at {time}. Address: {where}.",
    ),
    "sos_cancel": (
        "老人按下了取消，请核实：{who}{happened}（{time}）。地址：{where}。",
        "The SOS was cancelled on the device, please check: {who}: {happened} at {time}. Address: {where}.",
    ),
    "fall_over": _OVER,
    "smoke_over": _OVER,
    "gas_over": _OVER,
    "condition_over": (
        "情况已恢复正常：{who}{happened}（{time}）。地址：{where}。",
        "The condition is over: {who}: {happened} at {time}. Address: {where}.",
    ),
}
"""By text key, else by reason: Chinese, English. Fields: who, happened, time, where, and those of `detail`."""

_NAMELESS: Mapping[Language, str] = {"zh": "住户", "en": "the resident"}
"""Who a resident is whose name is not kept."""

_LANGUAGE = {"zh": 0, "en": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """What a sentence is made of; `local` is in the community's zone.

    `names` has one for each resident, None where it is not kept; `ages` is empty where they are not told.
    """

    reason: str
    text_key: str
    kind: AlertKind
    names: tuple[str | None, ...]
    ages: tuple[int | None, ...]
    address: str | None
    home_id: str | None
    local: datetime
    evidence: Mapping[str, Any]
    detail: Mapping[str, Any]


class _Fields(dict[str, str]):
    """A field that is missing is left out of the sentence, never an error."""

    def __missing__(self, key: str) -> str:
        return ""


def say(saying: Saying, language: Language) -> str:
    """One sentence in `language`; times of day are local."""
    index = _LANGUAGE[language]
    sentence = SENTENCES.get(saying.text_key) or SENTENCES.get(saying.reason) or SENTENCES["update"]
    fields = _Fields({key: str(value) for key, value in saying.detail.items() if isinstance(value, str | int | float)})
    fields.update(
        who=_who(saying, language),
        happened=_happened(saying, language),
        time=saying.local.strftime("%m-%d %H:%M"),
        where=saying.address or saying.home_id or ("未知", "unknown")[index],
    )
    return _begun(sentence[index].format_map(fields))


def what_happened(saying: Saying, language: Language) -> str:
    """Who and what, without where and without asking for anything."""
    gap = {"zh": "", "en": ": "}[language]
    return _begun(_who(saying, language) + gap + _happened(saying, language))


def _begun(sentence: str) -> str:
    """The sentence with a capital first letter."""
    return sentence[:1].upper() + sentence[1:]


def _happened(saying: Saying, language: Language) -> str:
    kind = _kind(saying)
    told = saying.evidence.get(f"text_{language}")
    if kind is saying.kind and isinstance(told, str) and told:
        return ("：" if language == "zh" else "") + told
    return HAPPENED[kind][_LANGUAGE[language]]


def _kind(saying: Saying) -> AlertKind:
    """The occurrence's own kind where there is one: a fall that joined an SOS is told as a fall."""
    told = saying.detail.get("kind")
    return AlertKind(told) if isinstance(told, str) and told in set(AlertKind) else saying.kind


def _who(saying: Saying, language: Language) -> str:
    if not saying.names:
        device = saying.evidence.get("device")
        unknown = ("未登记设备", "Unregistered device") if saying.home_id is None else ("住户", "Home")
        named = f" {device} " if isinstance(device, str) else f" {saying.home_id} " if saying.home_id else ""
        return unknown[_LANGUAGE[language]] + (named.rstrip() if language == "en" else named)
    ages = saying.ages or (None,) * len(saying.names)
    aged, between = {"zh": ("{}（{}岁）", "、"), "en": ("{} ({})", ", ")}[language]
    pairs = zip((name or _NAMELESS[language] for name in saying.names), ages, strict=True)
    return between.join(name if years is None else aged.format(name, years) for name, years in pairs)
