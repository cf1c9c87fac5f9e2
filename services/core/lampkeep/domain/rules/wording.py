"""The evidence of a finding in words, Chinese and English, with local times. No names: every responder sees it."""

from datetime import UTC, datetime, timedelta

from lampkeep.domain.findings import Evidence, Scene
from lampkeep.domain.home import Device

_PLACES = {
    "bathroom": ("卫生间", "bathroom"),
    "bedroom": ("卧室", "bedroom"),
    "kitchen": ("厨房", "kitchen"),
    "living-room": ("客厅", "living room"),
    "hall": ("过道", "hall"),
    "balcony": ("阳台", "balcony"),
    "entrance": ("大门", "entrance"),
}
"""Places that have a word of their own in both languages; any other is shown as the community file spells it."""


def place(name: str | None, language: str) -> str:
    """A place in `language` (zh or en); '' where it is not known."""
    zh, en = _PLACES.get(name or "", (name or "", name or ""))
    return zh if language == "zh" else en


def clock(at: datetime, scene: Scene) -> str:
    """The local time of day, with the date where it was not today."""
    local, today = at.astimezone(scene.zone), scene.now.astimezone(scene.zone).date()
    return local.strftime("%H:%M" if local.date() == today else "%Y-%m-%d %H:%M")


def length(duration: timedelta, language: str) -> str:
    """A duration to the minute, or to the second below one."""
    seconds = int(duration.total_seconds())
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if seconds < 60:
        return f"{seconds}秒" if language == "zh" else f"{seconds} s"
    if language == "zh":
        return (f"{hours}小时" if hours else "") + (f"{minutes}分钟" if minutes or not hours else "")
    return " ".join((f"{hours} h",) * bool(hours) + (f"{minutes} min",) * bool(minutes or not hours))


def told(scene: Scene, *, zh: str, en: str, device: Device | None = None, **more: str | int | None) -> Evidence:
    """Evidence with what every kind has: the last activity and its place, the device it is about, and the sentence."""
    activity = scene.activity
    last = scene.device(activity.device_id) if activity else None
    evidence: Evidence = {
        "last_activity_at": instant(activity.at) if activity else None,
        "last_place": last.place if last else None,
        "last_device": activity.device_id if activity else None,
    }
    if device is not None:
        evidence |= {"device": device.device_id, "device_kind": device.kind.value, "place": device.place}
    return evidence | more | {"text": zh, "text_zh": zh, "text_en": en}


def instant(at: datetime) -> str:
    """RFC 3339, UTC, milliseconds where there are any."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds" if at.microsecond else "seconds").replace("+00:00", "Z")


def named(device: Device | None, language: str) -> str:
    """A device as a person knows it: its id, and its place where it has one; '' for none."""
    if device is None:
        return ""
    where = place(device.place, language)
    if not where:
        return device.device_id
    return f"{where}（{device.device_id}）" if language == "zh" else f"{device.device_id} ({where})"
