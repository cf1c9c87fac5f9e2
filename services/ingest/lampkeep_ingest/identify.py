"""From what was said to rows: who it is by the registry, which instant counts, what identity it has.

Pure but for the memory of `Recurrence` and `Levels`. A `Directory` that is behind makes a device unknown: callers ask
`is_foreign` first, refresh the directory when it says so, and ask again.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any, Protocol

from lampkeep.contracts.messages import Reason
from lampkeep.domain.care_plan import CarePlan
from lampkeep.domain.home import Device
from lampkeep.domain.home_state import ONLINE, Reading
from lampkeep.domain.rules import wake_at
from lampkeep.domain.rules.urgent import UNREADABLE
from lampkeep.domain.vocabulary import MessageType
from lampkeep_ingest.inbox import Received
from lampkeep_ingest.instants import believed, is_late
from lampkeep_ingest.recurrence import WINDOW, Recurrence, fingerprint
from lampkeep_ingest.rows import REMEMBERED, ObservationRow, RejectedRow, UrgentRow, rejected_row
from lampkeep_ingest.said import Bridge, Bridged, Observed, Problem, Rejected, Urgent
from lampkeep_ingest.z2m import Alarm, alarms, last_seen, mistyped, values

REPEATED_ALARM = timedelta(seconds=60)
"""A detector that goes on reporting its alarm is a new cause once a minute: the first alert may have been closed."""

REMEMBERED_LEVELS = 50_000
"""Detectors whose last level is kept; the oldest go first."""


class Known(Protocol):
    """What identification asks of the registry."""

    def device(self, device_id: str) -> Device | None:
        """The device of this id, whoever's it is."""
        ...

    def device_by_z2m(self, account: str, name: str) -> Device | None:
        """The device that a bridge of `account` calls `name`."""
        ...

    def gateway_of(self, account: str) -> Device | None:
        """The gateway that is the account."""
        ...

    def plan_for(self, home_id: str) -> CarePlan | None:
        """The care plan of a home."""
        ...


def device_of(said: Observed | Urgent | Bridged, known: Known) -> Device | None:
    """The registered device that spoke under its own account, or None."""
    if isinstance(said, Bridged):
        return known.device_by_z2m(said.account, said.name) if said.name else known.gateway_of(said.account)
    device = known.device(said.device_id)
    return device if device is not None and device.account == said.account else None


def is_foreign(said: Observed | Urgent | Bridged, known: Known) -> bool:
    """Whether another account's device was named."""
    device = known.device(said.name if isinstance(said, Bridged) else said.device_id)
    return device is not None and device.account != said.account


class Levels:
    """The last level of each detector behind a bridge, which repeats it with every report."""

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[str, str, str], tuple[bool, float]] = OrderedDict()

    def is_news(self, account: str, name: str, alarm: Alarm, now_s: float) -> bool | None:
        """Whether this report says something new; None: this copy has not heard the detector before and it is quiet."""
        key = (account, name, alarm.type)
        last = self._last.get(key)
        if alarm.active:
            if last is not None and last[0] and now_s - last[1] < REPEATED_ALARM.total_seconds():
                return False
            self._keep(key, active=True, now_s=now_s)
            return True
        self._keep(key, active=False, now_s=now_s)
        return None if last is None else last[0]

    def _keep(self, key: tuple[str, str, str], *, active: bool, now_s: float) -> None:
        self._last[key] = (active, now_s)
        self._last.move_to_end(key)
        if len(self._last) > REMEMBERED_LEVELS:
            self._last.popitem(last=False)


def urgent_row(said: Urgent, source: Received, device: Device | None) -> UrgentRow:
    """The row of an urgent message; `device` None: it is not registered, and raises its alarm without a home."""
    instant = believed(said.at, source.received_at)
    late = source.retained or is_late(said.at, source.received_at)
    whole = said.problem is None and said.message_id is not None
    rejected = None
    if said.problem is not None:
        rejected = rejected_row(
            source,
            lane="urgent",
            account=said.account,
            device_id=said.device_id,
            reason=said.problem.reason,
            detail=said.problem.detail,
        )
    content = said.content or {}
    return UrgentRow(
        account=said.account,
        device_id=said.device_id,
        key=said.message_id if whole and said.message_id else fingerprint(source.topic.encode(), source.payload),
        remembered=REMEMBERED if said.message_id is not None or source.repeated else WINDOW,
        message_id=said.message_id,
        type=said.type,
        home_id=device.home_id if device else None,
        at=instant.at,
        said_at=said.at,
        received_at=source.received_at,
        battery=said.battery,
        content=content,
        extra=said.extra,
        marks=(*instant.marks, *said.marks, *_marks(source, device, late=late)),
        retained=source.retained,
        signals=not (said.type == MessageType.SOS and content.get("test") is True),
        receipt=said.message_id,
        source=source,
        rejected=rejected,
    )


def alarm_not_understood(
    said: Urgent | Bridged, source: Received, device: Device | None, error: Exception
) -> UrgentRow:
    """An alarm all the same for an urgent message over which our own code stumbles."""
    problem = Problem(reason=Reason.MALFORMED, detail=f"could not be understood: {type(error).__name__}")
    name = said.name if isinstance(said, Bridged) else said.device_id
    unreadable = Urgent(
        account=said.account,
        device_id=device.device_id if device else name,
        message_id=said.message_id if isinstance(said, Urgent) else None,
        type=UNREADABLE,
        problem=problem,
    )
    return urgent_row(unreadable, source, device)


def bridged_alarms(said: Bridged, device: Device | None) -> tuple[Alarm, ...]:
    """The urgent part of what a bridge said."""
    if said.said is Bridge.CONNECTION:
        return ()
    return alarms(said.fields, device.kind if device else None)


def bridged_urgent_row(
    said: Bridged, alarm: Alarm, source: Received, device: Device | None, recurrence: Recurrence
) -> UrgentRow:
    """The row of an alarm that a bridge told; its identity is what it says and its number (see `recurrence`)."""
    seen_at = last_seen(said.fields)
    instant = believed(seen_at, source.received_at)
    what = str(said.fields.get("action")) if not alarm.level else str(alarm.active)
    key = fingerprint(said.account.encode(), said.name.encode(), alarm.type.encode(), what.encode())
    number = 0
    if not source.retained:
        number = recurrence.number(key, form=said.said.name, now_s=source.received_s, repeated=source.repeated)
    late = source.retained or is_late(seen_at, source.received_at)
    battery = said.fields.get("battery")
    return UrgentRow(
        account=said.account,
        device_id=device.device_id if device else said.name,
        key=f"{key}-{number}",
        remembered=REMEMBERED if source.repeated else WINDOW,
        message_id=None,
        type=alarm.type.value,
        home_id=device.home_id if device else None,
        at=instant.at,
        said_at=seen_at,
        received_at=source.received_at,
        battery=int(battery) if isinstance(battery, int | float) and 0 <= battery <= 100 else None,
        content=alarm.content,
        extra={"z2m": said.fields},
        marks=(*instant.marks, *_marks(source, device, late=late)),
        retained=source.retained,
        signals=True,
        receipt=None,
        source=source,
    )


def foreign_row(said: Observed | Urgent | Bridged, source: Received, lane: str) -> RejectedRow:
    """The record of a message for a device that the account may not speak for."""
    return rejected_row(
        source,
        lane=lane,
        account=said.account,
        device_id=said.name if isinstance(said, Bridged) else said.device_id,
        reason=Reason.FOREIGN_ACCOUNT,
        detail="the device belongs to another account",
    )


def unknown_row(said: Observed | Bridged, source: Received) -> RejectedRow:
    """The record of an observation of a device that nobody registered."""
    return rejected_row(
        source,
        lane="observation",
        account=said.account,
        device_id=said.name if isinstance(said, Bridged) else said.device_id,
        reason=Reason.UNKNOWN_DEVICE,
        detail="no such device in the registry",
    )


def not_understood(said: Observed | Bridged, error: Exception) -> Rejected:
    """What becomes of a message over which our own code stumbles: recorded, so that the others flow."""
    device_id = said.name if isinstance(said, Bridged) else said.device_id
    detail = f"could not be understood: {type(error).__name__}"
    return Rejected(account=said.account, device_id=device_id, reason=Reason.MALFORMED, detail=detail)


def mistyped_row(said: Bridged, source: Received) -> RejectedRow | None:
    """The record of values of a wrong type in a state, whose other values count; None where there are none."""
    wrong = mistyped(said.fields) if said.said is Bridge.STATE else ()
    if not wrong:
        return None
    return rejected_row(
        source,
        lane="observation",
        account=said.account,
        device_id=said.name,
        reason=Reason.MALFORMED,
        detail=f"wrong type: {', '.join(wrong)}",
    )


def observation_row(said: Observed, source: Received, device: Device, known: Known) -> ObservationRow:
    """The row of an observation of a registered device."""
    instant = believed(said.at, source.received_at)
    retained = source.retained and said.type != ONLINE
    return _row(
        source=source,
        device=device,
        known=known,
        account=said.account,
        message_id=said.message_id or f"~{said.type}-{source.received_at.timestamp():.6f}",
        type_=said.type,
        at=instant.at,
        said_at=said.at,
        battery=said.battery,
        on=said.on,
        content=said.content,
        extra=said.extra,
        marks=instant.marks,
        retained=retained,
    )


def bridged_rows(said: Bridged, source: Received, device: Device, known: Known) -> list[ObservationRow]:
    """The rows of what a bridge said of a registered device, one a value.

    With `last_seen` a repeated delivery is known by it; without, each delivery stands for itself: an unchanged state at
    another time is no duplicate, and a reading told twice does no harm.
    """
    seen_at = last_seen(said.fields)
    instant = believed(seen_at, source.received_at)
    if said.said is Bridge.ACTION:
        return []  # the state beside it says the same
    found: list[tuple[str, dict[str, Any], bool | None, int | None]]
    if said.said is Bridge.CONNECTION:
        online = bool(said.fields["online"])
        stamp = f"{source.received_at.timestamp():.6f}"
        found = [(ONLINE, {"online": online}, online, None)]
    else:
        stamp = f"{fingerprint(repr(said.fields).encode())[1:17]}-{(seen_at or source.received_at).timestamp():.6f}"
        found = [(one.type.value, one.content, one.on, one.battery) for one in values(said.fields, device.kind)]
    return [
        _row(
            source=source,
            device=device,
            known=known,
            account=said.account,
            message_id=f"~{type_}-{stamp}" if battery is not None or type_ != MessageType.BATTERY else f"~low-{stamp}",
            type_=type_,
            at=instant.at,
            said_at=seen_at,
            battery=battery,
            on=on,
            content=content,
            extra={"z2m": said.fields} if number == 0 else None,
            marks=instant.marks,
            retained=source.retained and said.said is not Bridge.CONNECTION,
            repeats=said.said is Bridge.STATE and not source.retained,
        )
        for number, (type_, content, on, battery) in enumerate(found)
    ]


def _row(
    *,
    source: Received,
    device: Device,
    known: Known,
    account: str,
    message_id: str,
    type_: str,
    at: datetime,
    said_at: datetime | None,
    battery: int | None,
    on: bool | None,
    content: dict[str, Any],
    extra: dict[str, Any] | None,
    marks: tuple[str, ...],
    retained: bool,
    repeats: bool = False,
) -> ObservationRow:
    told = Reading(
        device_id=device.device_id,
        home_id=device.home_id,
        type=type_,
        at=at,
        battery=battery,
        on=on,
        repeats=repeats,
    )
    plan = None if retained else known.plan_for(device.home_id)
    return ObservationRow(
        account=account,
        message_id=message_id,
        reading=told,
        said_at=said_at,
        received_at=source.received_at,
        content=content,
        extra=extra,
        marks=(*marks, "retained") if retained else marks,
        retained=retained,
        wakes_at=wake_at(told, device, plan) if plan else None,
        source=source,
    )


def _marks(source: Received, device: Device | None, *, late: bool) -> tuple[str, ...]:
    marks = (("late", late), ("retained", source.retained), ("unregistered", device is None))
    return tuple(mark for mark, holds in marks if holds)
