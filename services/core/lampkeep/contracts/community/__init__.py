"""The community file (contract section 3): who lives where, what watches, who is told.

`fields` are its scalars, `rules` and `models` its objects, `source` the YAML and its lines, `mistakes` the words for
what is wrong, `references` what ties the objects, `parse` the whole, `values` the way into the domain.
"""

from lampkeep.contracts.community.mistakes import CommunityError, InvalidObjectError, Mistake
from lampkeep.contracts.community.models import (
    AreaSpec,
    ChannelSpec,
    Community,
    DeviceSpec,
    HomeSpec,
    PlanSpec,
    PolicySpec,
    ResidentSpec,
    ResponderSpec,
    RosterSpec,
    ShiftSpec,
    StepSpec,
    SuspendSpec,
)
from lampkeep.contracts.community.parse import bytes_of, digest, parse, read_file
from lampkeep.contracts.community.values import homes_for_domain, plans_for_domain

__all__ = [
    "AreaSpec",
    "ChannelSpec",
    "Community",
    "CommunityError",
    "DeviceSpec",
    "HomeSpec",
    "InvalidObjectError",
    "Mistake",
    "PlanSpec",
    "PolicySpec",
    "ResidentSpec",
    "ResponderSpec",
    "RosterSpec",
    "ShiftSpec",
    "StepSpec",
    "SuspendSpec",
    "bytes_of",
    "digest",
    "homes_for_domain",
    "parse",
    "plans_for_domain",
    "read_file",
]
