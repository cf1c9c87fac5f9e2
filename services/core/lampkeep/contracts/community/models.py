"""The objects of a community file (contract section 3), each valid by itself; see `references` for what ties them."""

from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from lampkeep.contracts.community.fields import (
    DAYS,
    Account,
    Address,
    Birthday,
    Day,
    Duration,
    EndOfShift,
    Id,
    Items,
    LongerThanNothing,
    Name,
    Notes,
    Phone,
    TimeOfDay,
    Url,
    Word,
    Z2mName,
    minutes,
    shown,
    text,
    wrong,
)
from lampkeep.contracts.community.rules import ALWAYS_ON, SUSPENDABLE, Rules, Spec
from lampkeep.domain.policy import DEFAULT_DELIVER_WITHIN, DEFAULT_LEASE
from lampkeep.domain.vocabulary import AlertKind, DeviceKind, Priority, Role

DEFAULT_TIMEZONE = "Asia/Shanghai"
"""Contract section 3."""

LATER_CHANNELS = ("apprise", "sms", "voice", "device", "console")
"""Kinds of channel that a later release has; a file that names one is told so instead of waiting for it in vain."""

POLICY_KEYS = ("default", *(priority.value for priority in Priority), *(kind.value for kind in AlertKind))
"""What a plan may choose a policy by."""

RoleName = Annotated[Role, Field(strict=False)]
KindName = Annotated[DeviceKind, Field(strict=False)]


class AreaSpec(Spec):
    """An area; without a parent it is a root."""

    id: Id
    name: Name
    parent: Id | None = None


def _channel_kind(value: object) -> object:
    if value in LATER_CHANNELS:
        raise wrong(f"{shown(value)} channels are not in this release: only webhook is")
    if value != "webhook":
        raise wrong(f"{shown(value)} is none of webhook")
    return value


class ChannelSpec(Spec):
    """A way to tell a responder. Without a `secret` the signature is made with an empty one."""

    kind: Annotated[Literal["webhook"], BeforeValidator(_channel_kind)]
    url: Url
    secret: Annotated[str, BeforeValidator(text(512))] | None = None


class ResponderSpec(Spec):
    """Somebody who can be asked; an area stands for everything below it; channels in the order they are tried."""

    id: Id
    name: Name
    role: RoleName
    areas: Items[Id] = ()
    phone: Phone | None = None
    channels: Items[ChannelSpec] = ()

    @model_validator(mode="after")
    def _each_once(self) -> "ResponderSpec":
        _refuse_repeats(self.areas, "areas")
        return self


class ShiftSpec(Spec):
    """A weekly shift; with `to` before `from_` it runs over midnight and belongs to its first day."""

    responders: Items[Id] = Field(min_length=1)
    days: Items[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = Field(default=DAYS, min_length=1)
    from_: TimeOfDay = Field(default="00:00", alias="from")
    to: EndOfShift = "24:00"

    @model_validator(mode="after")
    def _runs(self) -> "ShiftSpec":
        _refuse_repeats(self.responders, "responders")
        _refuse_repeats(self.days, "days")
        if minutes(self.from_) == minutes(self.to):
            raise wrong(f'begins and ends at {self.to}: write from "00:00" to "24:00" for a whole day')
        return self


class RosterSpec(Spec):
    """Who of a role is on duty in an area, and when."""

    area: Id
    role: RoleName
    shifts: Items[ShiftSpec] = Field(min_length=1)


class StepSpec(Spec):
    """One rung of a policy; `after` counts from the opening of the alert."""

    to: Items[RoleName] = Field(min_length=1)
    after: Duration = Field(default_factory=lambda: DEFAULT_DELIVER_WITHIN * 0)
    deliver_within: LongerThanNothing = DEFAULT_DELIVER_WITHIN
    repeat_every: LongerThanNothing | None = None

    @model_validator(mode="after")
    def _each_once(self) -> "StepSpec":
        _refuse_repeats(self.to, "to")
        return self


class PolicySpec(Spec):
    """An escalation policy: its steps in the order of their instants."""

    id: Id
    steps: Items[StepSpec] = Field(min_length=1, max_length=50)
    acknowledge_lease: LongerThanNothing = DEFAULT_LEASE

    @model_validator(mode="after")
    def _in_order(self) -> "PolicySpec":
        for number, (earlier, later) in enumerate(zip(self.steps, self.steps[1:], strict=False), start=2):
            if later.after < earlier.after:
                raise wrong(f"step {number} comes before step {number - 1}: `after` must not fall")
        return self

    def body(self) -> dict[str, Any]:
        """The object without its id, as JSON in the file's spelling."""
        return _spelled(self, "id")


def _policy_key(value: object) -> str:
    if value not in POLICY_KEYS:
        raise wrong(f"{shown(value)} is none of {', '.join(POLICY_KEYS)}")
    return str(value)


class PlanSpec(Spec):
    """一人一策: which rules hold, with which thresholds, and which policy answers.

    `sos_cancel: allow`, here or among the rules, lets the resident's cancel close an SOS.
    """

    id: Id
    rules: Rules = Rules()
    policies: dict[Annotated[str, BeforeValidator(_policy_key)], Id] = Field(default_factory=dict)
    sos_cancel: Literal["allow"] | None = None

    def body(self) -> dict[str, Any]:
        """The object without its id, as JSON: `rules`, `policies`, and `sos_cancel` only where it is 'allow'."""
        found: dict[str, Any] = {"rules": self.rules.body(), "policies": dict(self.policies)}
        if self.sos_cancel or self.rules.sos_cancel:
            found["sos_cancel"] = "allow"
        return found


class ResidentSpec(Spec):
    """A person who lives in a home; who keeps no names writes none."""

    id: Id
    name: Name | None = None
    born: Birthday | None = None
    phone: Phone | None = None
    traits: Items[Word] = ()
    notes: Notes | None = None


def _suspended_rule(value: object) -> str:
    if value in ALWAYS_ON:
        raise wrong(f"{shown(value)} is urgent and cannot be suspended")
    if not isinstance(value, str) or value not in SUSPENDABLE:
        raise wrong(f"{shown(value)} is none of {', '.join(sorted(SUSPENDABLE))}")
    return value


class SuspendSpec(Spec):
    """Rules that rest (hospital, holiday) until the morning of `until`; without `from_` they rest already."""

    rules: Items[Annotated[str, BeforeValidator(_suspended_rule)]] = Field(min_length=1)
    from_: Day | None = Field(default=None, alias="from")
    until: Day
    reason: Notes | None = None

    @model_validator(mode="after")
    def _ends(self) -> "SuspendSpec":
        if self.from_ is not None and self.until <= self.from_:
            raise wrong(f"ends on {self.until}, not after it begins on {self.from_}")
        return self

    def body(self) -> dict[str, Any]:
        """The object as JSON in the file's spelling."""
        return _spelled(self)


class DeviceSpec(Spec):
    """A device of a home; its account is its own id unless it speaks through another."""

    id: Id
    kind: KindName
    place: Word | None = None
    account: Account | None = None
    z2m: Z2mName | None = None
    heartbeat_every: LongerThanNothing | None = None

    @property
    def speaks_as(self) -> str:
        """The MQTT user name that may speak for it."""
        return self.account or self.id


def _location(value: object) -> tuple[float, float]:
    numbers = value if isinstance(value, list | tuple) else ()
    if len(numbers) != 2 or any(isinstance(one, bool) or not isinstance(one, int | float) for one in numbers):
        raise wrong("must be [latitude, longitude] in degrees")
    latitude, longitude = float(numbers[0]), float(numbers[1])
    if not -90 <= latitude <= 90:
        raise wrong(f"latitude {latitude:g} is not between -90 and 90")
    if not -180 <= longitude <= 180:
        raise wrong(f"longitude {longitude:g} is not between -180 and 180")
    return latitude, longitude


class HomeSpec(Spec):
    """A home with its residents and devices; `location` is latitude and longitude in WGS 84."""

    id: Id
    area: Id
    plan: Id
    address: Address | None = None
    location: Annotated[tuple[float, float], BeforeValidator(_location)] | None = None
    emergency_consent: bool = False
    residents: Items[ResidentSpec] = ()
    family: Items[Id] = ()
    suspend: Items[SuspendSpec] = ()
    devices: Items[DeviceSpec] = ()

    @model_validator(mode="after")
    def _each_once(self) -> "HomeSpec":
        _refuse_repeats(self.family, "family")
        return self


def _timezone(value: object) -> object:
    try:
        if isinstance(value, str) and value not in {"localtime", "posixrules", "Factory"}:
            ZoneInfo(value)
            return value
    except (ValueError, OSError, KeyError):
        pass
    raise wrong(f"{shown(value)} is no IANA time zone, like Asia/Shanghai")


def _version(value: object) -> object:
    if value != "v1":
        raise wrong(f"{shown(value)} is none of v1")
    return value


Timezone = Annotated[str, BeforeValidator(_timezone)]


class Community(Spec):
    """A whole file. One that came from `parse` is consistent in itself: see `references`."""

    lampkeep: Annotated[Literal["v1"], BeforeValidator(_version)] = "v1"
    timezone: Timezone = DEFAULT_TIMEZONE
    areas: Items[AreaSpec] = ()
    responders: Items[ResponderSpec] = ()
    rosters: Items[RosterSpec] = ()
    policies: Items[PolicySpec] = ()
    plans: Items[PlanSpec] = ()
    homes: Items[HomeSpec] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The zone of its times of day."""
        return ZoneInfo(self.timezone)

    def body(self) -> dict[str, Any]:
        """The file as JSON in its own spelling: `parse` of it gives an equal community."""
        return _spelled(self)


def _refuse_repeats(values: tuple[str, ...], key: str) -> None:
    repeated = next((one for number, one in enumerate(values) if one in values[:number]), None)
    if repeated is not None:
        raise wrong(f'{key} names "{repeated}" twice')


def _spelled(spec: Spec, *without: str) -> dict[str, Any]:
    return spec.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True, exclude=set(without))
