"""Five hundred devices for a minute against the whole product: nothing acknowledged is lost, nothing comes late.

LAMPKEEP_LOAD_SECONDS shortens or lengthens it.
"""

import json
import os
import sys
from collections.abc import AsyncIterator

import pytest

from lampkeep.db.connections import connect
from lampkeep_sim.community import community_from
from lampkeep_sim.load import HookStub, check, load_community, read_ledger, soak_run
from lampkeep_sim.load.parish import DEVICES_PER_HOME
from lampkeep_sim.made_up import as_yaml
from lampkeep_sim.mqtt import Endpoint
from lampkeep_sim.session import Link
from support.desk import open_desk
from support.mosquitto import Broker
from support.system import run_system

DEVICES = 500
SECONDS = float(os.environ.get("LAMPKEEP_LOAD_SECONDS", "60"))
OBSERVATIONS_PER_S = 150.0
PRESSES_PER_S = 1.0
BUDGET_S = 3.0
"""Press to the first byte of the grid worker's webhook, as the acceptance timelines have it."""

pytestmark = [pytest.mark.load, pytest.mark.timeout(SECONDS + 240)]


@pytest.fixture
async def hook() -> AsyncIterator[HookStub]:
    async with HookStub.open() as stub:
        yield stub


async def test_a_minute_of_five_hundred_devices_loses_nothing_and_is_never_late(
    database_url: str, broker: Broker, hook: HookStub, capsys: pytest.CaptureFixture[str]
) -> None:
    community = load_community(DEVICES // DEVICES_PER_HOME, hook.url)
    async with open_desk() as desk, run_system(database_url, broker, desk, as_yaml(community)):
        report = await soak_run(
            community_from(community),
            Link(endpoint=Endpoint.from_url(broker.url)),
            hook,
            database_url,
            duration_s=SECONDS,
            rate=OBSERVATIONS_PER_S,
            press_rate=PRESSES_PER_S,
            budget_s=BUDGET_S,
        )
    with capsys.disabled():
        sys.stdout.write("\n" + json.dumps(report.as_json(), indent=1) + "\n")
    assert report.sessions == DEVICES
    assert report.presses == int(SECONDS * PRESSES_PER_S)
    assert report.observations > 0.8 * SECONDS * OBSERVATIONS_PER_S
    assert report.findings.clean, report.findings.summary()

    # The same run with a hole in it: had the product lost these, this test would have failed.
    press = next(one for one in report.sent if one.urgent)
    observation = next(one for one in report.sent if not one.urgent)
    async with await connect(database_url, application="test", autocommit=True) as connection:
        for table, lost in (("observations", observation), ("urgent_messages", press)):
            await connection.execute(
                f"update {table} set message_id = 'gone' where message_id = %(id)s".encode(), {"id": lost.message_id}
            )
    holed = check(report.sent, await read_ledger(database_url, report.prefix), report.told_s, budget_s=BUDGET_S)
    assert set(holed.acknowledged_lost) == {press.identity, observation.identity}
    assert holed.receipted_lost == (press.identity,)
    assert holed.without_alert == (press.identity,)
