"""The words of the field that are closed lists: kinds, priorities, states, roles. Values are those of the wire."""

from enum import StrEnum


class MessageType(StrEnum):
    """What a device can say (contract section 2)."""

    SOS = "sos"
    SOS_CANCEL = "sos_cancel"
    FALL = "fall"
    SMOKE = "smoke"
    GAS = "gas"
    DOOR = "door"
    MOTION = "motion"
    PRESENCE = "presence"
    CHECKIN = "checkin"
    PROMPT_ANSWER = "prompt_answer"
    TAMPER = "tamper"
    BATTERY = "battery"
    HEARTBEAT = "heartbeat"


URGENT_TYPES = frozenset(
    {MessageType.SOS, MessageType.SOS_CANCEL, MessageType.FALL, MessageType.SMOKE, MessageType.GAS}
)
"""Urgent on either topic."""


class DeviceKind(StrEnum):
    """What a device is."""

    PENDANT = "pendant"
    DOOR = "door"
    MOTION = "motion"
    PRESENCE = "presence"
    SMOKE = "smoke"
    GAS = "gas"
    GATEWAY = "gateway"
    BUTTON = "button"


class Role(StrEnum):
    """What a responder is."""

    GRID_WORKER = "grid_worker"
    FAMILY = "family"
    NEIGHBOUR = "neighbour"
    VOLUNTEER = "volunteer"
    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    EMERGENCY_LINE = "emergency_line"


DUTY_ROOM = frozenset({Role.OPERATOR, Role.SUPERVISOR})
"""Every one of these on duty for the area or above, and the stream, is the duty room."""

STANDS_OTHERS_DOWN = frozenset({Role.GRID_WORKER, Role.NEIGHBOUR, Role.VOLUNTEER})
"""Whose acknowledgement stands the others down at once: they go there themselves."""

TOLD_LITTLE = frozenset({Role.NEIGHBOUR, Role.VOLUNTEER})
"""Told name, address and what happened; no notes, no telephone of the resident."""


class Priority(StrEnum):
    """How much an alert matters; see `rank`."""

    LIFE = "life"
    WELFARE = "welfare"
    OPERATIONAL = "operational"
    TECHNICAL = "technical"

    @property
    def rank(self) -> int:
        """0 is the highest. A priority may be raised, never lowered."""
        return list(Priority).index(self)


class AlertKind(StrEnum):
    """What an alert is about (contract section 4)."""

    SOS = "sos"
    FALL = "fall"
    SMOKE = "smoke"
    GAS = "gas"
    INACTIVITY = "inactivity"
    NOT_UP = "not_up"
    OVERSTAY = "overstay"
    NIGHT_EXIT = "night_exit"
    NOT_RETURNED = "not_returned"
    DOOR_LEFT_OPEN = "door_left_open"
    MISSED_CHECKIN = "missed_checkin"
    SYSTEM = "system"
    NO_COVER = "no_cover"
    DEVICE_SILENT = "device_silent"
    HOME_UNOBSERVABLE = "home_unobservable"
    LOW_BATTERY = "low_battery"
    TAMPER = "tamper"
    VISIT_OVERDUE = "visit_overdue"

    @property
    def priority(self) -> Priority:
        """The priority that an alert of this kind opens with."""
        return _PRIORITY[self]


_PRIORITY = {
    kind: priority
    for priority, kinds in {
        Priority.LIFE: (AlertKind.SOS, AlertKind.FALL, AlertKind.SMOKE, AlertKind.GAS),
        Priority.WELFARE: (
            AlertKind.INACTIVITY,
            AlertKind.NOT_UP,
            AlertKind.OVERSTAY,
            AlertKind.NIGHT_EXIT,
            AlertKind.NOT_RETURNED,
            AlertKind.DOOR_LEFT_OPEN,
            AlertKind.MISSED_CHECKIN,
        ),
        Priority.OPERATIONAL: (AlertKind.SYSTEM, AlertKind.NO_COVER),
        Priority.TECHNICAL: (
            AlertKind.DEVICE_SILENT,
            AlertKind.HOME_UNOBSERVABLE,
            AlertKind.LOW_BATTERY,
            AlertKind.TAMPER,
            AlertKind.VISIT_OVERDUE,
        ),
    }.items()
    for kind in kinds
}


class AlertState(StrEnum):
    """Where an alert is in its life; the order is that of going forward."""

    PRE_ALARM = "pre_alarm"
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    ON_THE_WAY = "on_the_way"
    ON_SCENE = "on_scene"
    RESOLVED = "resolved"
    CANCELLED = "cancelled"

    @property
    def is_closed(self) -> bool:
        """Resolved or cancelled."""
        return self in {AlertState.RESOLVED, AlertState.CANCELLED}

    @property
    def is_owned(self) -> bool:
        """Somebody has taken it."""
        return self in {AlertState.ACKNOWLEDGED, AlertState.ON_THE_WAY, AlertState.ON_SCENE}


class Outcome(StrEnum):
    """How an alert ended, in the words of `resolve`."""

    HELPED = "helped"
    FALSE_ALARM = "false_alarm"
    TEST = "test"
    HOSPITAL = "hospital"
    DECEASED = "deceased"
    OTHER = "other"
