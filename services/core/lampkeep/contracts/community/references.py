"""What ties the objects of a community file: ids are unique, references lead somewhere, areas form trees.

Works on whatever objects are valid by themselves, so that a file with a wrong home still has its references checked;
`named` holds the ids of the wrong ones too, which are not told a second time as missing.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

from lampkeep.contracts.community.fields import shown
from lampkeep.contracts.community.mistakes import Mistake
from lampkeep.contracts.community.models import (
    AreaSpec,
    HomeSpec,
    PlanSpec,
    PolicySpec,
    ResponderSpec,
    RosterSpec,
)
from lampkeep.contracts.community.source import Path
from lampkeep.contracts.community.values import threshold_mistakes
from lampkeep.domain.vocabulary import Role


@dataclass(slots=True)
class Sections:
    """The valid objects of a file, each with its place in its list, and by list every id that is named in it."""

    areas: list[tuple[int, AreaSpec]] = field(default_factory=list)
    responders: list[tuple[int, ResponderSpec]] = field(default_factory=list)
    rosters: list[tuple[int, RosterSpec]] = field(default_factory=list)
    policies: list[tuple[int, PolicySpec]] = field(default_factory=list)
    plans: list[tuple[int, PlanSpec]] = field(default_factory=list)
    homes: list[tuple[int, HomeSpec]] = field(default_factory=list)
    named: dict[str, AbstractSet[str]] = field(default_factory=dict)


class _Anything(frozenset[str]):
    def __contains__(self, item: object) -> bool:
        return True


ANYTHING: Final = _Anything()
"""For a list that could not be read: every id may have stood in it."""


def check(sections: Sections) -> Iterator[Mistake]:
    """Everything that is wrong between the objects."""
    for name in ("areas", "responders", "policies", "plans", "homes"):
        yield from _each_once((((name, n, "id"), spec.id) for n, spec in getattr(sections, name)), _id_twice)
    yield from _areas(sections)
    yield from _people(sections)
    yield from _rosters(sections)
    yield from _plans(sections)
    yield from _homes(sections)
    yield from _across_homes(sections)


def _id_twice(_: Path, first: Path) -> str:
    return f"stands twice, first at {first[0]}[{first[1]}]"


def _each_once(
    keyed: Iterable[tuple[Path, Hashable]], phrase: Callable[[Path, Path], str], *, name: Callable[[Any], str] = str
) -> Iterator[Mistake]:
    seen: dict[Hashable, Path] = {}
    for path, key in keyed:
        first = seen.setdefault(key, path)
        if first is not path:
            yield Mistake(path=path, message=f"{shown(name(key))} {phrase(path, first)}")


def _unknown(path: Path, id_: str, known: AbstractSet[str], what: str) -> Iterator[Mistake]:
    if id_ not in known:
        yield Mistake(path=path, message=f"{shown(id_)} is no {what} of this file")


def _areas(sections: Sections) -> Iterator[Mistake]:
    known = sections.named["areas"]
    parents = {spec.id: spec.parent for _, spec in sections.areas}
    rooted: set[str | None] = {None}
    for n, spec in sections.areas:
        if spec.parent is not None:
            yield from _unknown(("areas", n, "parent"), spec.parent, known, "area")
        way: dict[str, None] = {}
        at: str | None = spec.id
        while at not in rooted and at not in way:
            assert at is not None
            way[at] = None
            at = parents.get(at)
        if at not in rooted:
            ring = list(way)[list(way).index(str(at)) :]
            yield Mistake(path=("areas", n, "parent"), message=f"goes in a circle: {' > '.join([*ring, str(at)])}")
        rooted.update(way)


def _people(sections: Sections) -> Iterator[Mistake]:
    for n, spec in sections.responders:
        for k, area in enumerate(spec.areas):
            yield from _unknown(("responders", n, "areas", k), area, sections.named["areas"], "area")


def _rosters(sections: Sections) -> Iterator[Mistake]:
    roles = {spec.id: spec.role for _, spec in sections.responders}
    keys = ((("rosters", n), (spec.area, spec.role.value)) for n, spec in sections.rosters)
    yield from _each_once(keys, _id_twice, name=lambda key: f"{key[1]} of {key[0]}")
    for n, spec in sections.rosters:
        yield from _unknown(("rosters", n, "area"), spec.area, sections.named["areas"], "area")
        for s, shift in enumerate(spec.shifts):
            for k, id_ in enumerate(shift.responders):
                path = ("rosters", n, "shifts", s, "responders", k)
                yield from _person(path, id_, spec.role, roles, sections.named["responders"])


def _person(path: Path, id_: str, role: Role, roles: Mapping[str, Role], named: AbstractSet[str]) -> Iterator[Mistake]:
    yield from _unknown(path, id_, named, "responder")
    if id_ in roles and roles[id_] is not role:
        yield Mistake(path=path, message=f"{shown(id_)} is {roles[id_].value}, not {role.value}")


def _plans(sections: Sections) -> Iterator[Mistake]:
    for n, spec in sections.plans:
        for key, policy in spec.policies.items():
            yield from _unknown(("plans", n, "policies", key), policy, sections.named["policies"], "policy")
        for path, message in threshold_mistakes(spec.body()):
            yield Mistake(path=("plans", n, *path), message=message)


def _homes(sections: Sections) -> Iterator[Mistake]:
    roles = {spec.id: spec.role for _, spec in sections.responders}
    areas, plans, people = (sections.named[name] for name in ("areas", "plans", "responders"))
    for n, spec in sections.homes:
        yield from _unknown(("homes", n, "area"), spec.area, areas, "area")
        yield from _unknown(("homes", n, "plan"), spec.plan, plans, "plan")
        for k, id_ in enumerate(spec.family):
            yield from _person(("homes", n, "family", k), id_, Role.FAMILY, roles, people)


def _across_homes(sections: Sections) -> Iterator[Mistake]:
    """Residents and devices have one name space over the whole file, Zigbee2MQTT names one per account."""
    homes = sections.homes
    residents = (
        (("homes", n, "residents", k, "id"), one.id) for n, spec in homes for k, one in enumerate(spec.residents)
    )
    devices = [(("homes", n, "devices", k), one) for n, spec in homes for k, one in enumerate(spec.devices)]
    names = (((*path, "z2m"), (one.speaks_as, one.z2m)) for path, one in devices if one.z2m is not None)
    yield from _each_once(residents, _in_home)
    yield from _each_once((((*path, "id"), one.id) for path, one in devices), _in_home)
    yield from _each_once(names, _in_home, name=lambda key: f"{key[1]} of account {key[0]}")


def _in_home(_: Path, first: Path) -> str:
    return f"stands twice, first at homes[{first[1]}].{first[2]}[{first[3]}]"
