"""What can be said of a home as a whole, with the reasons: for people, in Chinese and English.

*unobservable*: too few sensors work to know. *away*: nobody is home, as far as the doors tell. *silent*: nobody stirred
for longer than the plan allows. *at rest*: a bed or chair is taken. *active*: none of these. The first that holds, in
this order.
"""

from datetime import datetime

from lampkeep.domain.findings import Evidence, HomeVerdict, Scene
from lampkeep.domain.rules.wording import clock, instant, named
from lampkeep.domain.sight import Why
from lampkeep.domain.vocabulary import AlertKind
from lampkeep.domain.whereabouts import Place

SILENCES = frozenset({AlertKind.INACTIVITY, AlertKind.NOT_UP})
"""Kinds that say that nobody stirs; while the resident is away they are notes."""

_WHY = {
    Why.GATEWAY_OFFLINE: ("网关离线", "its gateway is offline"),
    Why.OFFLINE: ("离线", "offline"),
    Why.MISSED_BEATS: ("没有按时报到", "missed three reports"),
    Why.DEAD_BATTERY: ("电池耗尽", "battery empty"),
    Why.STUCK_ON: ("一直显示触发", "stuck on"),
    Why.TAMPERED: ("被拆动", "tampered with"),
}

_VERDICT = {
    HomeVerdict.ACTIVE: ("有人活动", "active"),
    HomeVerdict.AT_REST: ("在休息", "at rest"),
    HomeVerdict.AWAY: ("外出", "away"),
    HomeVerdict.SILENT: ("没有动静", "silent"),
    HomeVerdict.UNOBSERVABLE: ("看不到家中情况", "cannot be seen"),
}


def judge(scene: Scene, *, silent: bool) -> HomeVerdict:
    """The verdict; `silent` is whether a rule of `SILENCES` holds."""
    if scene.sight.since is not None or scene.sight.sensors == 0:
        return HomeVerdict.UNOBSERVABLE
    if scene.where.place is Place.AWAY:
        return HomeVerdict.AWAY
    if scene.where.place is Place.AT_REST:
        return HomeVerdict.AT_REST
    return HomeVerdict.SILENT if silent else HomeVerdict.ACTIVE


def reasons(scene: Scene, verdict: HomeVerdict) -> Evidence:
    """`verdict`, a sentence in both languages, and `because`: for each reason what, which device and since when
    (RFC 3339)."""
    because = _because(scene, verdict)
    zh, en = _VERDICT[verdict]
    return {
        "verdict": verdict.value,
        "verdict_zh": "；".join([zh, *(str(one.pop("zh")) for one in because)]),
        "verdict_en": "; ".join([en, *(str(one.pop("en")) for one in because)]),
        "because": because,
    }


def _because(scene: Scene, verdict: HomeVerdict) -> list[Evidence]:
    if verdict is HomeVerdict.UNOBSERVABLE:
        blind = scene.sight.blind
        if not blind:
            return [{"what": "no_sensors", "zh": "没有活动传感器", "en": "it has no activity sensor"}]
        return [
            _reason(scene, one.why.value, one.device.device_id, one.since, *(text for text in _WHY[one.why]))
            for one in blind
        ]
    where = scene.where
    if where.since is not None and where.device is not None and verdict is HomeVerdict.AWAY:
        return [
            _reason(
                scene, "door", where.device.device_id, where.since, "动过，之后屋内没有动静", "moved, nothing since"
            )
        ]
    if where.since is not None and where.device is not None and verdict is HomeVerdict.AT_REST:
        return [_reason(scene, "occupied", where.device.device_id, where.since, "有人", "occupied")]
    activity = scene.activity
    if activity is None:
        return [{"what": "never", "zh": "还没有任何动静", "en": "nothing has stirred yet"}]
    return [_reason(scene, "activity", activity.device_id, activity.at, "最后一次动静", "last activity")]


def _reason(scene: Scene, what: str, device_id: str | None, at: datetime, zh: str, en: str) -> Evidence:
    device, when = scene.device(device_id), clock(at, scene)
    return {
        "what": what,
        "device": device_id,
        "place": device.place if device else None,
        "at": instant(at),
        "zh": f"{named(device, 'zh') or device_id or ''}自{when}{zh}".strip(),
        "en": f"{named(device, 'en') or device_id or ''} since {when}: {en}".strip(),
    }
