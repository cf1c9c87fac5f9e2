"""The rules of a plan and their parameters, as the file spells them. What they mean and their defaults is the domain's.

A rule is `true` (its defaults), a mapping of parameters, or `false` (off, the same as not naming it). A parameter that
is not named has the default of `lampkeep.domain.care_plan`.
"""

from typing import Annotated, Any, Literal, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from lampkeep.contracts.community.fields import Items, LongerThanNothing, TimeOfDay, Window, Word, a, wrong

ALWAYS_ON = ("sos", "fall", "smoke", "gas")
"""Urgent kinds: on in every plan, and never suspended."""


class Spec(BaseModel):
    """An object of the file: unknown keys are errors, values are strict, nothing changes after it was read.

    A list that is written as nothing (`family:`) counts as not written.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty_lists(cls, value: Any) -> Any:
        if not isinstance(value, dict) or None not in value.values():
            return value
        lists = {one.alias or name for name, one in cls.model_fields.items() if get_origin(one.annotation) is tuple}
        return {key: one for key, one in value.items() if one is not None or key not in lists}


class Welfare(Spec):
    """What every welfare rule takes: `prompt` asks the resident first, for so long."""

    prompt: LongerThanNothing | None = None


class Inactivity(Welfare):
    """Nobody stirred for `day` (inside `day_hours`) or `night` (outside); `at_rest` while a bed or chair is taken."""

    day: LongerThanNothing | None = None
    night: LongerThanNothing | None = None
    day_hours: Window | None = None
    at_rest: LongerThanNothing | None = None


class NotUp(Welfare):
    """Nobody stirred between `from_` and `by`, times of day."""

    by: TimeOfDay | None = None
    from_: TimeOfDay | None = Field(default=None, alias="from")


class Overstay(Welfare):
    """In one of `places` for `for_`, and nothing elsewhere."""

    for_: LongerThanNothing | None = Field(default=None, alias="for")
    places: Items[Word] | None = Field(default=None, min_length=1)


class NightExit(Welfare):
    """An entrance opened within `window`, and not closed or nobody inside for `for_`."""

    window: Window | None = None
    for_: LongerThanNothing | None = Field(default=None, alias="for")


class NotReturned(Welfare):
    """Away for `after`, or still away at `by`."""

    after: LongerThanNothing | None = None
    by: TimeOfDay | None = None


class DoorLeftOpen(Welfare):
    """A door of one of `places` (entrance doors where none is named) open for `for_`."""

    for_: LongerThanNothing | None = Field(default=None, alias="for")
    places: Items[Word] | None = Field(default=None, min_length=1)


class MissedCheckin(Welfare):
    """No check-in between `from_` and `by`, times of day."""

    by: TimeOfDay | None = None
    from_: TimeOfDay | None = Field(default=None, alias="from")


class DeviceSilent(Spec):
    """A device with a heartbeat not heard of for `after`."""

    after: LongerThanNothing | None = None


class HomeUnobservable(Spec):
    """Too few working sensors for `unobservable_after`, for short `after`, or `gateway_after` a gateway's last will;
    stuck "on" for `stuck_after`."""

    unobservable_after: LongerThanNothing | None = None
    after: LongerThanNothing | None = None
    gateway_after: LongerThanNothing | None = None
    stuck_after: LongerThanNothing | None = None


class LowBattery(Spec):
    """A battery under `below` percent."""

    below: int | None = Field(default=None, ge=1, le=99)


class Tamper(Spec):
    """A device says that it is tampered with; no parameters."""


class VisitOverdue(Spec):
    """A visit that the schedule owes; no parameters."""


class Away(Spec):
    """When an entrance that moved means that nobody is in: nothing stirred for `settle` after it."""

    settle: LongerThanNothing | None = None


def _switch(value: object) -> object:
    if value is True:
        return {}
    if value is False:
        return None
    if not isinstance(value, dict | Spec):
        raise wrong(f"must be true or a mapping of its parameters, not {a(value)}")
    return value


def _always_on(value: object) -> object:
    if value is False:
        raise wrong("is always on and cannot be switched off")
    if value is not True:
        raise wrong(f"is always on and takes no parameters: write true or leave it out, not {a(value)}")
    return value


_Switch = BeforeValidator(_switch)
AlwaysOn = Annotated[Literal[True] | None, BeforeValidator(_always_on)]


class Rules(Spec):
    """Which rules hold. One that is not named is off, but for the urgent kinds, which are always on."""

    sos: AlwaysOn = None
    fall: AlwaysOn = None
    smoke: AlwaysOn = None
    gas: AlwaysOn = None
    sos_cancel: Literal["allow"] | None = None
    inactivity: Annotated[Inactivity | None, _Switch] = None
    not_up: Annotated[NotUp | None, _Switch] = None
    overstay: Annotated[Overstay | None, _Switch] = None
    night_exit: Annotated[NightExit | None, _Switch] = None
    not_returned: Annotated[NotReturned | None, _Switch] = None
    door_left_open: Annotated[DoorLeftOpen | None, _Switch] = None
    missed_checkin: Annotated[MissedCheckin | None, _Switch] = None
    device_silent: Annotated[DeviceSilent | None, _Switch] = None
    home_unobservable: Annotated[HomeUnobservable | None, _Switch] = None
    low_battery: Annotated[LowBattery | None, _Switch] = None
    tamper: Annotated[Tamper | None, _Switch] = None
    visit_overdue: Annotated[VisitOverdue | None, _Switch] = None
    away: Annotated[Away | None, _Switch] = None

    def body(self) -> dict[str, Any]:
        """The rules that are on, as JSON: each `true` or its parameters in the file's spelling."""
        spelled = self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
        return {name: params or True for name, params in spelled.items() if name not in (*ALWAYS_ON, "sos_cancel")}


SUSPENDABLE = frozenset(Rules.model_fields) - {*ALWAYS_ON, "sos_cancel", "away"}
"""The rules that a home's `suspend` may name."""
