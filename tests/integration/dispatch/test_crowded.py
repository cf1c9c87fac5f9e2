"""Many alerts at once whose people cannot be reached: nobody else waits for them."""

import asyncio
import json

from lampkeep.db.connections import connect
from lampkeep_dispatch.channels.limits import PER_HOST
from support.desk import Answer, open_desk
from support.dispatching import Bench, community

CROWD = 150
"""Alerts in trouble, each told to two people: more than a lane has sockets, several times what one host may have."""

HEALTHY = range(CROWD + 1, CROWD + 6)
"""Homes of another grid, whose worker Li answers."""

SLOW_S = 1.0
"""Far more than a healthy notification takes on a busy machine (some 50 ms), far less than a hanging request (3 s)."""

LOCKED_S = 3.0
"""Less than a decision waits for a locked alert (5 s) before it lets others on its line pass."""

GRID_OF_LI = (
    "\n  - {{id: g04, name: 四网格, parent: jinhua}}\nresponders:\n  - {{id: li, name: 李强, role: grid_worker, "
)
LI = GRID_OF_LI + 'areas: [g04], channels: [{{kind: webhook, url: "{url}/li"}}]}}\n'


def two_grids(bench: Bench, troubled: str) -> str:
    """All families are at `troubled`, and so is the grid worker of the first `CROWD` homes; Li is at the desk."""
    wang = json.dumps([{"kind": "webhook", "url": f"{troubled}/wang"}])
    text = community(bench.desk, homes=HEALTHY[-1], steps="[{to: [grid_worker, family], after: 0s}]", wang=wang)
    text = text.replace(f"{bench.desk.url}/wei", f"{troubled}/wei")
    text = text.replace("\nresponders:\n", LI.format(url=bench.desk.url))
    for number in HEALTHY:
        text = text.replace(f"id: home-{number:03d}\n    area: g03", f"id: home-{number:03d}\n    area: g04")
    return text


async def told_s(bench: Bench, number: int) -> float:
    """How long it takes from a press in this home until Li knows of it."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await bench.press(f"pendant-{number:03d}")
    home = f"home-{number:03d}"
    await bench.desk.wait_for(lambda _: any(call.body["alert"]["home_id"] == home for call in bench.desk.to("/li")))
    return loop.time() - began


async def test_a_crowd_behind_a_host_that_hangs_delays_nobody_else(bench: Bench) -> None:
    async with open_desk() as hanging:
        await bench.apply(two_grids(bench, hanging.url))
        for number in range(1, CROWD + 1):
            await bench.press(f"pendant-{number:03d}", notify=False)
        await bench.start()
        told = "select 1 from notifications where reason = 'step' and state = 'delivered' having count(*) >= %s"
        await bench.eventually(told, 2 * CROWD, timeout_s=30)
        hanging.default = Answer(hangs=True)
        hanging.calls.clear()
        # All of the crowd is due again at once, as after a repeat.
        await bench.connection.execute(
            "update notifications set state = 'pending', next_attempt_at = now() where reason = 'step'"
        )
        await hanging.wait_for(lambda calls: len(calls) >= PER_HOST)
        slowest = 0.0
        for number in HEALTHY:
            slowest = max(slowest, await told_s(bench, number))
            assert slowest < SLOW_S
            await asyncio.sleep(0.3)


async def test_a_hand_over_that_must_wait_for_its_alert_holds_up_only_some_others(bench: Bench) -> None:
    homes = 16
    bench.desk.answer("/wang", Answer(status=404, after_s=1.0), Answer(status=404))
    steps = "[{to: [grid_worker], after: 0s}, {to: [family], after: 60s}]"
    await bench.apply(community(bench.desk, homes=homes, steps=steps))
    await bench.start()
    await bench.press()
    await bench.desk.wait_for(lambda _: bench.desk.to("/wang"))
    async with await connect(bench.url, application="somebody-else", autocommit=True) as other, other.transaction():
        await other.execute("select 1 from alerts for update")
        await bench.eventually("select 1 from pg_stat_activity where wait_event_type = 'Lock'")
        for number in range(2, homes + 1):
            await bench.press(f"pendant-{number:03d}")
        await bench.desk.wait_for(lambda _: bench.desk.to("/wei"), timeout_s=LOCKED_S)
    await bench.desk.wait_for(lambda _: len(bench.desk.to("/wei")) == homes)
