"""`lampkeep migrate`, `apply` and `token`: open the database, do one thing, print what came of it."""

import sys
from pathlib import Path

from lampkeep.clock import SystemClock
from lampkeep.db.migrate import migrate as bring_to_this_release
from lampkeep.registry import tokens
from lampkeep.settings import Settings
from lampkeep_standalone import database, registry
from lampkeep_standalone.errors import UsageError


async def migrate(settings: Settings, data_dir: Path | None) -> None:
    """Run what is missing and print its names."""
    async with database.opened(settings, data_dir, holder="lampkeep migrate", make=True, migrated=False) as url:
        ran = await bring_to_this_release(url)
    for name in ran:
        print(f"migrated {name}")
    if not ran:
        print("nothing to migrate: the database is current")


async def apply(settings: Settings, data_dir: Path | None, file: Path, *, prune: bool, dry_run: bool) -> None:
    """Apply a community file and print what changed."""
    from lampkeep.registry.apply import apply as apply_community  # noqa: PLC0415 - the YAML reader is slow to import

    read = registry.read_community(file)
    async with database.connected(settings, data_dir, "lampkeep apply") as connection:
        changes = await apply_community(
            connection,
            read.community,
            now=SystemClock().now(),
            prune=prune,
            dry_run=dry_run,
            digest=None if dry_run else read.sha256,
        )
        if prune and not dry_run:
            await registry.forget_demo(connection)
    for line in changes.lines:
        print(line)
    print(changes.summary() + (" (dry run: nothing was written)" if dry_run else ""))
    for note in changes.notes:
        print(note, file=sys.stderr)


async def token_create(settings: Settings, data_dir: Path | None, *, role: str, area: str, name: str) -> None:
    """Make a token and print it, and nothing else."""
    try:
        wanted = tokens.TokenRole(role)
    except ValueError:
        known = ", ".join(tokens.TokenRole)
        raise UsageError(f"--role {role}: there is no such role; choose of {known}") from None
    if not name.strip():
        raise UsageError("--name: it is empty: say whose token it is")
    async with database.connected(settings, data_dir, "lampkeep token") as connection:
        _, secret = await tokens.create(connection, name=name, role=wanted, area=area, now=SystemClock().now())
    print(secret)


async def token_list(settings: Settings, data_dir: Path | None) -> None:
    """Print one line a token: id, role, area, since when, revoked or not, name."""
    async with database.connected(settings, data_dir, "lampkeep token") as connection:
        known = await tokens.all_tokens(connection)
    for one in known:
        since = f"{one.created_at:%Y-%m-%dT%H:%M:%SZ}"
        state = "revoked" if one.revoked_at else "valid"
        print(f"{one.token_id}  {one.role:10}  {one.area_id or '*'}  {since}  {state}  {one.name}")


async def token_revoke(settings: Settings, data_dir: Path | None, token_id: str) -> None:
    """Revoke a token."""
    async with database.connected(settings, data_dir, "lampkeep token") as connection:
        revoked = await tokens.revoke(connection, token_id, now=SystemClock().now())
    print(f"revoked {revoked.token_id} ({revoked.name})")
