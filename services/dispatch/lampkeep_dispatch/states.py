"""Home states as rules take them, read from the fold's table and from the presses."""

from collections.abc import Iterable
from typing import Any

from lampkeep.domain.home_state import PRESSES, DeviceState, HomeState
from lampkeep_dispatch.database import Connection
from lampkeep_dispatch.sql import QUERIES


async def load_states(connection: Connection, home_ids: list[str]) -> dict[str, HomeState]:
    """The state of each home, an empty one where nothing was ever heard."""
    wanted = {"home_ids": home_ids, "presses": sorted(PRESSES)}
    rows = await (await connection.execute(QUERIES["states_of_homes"], wanted)).fetchall()
    presses = await (await connection.execute(QUERIES["presses_of_homes"], wanted)).fetchall()
    states: dict[str, dict[tuple[str, str], DeviceState]] = {home_id: {} for home_id in home_ids}
    for row in rows:
        states[row["home_id"]][row["device_id"], row["type"]] = _state(row)
    pressed = {row["home_id"]: row for row in presses}
    return {home_id: _home(states[home_id], pressed.get(home_id)) for home_id in home_ids}


def state_of(rows: Iterable[dict[str, Any]]) -> HomeState:
    """One home's state without its presses."""
    return HomeState(states={(row["device_id"], row["type"]): _state(row) for row in rows})


def _home(states: dict[tuple[str, str], DeviceState], press: dict[str, Any] | None) -> HomeState:
    if press is None:
        return HomeState(states=states)
    return HomeState(states=states, pressed_at=press["at"], pressed_device=press["device_id"])


def _state(row: dict[str, Any]) -> DeviceState:
    return DeviceState(
        device_id=row["device_id"],
        type=row["type"],
        seen_at=row["seen_at"],
        on_at=tuple(row["on_at"]),
        off_at=tuple(row["off_at"]),
        percent=row["percent"],
        percent_at=row["percent_at"],
    )
