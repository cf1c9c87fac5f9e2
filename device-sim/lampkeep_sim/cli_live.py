"""The commands of `lampkeep sim` that stay, and what is told to a running one: run, respond, collapse, silence."""

import asyncio
import secrets
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer

from lampkeep_sim import running
from lampkeep_sim.cli_options import (
    Accept,
    Api,
    CommunityFile,
    Count,
    Decline,
    Delay,
    Hang,
    Mqtt,
    Mqtt311,
    Passwords,
    Secret,
    Seed,
    StateDir,
    Token,
    Travel,
    access_of,
    address,
    community_of,
    hour,
    link_of,
    manners_of,
    say,
    span,
)
from lampkeep_sim.community import read_community
from lampkeep_sim.control import default_state_dir, tell
from lampkeep_sim.faults import Faults
from lampkeep_sim.home import Life
from lampkeep_sim.responder import Responders


async def run(
    *,
    community: CommunityFile = None,
    homes: Count = 10,
    write_community: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the made-up community there first, for `lampkeep apply`.")
    ] = None,
    mqtt: Mqtt = None,
    passwords: Passwords = None,
    mqtt_311: Mqtt311 = False,
    speed: Annotated[
        float,
        typer.Option(
            help="How much faster than life. Every `at` stays on the wall clock: a fast life is lived by devices whose "
            "clocks are right.",
            min=0.01,
            max=100_000,
        ),
    ] = 1.0,
    seed: Seed = 1,
    sos_rate: Annotated[
        float, typer.Option(help="SOS presses an hour (wall clock), in the whole community.", min=0)
    ] = 0,
    first_sos: Annotated[
        str | None, typer.Option(metavar="30s|5m", help="One press after so long, however rare they are.")
    ] = None,
    test_share: Annotated[float, typer.Option(help="Share of those that are test presses.", min=0, max=1)] = 0,
    run_for: Annotated[str | None, typer.Option("--duration", metavar="30s|5m|6h", help="Stop after so long.")] = None,
    start: Annotated[
        str | None,
        typer.Option("--start", metavar="HH:MM", help="Begin the day at this hour, in the community's zone."),
    ] = None,
    duplicates: Annotated[float, typer.Option(help="Chance of each message to be sent twice.", min=0, max=1)] = 0,
    late: Annotated[
        float, typer.Option(help="Chance of each observation to begin an outage that ends in a burst.", min=0, max=1)
    ] = 0,
    skew: Annotated[str, typer.Option(metavar="30s|5m|6h", help="How far device clocks are off (a deviation).")] = "0s",
    battery_speed: Annotated[float, typer.Option(help="How much faster batteries drain.", min=0)] = 1.0,
    responders: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Also play everybody who answers webhooks there.")
    ] = None,
    accept: Accept = 0.6,
    decline: Decline = 0.1,
    delay: Delay = 8.0,
    hang: Hang = 0.2,
    travel: Travel = 20.0,
    secret: Secret = None,
    api: Api = None,
    api_token: Token = None,
    state_dir: StateDir = None,
) -> None:
    """Let a community live over the broker until stopped: routines, presses, faults, and people who answer."""
    hook = f"http://{responders}/hook" if responders else "http://127.0.0.1:9099/hook"
    secret = secret or f"made-up-{seed}"
    people = community_of(community, homes, seed, hook, secret, write_community)
    life = Life(
        seed=seed,
        sos_per_day=sos_rate * 24 / max(1, len(people.homes)) / speed,
        test_share=test_share,
        battery_speed=battery_speed,
        id_prefix=secrets.token_hex(4),  # the same seed lives again under new ids: they are new messages
    )
    plan = running.Plan(
        life=life,
        faults=Faults(duplicates=duplicates, late=late, skew=span("--skew", skew), seed=seed),
        speed=speed,
        start=hour(start, people.zone) if start else None,
        duration=span("--duration", run_for) if run_for else None,
        first_sos=span("--first-sos", first_sos) if first_sos else None,
        state_dir=state_dir or default_state_dir(),
    )
    manners = manners_of(accept=accept, decline=decline, delay=delay, hang=hang, travel=travel, seed=seed)
    async with AsyncExitStack() as stack:
        if responders:
            host, port = address(responders)
            answering = Responders(manners, say, secrets=people.secrets, access=access_of(api, api_token))
            await stack.enter_async_context(running.responding(host, port, answering))
        await running.run(people, link_of(mqtt, passwords, mqtt_311=mqtt_311), plan)


async def collapse(
    *,
    home: Annotated[str, typer.Argument(help="Home id.")],
    recover: Annotated[bool, typer.Option("--recover", help="Let the day go on.")] = False,
    state_dir: StateDir = None,
) -> None:
    """Let nobody stir in a home of the running simulator any more; its devices go on living."""
    await tell(state_dir or default_state_dir(), "recover" if recover else "collapse", home)


async def silence(
    *,
    device: Annotated[str, typer.Argument(help="Device id.")],
    wake: Annotated[bool, typer.Option("--wake", help="Bring it back.")] = False,
    state_dir: StateDir = None,
) -> None:
    """Take a device of the running simulator off the air, as a dead battery does: its last will follows."""
    await tell(state_dir or default_state_dir(), "wake" if wake else "silence", device)


async def respond(
    *,
    http: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where to take webhooks; port 0 is any free one.")] = (
        "127.0.0.1:9099"
    ),
    community: CommunityFile = None,
    secret: Secret = None,
    accept: Accept = 0.6,
    decline: Decline = 0.1,
    delay: Delay = 8.0,
    hang: Hang = 0.2,
    line_accepts: Annotated[float, typer.Option(help="Chance that the emergency line takes over.", min=0, max=1)] = 1.0,
    travel: Travel = 20.0,
    seed: Seed = 1,
    api: Api = None,
    api_token: Token = None,
) -> None:
    """Play everybody who answers webhooks; prints one JSON line for everything that happens."""
    known = read_community(community).secrets if community else {}
    manners = manners_of(
        accept=accept, decline=decline, delay=delay, hang=hang, travel=travel, seed=seed, line_accepts=line_accepts
    )
    answering = Responders(manners, say, secrets=known, secret=secret, access=access_of(api, api_token))
    host, port = address(http)
    async with running.responding(host, port, answering) as bound:
        say({"what": "ready", "http": f"http://{host}:{bound}"})
        await asyncio.Event().wait()
