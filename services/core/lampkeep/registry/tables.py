"""The registry's tables as a bulk write sees them: staged under `new_…`, compared, then merged, a set at a time.

SQL is made here instead of standing in a file because eight tables have the same four statements.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection, sql
from psycopg.rows import DictRow

Connection = AsyncConnection[DictRow]
Row = Sequence[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table whose rows come from a community file.

    `word` is what messages call one row. `columns` maps each column that the file decides to the key under which people
    know it; `once` are written when a row is new and never changed; `counted` says whether rows have a version,
    `revised` whether they have a revision, `ordered` whether they keep the file's order, which is no change to tell.
    """

    name: str
    word: str
    key: tuple[str, ...]
    columns: Mapping[str, str]
    once: tuple[str, ...] = ()
    counted: bool = True
    revised: bool = False
    ordered: bool = False

    @property
    def staged_columns(self) -> tuple[str, ...]:
        """The columns of a staged row, in order."""
        return (*self.key, *self.columns, *self.once, *(("position",) if self.ordered else ()))

    async def stage(self, connection: Connection, rows: Iterable[Row]) -> None:
        """Fill the temporary table `new_<name>`, which lives until the transaction ends."""
        await connection.execute(_SQL(_STAGE).format(**self._names()))
        async with connection.cursor().copy(_SQL(_COPY).format(**self._names())) as copy:
            for row in rows:
                await copy.write_row(row)
        await connection.execute(_SQL("analyze {new}").format(**self._names()))

    async def differences(self, connection: Connection) -> list[DictRow]:
        """Staged rows that are new or differ: the key's columns, `added`, and `fields`, the keys that differ."""
        return await (await connection.execute(_SQL(_DIFFERENCES).format(**self._names()))).fetchall()

    async def merge(self, connection: Connection, *, revision: int) -> None:
        """Insert what is new and update what differs; what is the same is not touched."""
        parameters = {"revision": revision} if self.revised else {}
        await connection.execute(_SQL(_MERGE).format(**self._names()), parameters)

    async def arrange(self, connection: Connection) -> None:
        """Take over the order of the staged rows."""
        if self.ordered:
            await connection.execute(_SQL(_ARRANGE).format(**self._names()))

    async def delete_unnamed(self, connection: Connection) -> list[DictRow]:
        """Delete the rows that are not staged; returns their keys."""
        return await (await connection.execute(_SQL(_DELETE_UNNAMED).format(**self._names()))).fetchall()

    def _names(self) -> dict[str, sql.Composable]:
        columns = list(self.columns)
        changes: list[sql.Composable] = [_SQL("{0} = excluded.{0}").format(sql.Identifier(one)) for one in columns]
        if self.counted:
            changes.append(_SQL("version = {}.version + 1").format(sql.Identifier(self.name)))
        if self.revised:
            changes.append(_SQL("revision = excluded.revision"))
        return {
            "table": sql.Identifier(self.name),
            "new": sql.Identifier(f"new_{self.name}"),
            "key": _list(self.key),
            "key_of_new": _list(self.key, "new"),
            "key_of_old": _list(self.key, "old"),
            "first_key_of_old": sql.Identifier("old", self.key[0]),
            "staged": _list(self.staged_columns),
            "values_of_new": _list(columns, "new"),
            "values_of_old": _list(columns, "old"),
            "values_of_table": _list(columns, self.name),
            "values_of_excluded": _list(columns, "excluded"),
            "fields": sql.SQL(", ").join(_field(column, known_as) for column, known_as in self.columns.items()),
            "revision_column": _SQL(", revision" if self.revised else ""),
            "revision_value": _SQL(", %(revision)s" if self.revised else ""),
            "changes": sql.SQL(", ").join(changes),
        }


_SQL = sql.SQL

_STAGE = "create temporary table {new} (like {table} including defaults) on commit drop"
_COPY = "copy {new} ({staged}) from stdin"
_DIFFERENCES = """
select {key_of_new}, {first_key_of_old} is null as added, array_remove(array[{fields}]::text[], null) as fields
from {new} as new left join {table} as old on ({key_of_old}) = ({key_of_new})
where {first_key_of_old} is null or ({values_of_old}) is distinct from ({values_of_new})
order by {key_of_new}
"""
_MERGE = """
insert into {table} ({staged}{revision_column}) select {staged}{revision_value} from {new}
on conflict ({key}) do update set {changes}
where ({values_of_table}) is distinct from ({values_of_excluded})
"""
_ARRANGE = """
update {table} as old set position = new.position from {new} as new
where ({key_of_old}) = ({key_of_new}) and old.position <> new.position
"""
_DELETE_UNNAMED = """
delete from {table} as old where not exists (select from {new} as new where ({key_of_new}) = ({key_of_old}))
returning {key_of_old}
"""


def _list(columns: Iterable[str], of: str | None = None) -> sql.Composable:
    return sql.SQL(", ").join(sql.Identifier(of, one) if of else sql.Identifier(one) for one in columns)


def _field(column: str, known_as: str) -> sql.Composable:
    return _SQL("case when {old} is distinct from {new} then {name} end").format(
        old=sql.Identifier("old", column), new=sql.Identifier("new", column), name=sql.Literal(known_as)
    )


AREAS = Table(
    name="areas",
    word="area",
    key=("area_id",),
    columns={"name": "name", "parent_id": "parent"},
    once=("path",),  # `lay_paths` puts it right
    counted=False,
    ordered=True,
)
RESPONDERS = Table(
    name="responders",
    word="responder",
    key=("responder_id",),
    columns={"name": "name", "role": "role", "area_ids": "areas", "phone": "phone", "channels": "channels"},
)
ROSTERS = Table(name="rosters", word="roster", key=("area_id", "role"), columns={"shifts": "shifts"})
POLICIES = Table(name="policies", word="policy", key=("policy_id",), columns={"body": "steps or acknowledge_lease"})
PLANS = Table(name="plans", word="plan", key=("plan_id",), columns={"body": "rules or policies"}, revised=True)
HOMES = Table(
    name="homes",
    word="home",
    key=("home_id",),
    columns={
        "area_id": "area",
        "plan_id": "plan",
        "address": "address",
        "latitude": "location",
        "longitude": "location",
        "emergency_consent": "emergency_consent",
        "family": "family",
        "suspend": "suspend",
    },
    once=("registered_at",),
    revised=True,
)
RESIDENTS = Table(
    name="residents",
    word="resident",
    key=("resident_id",),
    columns={
        "home_id": "home",
        "name": "name",
        "born": "born",
        "phone": "phone",
        "traits": "traits",
        "notes": "notes",
    },
    counted=False,
    ordered=True,
)
DEVICES = Table(
    name="devices",
    word="device",
    key=("device_id",),
    columns={
        "home_id": "home",
        "account": "account",
        "kind": "kind",
        "place": "place",
        "z2m": "z2m",
        "heartbeat_every": "heartbeat_every",
    },
    once=("registered_at",),
    revised=True,
    ordered=True,
)
