"""From the objects of a community file to rows of the registry's tables, in the order of `Table.staged_columns`."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from psycopg.types.json import Jsonb

from lampkeep.contracts.community.models import (
    AreaSpec,
    DeviceSpec,
    HomeSpec,
    PlanSpec,
    PolicySpec,
    ResponderSpec,
    RosterSpec,
)
from lampkeep.registry.tables import Row


def area_rows(areas: Sequence[AreaSpec]) -> Iterator[Row]:
    """Areas in the file's order; their paths are laid when all are in."""
    return ((spec.id, spec.name, spec.parent, [], position) for position, spec in enumerate(areas))


def responder_rows(responders: Iterable[ResponderSpec]) -> Iterator[Row]:
    """Responders with their channels as JSON."""
    for spec in responders:
        channels = [one.model_dump(mode="json", exclude_none=True) for one in spec.channels]
        yield spec.id, spec.name, spec.role.value, list(spec.areas), spec.phone, Jsonb(channels)


def roster_rows(rosters: Iterable[RosterSpec]) -> Iterator[Row]:
    """Rosters with their shifts as JSON, spelled as in the file with its defaults."""
    for spec in rosters:
        shifts = [one.model_dump(mode="json", by_alias=True) for one in spec.shifts]
        yield spec.area, spec.role.value, Jsonb(shifts)


def policy_rows(policies: Iterable[PolicySpec]) -> Iterator[Row]:
    """Policies with their bodies."""
    return ((spec.id, Jsonb(spec.body())) for spec in policies)


def plan_rows(plans: Iterable[PlanSpec]) -> Iterator[Row]:
    """Plans with their bodies."""
    return ((spec.id, Jsonb(spec.body())) for spec in plans)


def home_rows(homes: Iterable[HomeSpec], *, now: datetime) -> Iterator[Row]:
    """Homes, those that are new registered at `now`."""
    for spec in homes:
        latitude, longitude = spec.location or (None, None)
        suspend = Jsonb([one.body() for one in spec.suspend])
        yield (
            spec.id,
            spec.area,
            spec.plan,
            spec.address,
            latitude,
            longitude,
            spec.emergency_consent,
            list(spec.family),
            suspend,
            now,
        )


def resident_rows(homes: Iterable[HomeSpec]) -> Iterator[Row]:
    """The residents of homes, in their order."""
    for home in homes:
        for position, spec in enumerate(home.residents):
            yield (
                spec.id,
                home.id,
                spec.name,
                spec.born,
                spec.phone,
                list(spec.traits),
                spec.notes,
                position,
            )


def device_rows(devices: Iterable[tuple[str, int, DeviceSpec]], *, now: datetime) -> Iterator[Row]:
    """Devices, each with its home's id and its place in the home's order; those that are new registered at `now`."""
    for home_id, position, spec in devices:
        yield (
            spec.id,
            home_id,
            spec.speaks_as,
            spec.kind.value,
            spec.place,
            spec.z2m,
            spec.heartbeat_every,
            now,
            position,
        )


def devices_of(homes: Iterable[HomeSpec]) -> Iterator[tuple[str, int, DeviceSpec]]:
    """The devices of homes, as `device_rows` takes them."""
    return ((home.id, position, spec) for home in homes for position, spec in enumerate(home.devices))
