"""The words of the page, each in Chinese and English."""

from collections.abc import Mapping

Both = tuple[str, str]
"""Chinese, English."""

RESIDENT: Both = ("住户", "resident")
"""Who a resident is whose name is not kept."""

STATES: Mapping[str, Both] = {
    "pre_alarm": ("预警", "pre-alarm"),
    "open": ("等待接警", "nobody has taken it yet"),
    "acknowledged": ("已接警", "taken"),
    "on_the_way": ("正在途中", "on the way"),
    "on_scene": ("已到现场", "on scene"),
    "resolved": ("已结束", "resolved"),
    "cancelled": ("已取消", "cancelled"),
}

OUTCOMES: Mapping[str, Both] = {
    "helped": ("已提供帮助", "helped"),
    "false_alarm": ("误报", "a false alarm"),
    "test": ("测试", "a test"),
    "hospital": ("已送医", "taken to hospital"),
    "deceased": ("已故", "deceased"),
    "other": ("其他", "other"),
}

BUTTONS: Mapping[str, Both] = {
    "acknowledge": ("我来处理", "I take it"),
    "on_the_way": ("我已出发", "I am on my way"),
    "on_scene": ("我已到现场", "I am there"),
    "confirm_emergency": ("确认呼叫120", "Yes, call 120"),
}

TITLE = ("求助", "Call for help")
WHO = ("老人", "Who")
WHERE = ("地址", "Where")
MAP = ("位置", "On the map")
WHEN = ("时间", "When")
WHAT = ("情况", "What happened")
PHONE = ("电话", "Telephone")
NOTES = ("注意事项", "Notes")
STATE = ("状态", "State")
TAKEN_BY = ("处理人", "Taken by")
YOU = ("您", "you")
LAST_SEEN = ("最近活动", "Last activity")
THANKS = ("已记录，谢谢您。", "Noted, thank you.")
TOO_LATE = ("已由他人处理。", "Somebody else has taken it.")
NOT_NOW = ("现在不能这样操作。", "That is not possible now.")
CLOSED = ("本次求助已结束，您无需前往。", "This call for help is over; you need not come.")
UNKNOWN = ("链接无效。", "This link is not known.")
UNAVAILABLE = (
    "系统暂时无法应答，请稍后重试；情况紧急请直接电话联系。",
    "We cannot answer just now. Try again shortly; if it is urgent, telephone.",
)
