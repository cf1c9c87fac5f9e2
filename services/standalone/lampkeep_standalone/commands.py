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

HomeOption = Annotated[str, typer.Option("--home", metavar="ID", help="The home, by its id.")]

RecordingOption = Annotated[
    Path | None,
    typer.Option("--file", metavar="RECORDING", help="Recorded messages instead of the database; with --community."),
]

CommunityOption = Annotated[
    Path | None, typer.Option("--community", metavar="FILE", help="The community file of the recording.")
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
def replay(  # noqa: PLR0917 - typer calls it by name
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Recorded messages, one JSON a line.", show_default=False)
    ] = None,
    community: Annotated[Path | None, typer.Option(metavar="FILE", help="Community file of the recording.")] = None,
    plan: Annotated[
        str | None, typer.Option(metavar="PLAN", help="This plan for every home; 'default': the built-in one.")
    ] = None,
    compare: Annotated[
        tuple[str, str] | None, typer.Option(metavar="PLAN PLAN", help="Two plans side by side, no alerts.")
    ] = None,
    collapse: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How long N collapses at random would have taken to notice.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="S", help="Of --collapse: the same draws the same. [default: 0]")
    ] = None,
    from_database: Annotated[
        bool, typer.Option("--from-database", help="Stored history of --home, --from, --to instead of a file.")
    ] = False,
    home: Annotated[str | None, typer.Option(metavar="HOME", help="With --from-database.")] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="RFC 3339, or a local date or time.")
    ] = None,
    to: Annotated[str | None, typer.Option(metavar="TIME", help="The same; up to then.")] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Run recorded messages through the live rules; prints the alerts that they would have raised."""
    from lampkeep.clock import SystemClock  # noqa: PLC0415
    from lampkeep_standalone import replaying  # noqa: PLC0415

    experiment = replaying.Experiment(plan=plan, compare=compare, collapses=collapse, seed=seed)
    stored = {"--home": home, "--from": from_, "--to": to}
    if from_database:
        stretch = replaying.stretch(stored, {"FILE": file, "--community": community})
        _run(replaying.replay_stored(_settings(), data_dir, stretch, experiment, now=SystemClock().now()))
    else:
        replaying.refuse({**stored, "--data-dir": data_dir}, "goes with --from-database")
        recording, known = replaying.require({"FILE": file, "--community": community}, "a recording")
        replaying.replay(recording, known, experiment)


@app.command()
def baseline(
    home: HomeOption,
    days: Annotated[int, typer.Option(min=14, metavar="N", help="So many days of history, the newest.")] = 90,
    budget: Annotated[float, typer.Option(min=0, metavar="RATE", help="False alarms per home-day.")] = 0.0333,
    apply: Annotated[bool, typer.Option("--apply", help="Give the home a plan of its own with them.")] = False,
    data_dir: DataDirOption = None,
    file: RecordingOption = None,
    community: CommunityOption = None,
) -> None:
    """Learn the usual silences of a home and propose thresholds of `inactivity`; changes nothing without --apply."""
    from lampkeep_standalone.home_history import Source  # noqa: PLC0415
    from lampkeep_standalone.learning import baseline as learn  # noqa: PLC0415

    source = Source(data_dir=data_dir, file=file, community=community)
    _run(learn(_settings(), source, home, days=days, budget=budget, apply=apply))


@app.command()
def commission(
    home: HomeOption,
    days: Annotated[int, typer.Option(min=1, metavar="N", help="So many days of the database's history.")] = 14,
    data_dir: DataDirOption = None,
    file: RecordingOption = None,
    community: CommunityOption = None,
) -> None:
    """Report sensors of a home that never fired, are stuck, chatter, stand twice or seem mislabelled."""
    from lampkeep_standalone.commissioning import commission as inspect  # noqa: PLC0415
    from lampkeep_standalone.home_history import Source  # noqa: PLC0415

    source = Source(data_dir=data_dir, file=file, community=community)
    _run(inspect(_settings(), source, home, days=days))


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
