"""The commands of `lampkeep sim` that do one thing: press, play, record, make up a community."""

import random
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from lampkeep_sim import made_up, recording, running
from lampkeep_sim.cli_options import (
    CommunityFile,
    Count,
    Mqtt,
    Mqtt311,
    Passwords,
    Secret,
    Seed,
    community_of,
    link_of,
    write_file,
)
from lampkeep_sim.community import read_community
from lampkeep_sim.device import Receipt
from lampkeep_sim.errors import RunError, UsageError
from lampkeep_sim.fleet import Fleet
from lampkeep_sim.home import Life
from lampkeep_sim.living import stream
from lampkeep_sim.message import URGENT_TYPES
from lampkeep_sim.playing import play as play_recording
from lampkeep_sim.playing import specs
from lampkeep_sim.pressing import press as press_once
from lampkeep_sim.recording import Rebase


async def community(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")],
    homes: Count = 10,
    seed: Seed = 1,
    hook: Annotated[str, typer.Option(help="Webhook of everybody in it.")] = "http://127.0.0.1:9099/hook",
    secret: Secret = None,
    quick: Annotated[bool, typer.Option("--quick", help="Steps after 0, 20, 40 s instead of 0, 60, 120.")] = False,
) -> None:
    """Write a made-up community file."""
    raw = made_up.made_up(homes, seed, hook=hook, secret=secret or f"made-up-{seed}", quick=quick)
    write_file(file, made_up.as_yaml(raw))


async def press(
    *,
    device: Annotated[str, typer.Argument(help="Device id.")],
    community: CommunityFile = None,
    account: Annotated[str | None, typer.Option(help="Its account; default: from the file, else its own id.")] = None,
    kind: Annotated[str, typer.Option(help="sos, sos_cancel, fall, smoke or gas.")] = "sos",
    test: Annotated[bool, typer.Option("--test", help="A test press: stored and receipted, raises no alert.")] = False,
    ref: Annotated[str | None, typer.Option(help="For sos_cancel: the id of the sos.")] = None,
    message_id: Annotated[str | None, typer.Option("--id", help="Message id; default: a new one.")] = None,
    deadline: Annotated[float, typer.Option(help="Seconds to wait for the receipt.", min=0.1, max=3600)] = 10.0,
    mqtt: Mqtt = None,
    passwords: Passwords = None,
    mqtt_311: Mqtt311 = False,
) -> None:
    """Press a pendant once and wait for the receipt; prints how long it took, exits 1 if it does not come."""
    if kind not in URGENT_TYPES:
        raise UsageError(f"--kind: {kind} is no urgent message")
    found = read_community(community).device(device) if community else None
    if community and found is None:
        raise UsageError(f"{community} has no device {device}")
    content: dict[str, Any] = ({"test": True} if test else {}) | ({"ref": ref} if ref else {})
    receipt = await press_once(
        device,
        account or (found.account if found else device),
        link_of(mqtt, passwords, mqtt_311=mqtt_311),
        message_type=kind,
        content=content,
        message_id=message_id,
        deadline_s=deadline,
    )
    if receipt is None:
        raise RunError(f"no receipt for {device} within {deadline:g} s")
    print(_receipt_line(device, receipt))


async def play(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="One JSON message per line, each with `device`.")],
    community: CommunityFile = None,
    speed: Annotated[float, typer.Option(help="How much faster than recorded; 0 sends without waiting.", min=0)] = 1.0,
    rebase: Annotated[
        Rebase, typer.Option(help="Move every `at` so that the recording's start or end is now. Default: as recorded.")
    ] = Rebase.NONE,
    id_prefix: Annotated[str, typer.Option(help="Put in front of every id, to play the same recording again.")] = "",
    mqtt: Mqtt = None,
    passwords: Passwords = None,
    mqtt_311: Mqtt311 = False,
) -> None:
    """Send recorded messages over the broker, each from the session of its account; exits 1 if some did not arrive."""
    lines = recording.read(file)
    link = link_of(mqtt, passwords, mqtt_311=mqtt_311)
    await running.reach(link)
    people = read_community(community) if community else None
    fleet = Fleet.of_devices(specs(lines, people), link, random.Random(1))
    async with fleet:
        late = await fleet.connected(running.CONNECT_WITHIN_S)
        if late:
            raise RunError(f"{late} of {len(fleet.accounts)} sessions did not come up")
        sent = await play_recording(
            lines, fleet, speed=speed, now=datetime.now(UTC), rebase=rebase, id_prefix=id_prefix
        )
        settled = await fleet.settled(running.CONNECT_WITHIN_S)
    print(orjson.dumps({"messages": sent, **asdict(link.tally)}).decode())
    if not settled or link.tally.rejected or link.tally.dropped:
        raise RunError("not every message was acknowledged by the broker, or not every press receipted")


async def record(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the recording.")],
    community: CommunityFile = None,
    homes: Count = 1,
    days: Annotated[float, typer.Option(help="How long.", min=0.01, max=3660)] = 7.0,
    start: Annotated[
        str, typer.Option(metavar="YYYY-MM-DD", help="First day, in the community's zone.")
    ] = "2026-11-01",
    seed: Seed = 1,
    sos_per_day: Annotated[float, typer.Option(help="SOS presses a day in each home.", min=0)] = 0,
) -> None:
    """Write the life of a community as a recording, for `lampkeep replay` or `lampkeep sim play`."""
    people = community_of(community, homes, seed, "http://127.0.0.1:9099/hook", f"made-up-{seed}", None)
    try:
        begin = datetime.fromisoformat(start).replace(tzinfo=people.zone).astimezone(UTC)
    except ValueError as error:
        raise UsageError(f"--start: {start} is no date like 2026-11-01") from error
    end = begin + timedelta(days=days)
    life = Life(seed=seed, sos_per_day=sos_per_day, id_prefix=f"r{seed}")
    count = recording.write(file, takewhile(lambda one: one.at < end, stream(people, begin, life)))
    print(orjson.dumps({"messages": count, "homes": len(people.homes), "days": days}).decode())


def _receipt_line(device: str, receipt: Receipt) -> str:
    latency_ms = round(receipt.latency_s * 1000, 1)
    return f"receipt device={device} id={receipt.message_id} latency_ms={latency_ms} sends={receipt.sends}"
