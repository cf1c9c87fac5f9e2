"""The community of a load run: plain, regular, and with as many devices as are asked for, each its own account."""

from typing import Any

from lampkeep_sim.made_up import as_yaml

SENSORS = (("door", "entrance"), ("motion", "bathroom"), ("motion", "living-room"), ("presence", "bedroom"))
"""What a home has besides its pendant: five devices a home, so that 500 devices are 100 homes."""

DEVICES_PER_HOME = 1 + len(SENSORS)


def load_community(homes: int, hook: str, *, secret: str = "load", sensors: bool = True) -> dict[str, Any]:  # noqa: S107
    """Return the object of a community file; everybody's webhook is `hook`.

    One grid worker is asked at 0 s and nobody repeats, so that a run counts one webhook an alert. `sensors` False makes
    homes of a pendant only.
    """
    channels = [{"kind": "webhook", "url": hook, "secret": secret}]
    rules: dict[str, Any] = {"inactivity": {"day": "12h", "night": "12h", "day_hours": "07:00-22:00"}}
    return {
        "lampkeep": "v1",
        "areas": [{"id": "load", "name": "负荷区"}],
        "responders": [
            {"id": "load-worker", "name": "网格员", "role": "grid_worker", "areas": ["load"], "channels": channels}
        ],
        "policies": [{"id": "load", "steps": [{"to": ["grid_worker"], "after": "0s", "deliver_within": "5s"}]}],
        "plans": [{"id": "load", "rules": rules, "policies": {"default": "load"}}],
        "homes": [_home(number, sensors=sensors) for number in range(homes)],
    }


def load_community_yaml(homes: int, hook: str, *, sensors: bool = True) -> str:
    """Return the text of that community file."""
    return as_yaml(load_community(homes, hook, sensors=sensors))


def _home(number: int, *, sensors: bool) -> dict[str, Any]:
    tail = f"{number:05d}"
    devices = [{"id": f"load-pendant-{tail}", "kind": "pendant"}]
    if sensors:
        devices += [{"id": f"load-{kind}-{place}-{tail}", "kind": kind, "place": place} for kind, place in SENSORS]
    return {"id": f"load-home-{tail}", "area": "load", "plan": "load", "emergency_consent": True, "devices": devices}
