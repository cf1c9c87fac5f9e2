"""MQTT accounts of the embedded broker: a password for each, and what NATS lets each do."""

import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lampkeep_standalone import private_file

SERVICES = "_services"
"""The account of ingest and dispatch; an underscore, because no account of the community file may begin with one."""

_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,63}")
"""As the community file has it; in particular no wildcard of MQTT or NATS."""


def passwords(file: Path, known: Iterable[str]) -> dict[str, str]:
    """Account → password for every account in `known` and for the services.

    Kept in `file` (lines `account:password`, mode 0600): an account keeps its password while it is known, a new one
    gets a random one of 192 bits, one that is no longer known loses it. Names that are no id of the community file are
    left out.
    """
    lines = (line.rpartition(":") for line in (private_file.read(file) or "").splitlines())
    before = {name: password for name, colon, password in lines if colon}
    wanted = [SERVICES, *sorted(name for name in set(known) if _ACCOUNT.fullmatch(name))]
    now = {name: before.get(name) or secrets.token_urlsafe(24) for name in wanted}
    if now != before:
        private_file.write(file, "".join(f"{name}:{password}\n" for name, password in now.items()))
    return now


def nats_users(of: Mapping[str, str]) -> list[dict[str, Any]]:
    """The `users` of NATS' configuration. A topic's `/` is a subject's `.`, its `.` is `//`, its `+` is `*`.

    An account publishes for its own devices and its Zigbee2MQTT bridge, and hears its own commands; `$MQTT.sub` is
    where NATS hands over stored messages. The services may do everything.
    """
    return [_nats_user(name, password) for name, password in of.items()]


def _nats_user(name: str, password: str) -> dict[str, Any]:
    login = {"user": name, "password": password, "allowed_connection_types": ["MQTT"]}
    if name == SERVICES:
        return login
    token = name.replace(".", "//")
    own, bridge = f"lampkeep.v1.{token}", f"lampkeep.z2m.{token}"
    return login | {
        "permissions": {
            "publish": {"allow": [f"{own}.*.urgent", f"{own}.*.observation", f"{own}.*.status", bridge, f"{bridge}.>"]},
            "subscribe": {"allow": [f"{own}.*.command", bridge, f"{bridge}.>", "$MQTT.sub.>"]},
        }
    }
