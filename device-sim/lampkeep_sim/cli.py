"""`lampkeep sim`: the command line of the device simulator."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import typer
import uvloop

from lampkeep import logging, settings
from lampkeep_sim import cli_live, cli_once, running
from lampkeep_sim.errors import RunError, UsageError
from lampkeep_sim.mqtt import MqttError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="The device simulator: homes that live, devices that fail, people who answer. It speaks the outside contract "
    "over a real broker, whose address is --mqtt or LAMPKEEP_MQTT_URL.",
)


def _command(function: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Make a command of a coroutine: logging, signals, and the exit codes of the contract."""

    @wraps(function)
    def command(*args: Any, **kwargs: Any) -> None:
        try:
            logging.configure(settings.load())
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(running.until_stopped(function(*args, **kwargs)))
        except UsageError as error:
            _fail(str(error), 2)
        except settings.SettingsError as error:
            given = {"LAMPKEEP_MQTT_URL": "--mqtt"} if kwargs.get("mqtt") else {}
            name, _, wrong = str(error).partition(":")
            _fail(f"{given.get(name, name)}:{wrong}", 2)
        except (RunError, MqttError) as error:
            _fail(str(error), 1)

    return command


def _fail(text: str, code: int) -> None:
    print(f"lampkeep sim: {text}", file=sys.stderr)
    raise typer.Exit(code) from None


for _one in (
    cli_live.run,
    cli_once.press,
    cli_live.collapse,
    cli_live.silence,
    cli_once.play,
    cli_once.record,
    cli_live.respond,
    cli_once.community,
):
    app.command()(_command(_one))
