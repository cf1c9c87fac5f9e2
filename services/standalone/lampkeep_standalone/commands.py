"""The commands of `lampkeep` and their options. What a command does is imported when it is called."""

import asyncio
import importlib
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lampkeep_standalone.main import FAILURE, OK

if TYPE_CHECKING:
    from lampkeep.settings import Settings

app = typer.Typer(
    name="lampkeep",
    help="Keeps watch over older people who live alone.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
token = typer.Typer(help="Tokens of the API.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(token, name="token")


def _folder(text: str | Path) -> Path:
    """Read what stands after `--data-dir`: an empty word, as an unset variable leaves it, is not this folder."""
    if not str(text):
        raise typer.BadParameter("it is empty: name a folder")
    return Path(text)


DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", parser=_folder, metavar="DIR", help="Data directory of `lampkeep up`; else LAMPKEEP_DATABASE_URL."
    ),
]

RunningOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        parser=_folder,
        metavar="DIR",
        help="Database and broker of the `lampkeep up` that runs there; else the settings.",
    ),
]


@app.command()
def up(
    data_dir: Annotated[Path, typer.Option(parser=_folder, metavar="DIR", help="Where everything is kept.")] = Path(
        "lampkeep-data"
    ),
    http: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="API and page; port 0: any free one. [default: 127.0.0.1:8080]"),
    ] = None,
    mqtt_port: Annotated[int, typer.Option(min=0, max=65_535, help="On loopback; 0: any free one.")] = 1883,
    community: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Applied when its content has changed.")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="A made-up community and a live simulator.")] = False,
    require_credentials: Annotated[
        bool, typer.Option("--require-credentials", help="MQTT accounts need the passwords in DIR/mqtt-accounts.")
    ] = False,
) -> None:
    """Run everything on this machine, with an embedded database and broker unless URLs are given."""
    from lampkeep_standalone import address  # noqa: PLC0415
    from lampkeep_standalone.up import Options  # noqa: PLC0415
    from lampkeep_standalone.up import up as run_up  # noqa: PLC0415

    settings = _settings()
    given = http or (settings.http if "http" in settings.model_fields_set else "127.0.0.1:8080")
    options = Options(
        data_dir=data_dir,
        http=address.parse(given, option="--http" if http else "LAMPKEEP_HTTP"),
        mqtt_port=mqtt_port,
        community=community,
        demo=demo,
        require_credentials=require_credentials,
    )
    _run(run_up(options, settings))


@app.command()
def ingest(data_dir: RunningOption = None) -> None:
    """Store what devices say. Health and metrics on LAMPKEEP_HTTP."""
    _serve("lampkeep_ingest.app", data_dir)


@app.command()
def dispatch(data_dir: RunningOption = None) -> None:
    """Raise alerts and tell people. Health and metrics on LAMPKEEP_HTTP."""
    _serve("lampkeep_dispatch.app", data_dir)


@app.command()
def api(data_dir: RunningOption = None) -> None:
    """Serve the HTTP API and the page on LAMPKEEP_HTTP."""
    _serve("lampkeep_api.app", data_dir)


@app.command()
def migrate(data_dir: DataDirOption = None) -> None:
    """Bring the database to this release; safe to run twice and from several machines at once."""
    from lampkeep_standalone import small_commands  # noqa: PLC0415

    _run(small_commands.migrate(_settings(), data_dir))


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Community file.")],
    data_dir: DataDirOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Also remove what the file no longer names.")] = False,
) -> None:
    """Upsert a community file, all or nothing; prints what changed."""
    from lampkeep_standalone import small_commands  # noqa: PLC0415

    _run(small_commands.apply(_settings(), data_dir, file, prune=prune, dry_run=dry_run))


@token.command("create")
def token_create(
    role: Annotated[str, typer.Option(metavar="ROLE", help="admin, supervisor, operator, viewer, responder, auditor.")],
    area: Annotated[str, typer.Option(metavar="AREA", help="An area and all below it; '*': all areas.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="Whose it is; shown in the timeline.")],
    data_dir: DataDirOption = None,
) -> None:
    """Print a new token, once."""
    from lampkeep_standalone import small_commands  # noqa: PLC0415

    _run(small_commands.token_create(_settings(), data_dir, role=role, area=area, name=name))


@token.command("list")
def token_list(data_dir: DataDirOption = None) -> None:
    """Print every token's id, role, area, name and state; never the token itself."""
    from lampkeep_standalone import small_commands  # noqa: PLC0415

    _run(small_commands.token_list(_settings(), data_dir))


@token.command("revoke")
def token_revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="From `token list`.")], data_dir: DataDirOption = None
) -> None:
    """Make a token worthless from now on."""
    from lampkeep_standalone import small_commands  # noqa: PLC0415

    _run(small_commands.token_revoke(_settings(), data_dir, token_id))


@app.command(add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def sim(context: typer.Context) -> None:
    """The device simulator (its own --help)."""
    from lampkeep_sim.cli import app as simulator  # noqa: PLC0415

    # The exit code comes back as the answer where a command ends by `typer.Exit`.
    raise typer.Exit(simulator(context.args, prog_name="lampkeep sim", standalone_mode=False) or OK)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Recorded messages, one JSON a line.")],
    community: Annotated[Path, typer.Option(metavar="FILE", help="Community file.")],
    plan: Annotated[
        str | None, typer.Option(metavar="PLAN", help="This plan for every home; 'default': the built-in one.")
    ] = None,
) -> None:
    """Run recorded messages through the live rules; prints the alerts that they would have raised."""
    from lampkeep_standalone.replaying import replay as run_replay  # noqa: PLC0415

    run_replay(file, community, plan)


@app.command()
def doctor(data_dir: DataDirOption = None) -> None:
    """Check database, broker, clock, disk and channels; one line for each with what to do."""
    from lampkeep_standalone.doctor import examine  # noqa: PLC0415

    if not _run(examine(_settings(), data_dir)):
        raise typer.Exit(FAILURE)


def _settings() -> "Settings":
    from lampkeep import logging, settings  # noqa: PLC0415

    loaded = settings.load()
    logging.configure(loaded)
    return loaded


def _serve(module: str, data_dir: Path | None) -> None:
    """Run one service; its `run` serves until SIGTERM or SIGINT."""
    from lampkeep_standalone import address  # noqa: PLC0415
    from lampkeep_standalone.database import of_running_up  # noqa: PLC0415

    settings = _settings()
    address.parse(settings.http, option="LAMPKEEP_HTTP")
    settings = _run(of_running_up(settings, data_dir))
    service = importlib.import_module(module)
    with suppress(asyncio.CancelledError):
        _run(service.run(settings))


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    import uvloop  # noqa: PLC0415

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
