"""The value and the battery of an observation, as the fold takes them: the same live and in replay."""

from math import floor
from typing import Any

from lampkeep.domain.home_state import ALWAYS_ON
from lampkeep.domain.vocabulary import MessageType

VALUE_OF = {
    MessageType.DOOR.value: "open",
    MessageType.MOTION.value: "active",
    MessageType.PRESENCE.value: "occupied",
    MessageType.TAMPER.value: "active",
}
"""Which field of `data` is the value of a type; the other observations have none."""


def value_of(type_: str, content: Any) -> bool | None:
    """The value in the `data` model of a message: true for a press, `well` of an answer, None where there is none."""
    if type_ == MessageType.PROMPT_ANSWER:
        return bool(content.well)
    if type_ in ALWAYS_ON:
        return True
    name = VALUE_OF.get(type_)
    return None if name is None else bool(getattr(content, name))


def percent(battery: float | None) -> int | None:
    """Whole percent, rounded down: under 15 stays under 15."""
    return None if battery is None else floor(battery)
