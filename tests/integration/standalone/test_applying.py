"""When `lampkeep up` applies a community file, beside what `lampkeep apply` did (contract section 1)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from lampkeep.db.connections import connect
from lampkeep.settings import Settings
from lampkeep_standalone import demo, registry, small_commands
from support.registry import NOW

COMMUNITY = """
lampkeep: v1
areas: [{id: here, name: Here}]
"""


class Commands:
    """What `up` and `apply` do to one database with one file."""

    def __init__(self, url: str, connection: AsyncConnection[DictRow], folder: Path) -> None:
        self.file = folder / "community.yaml"
        self._url = url
        self._connection = connection
        self._demo = registry.read_community(demo.prepare(folder / "demo.yaml").community)

    def write(self, name: str) -> None:
        self.file.write_text(COMMUNITY.replace("Here", name))

    async def up(self) -> bool:
        """Whether the file was applied."""
        community = registry.read_community(self.file)
        return await registry.apply_when_changed(self._connection, community, now=NOW) is not None

    async def up_demo(self) -> bool:
        """Whether the demo's community was applied."""
        return await registry.apply_demo_when_changed(self._connection, self._demo, now=NOW) is not None

    async def apply(self, *, prune: bool = False, dry_run: bool = False) -> None:
        await small_commands.apply(Settings(database_url=self._url), None, self.file, prune=prune, dry_run=dry_run)

    async def name(self) -> str:
        row = await (await self._connection.execute("select name from areas where area_id = 'here'")).fetchone()
        return str(row["name"]) if row else ""


@pytest.fixture
async def commands(database_url: str, tmp_path: Path) -> AsyncIterator[Commands]:
    async with await connect(database_url, application="test", autocommit=True) as connection:
        yield Commands(database_url, connection, tmp_path)


async def test_a_file_is_applied_again_after_another_was(commands: Commands) -> None:
    commands.write("one")
    assert await commands.up()
    assert not await commands.up()
    commands.write("two")
    await commands.apply()
    commands.write("one")
    assert await commands.up()
    assert await commands.name() == "one"


async def test_what_apply_has_applied_is_not_applied_again(commands: Commands) -> None:
    commands.write("one")
    await commands.apply()
    assert not await commands.up()


async def test_a_dry_run_is_not_remembered(commands: Commands) -> None:
    commands.write("one")
    await commands.apply(dry_run=True)
    assert await commands.up()


async def test_the_demo_is_remembered_apart(commands: Commands) -> None:
    commands.write("one")
    assert await commands.up()
    assert await commands.up_demo()
    assert not await commands.up_demo()
    assert not await commands.up()


async def test_the_demo_is_applied_again_after_a_prune_has_removed_it(commands: Commands) -> None:
    assert await commands.up_demo()
    commands.write("one")
    await commands.apply(prune=True)
    assert await commands.up_demo()
