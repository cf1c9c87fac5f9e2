"""Connections that die: every line and the listener come back by themselves, and nothing is lost or doubled."""

import asyncio

from prometheus_client import REGISTRY

from support.dispatching import Bench, community

ONE_STEP = "[{to: [grid_worker], after: 0s}]"
KILL = (
    "select count(pg_terminate_backend(pid)) from pg_stat_activity"
    " where application_name like 'lampkeep-dispatch%%' and datname = current_database()"
)


async def test_presses_survive_the_loss_of_every_connection_again_and_again(bench: Bench) -> None:
    await bench.apply(community(bench.desk, homes=60, steps=ONE_STEP))
    await bench.start()
    for number in range(1, 61):
        await bench.press(f"pendant-{number:03d}")
        if number % 10 == 0:
            await bench.rows(KILL)
    await bench.desk.wait_for(
        lambda _: len({call.body["alert"]["id"] for call in bench.desk.to("/wang")}) == 60, timeout_s=30
    )
    by_alert: dict[str, set[str]] = {}
    for call in bench.desk.to("/wang"):
        by_alert.setdefault(call.body["alert"]["id"], set()).add(call.notification_id)
    assert {len(ids) for ids in by_alert.values()} == {1}
    assert await bench.row("select count(*) as n from alerts") == {"n": 60}


async def test_the_listener_listens_again(bench: Bench) -> None:
    await bench.apply(community(bench.desk, homes=2, steps=ONE_STEP))
    await bench.start()
    await bench.press("pendant-001")
    await bench.desk.wait_for(bool)
    await bench.rows(KILL)
    listening = (
        "select 1 from pg_stat_activity where application_name = 'lampkeep-dispatch-listen'"
        " and datname = current_database() and query ilike 'listen%%'"
    )
    await bench.eventually(listening)
    await bench.eventually("select 1 from service_heartbeats where beat_at > %s", bench.clock.now())
    loop = asyncio.get_running_loop()
    began = loop.time()
    await bench.press("pendant-002")
    await bench.desk.wait_for(lambda _: len(bench.desk.to("/wang")) == 2)
    assert loop.time() - began < 0.9, "found by polling, not by the notification"


async def test_the_metrics_of_the_contract_count(bench: Bench) -> None:
    def value(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0.0

    before = {
        "delivered": value("lampkeep_notifications_total", channel="webhook", result="delivered"),
        "press": value("lampkeep_press_to_delivery_seconds_count", kind="sos"),
        "step": value("lampkeep_step_lateness_seconds_count", role="grid_worker"),
        "budget": value("lampkeep_step_budget_total", role="grid_worker", met="true"),
    }
    await bench.apply(community(bench.desk, steps="[{to: [grid_worker], after: 0s}, {to: [family], after: 60s}]"))
    await bench.start()
    await bench.press()
    await bench.eventually("select 1 from steps where delivered_at is not null")
    await bench.eventually("select 1 from notifications where reason = 'progress' and state = 'delivered'")
    after = {
        "delivered": value("lampkeep_notifications_total", channel="webhook", result="delivered"),
        "press": value("lampkeep_press_to_delivery_seconds_count", kind="sos"),
        "step": value("lampkeep_step_lateness_seconds_count", role="grid_worker"),
        "budget": value("lampkeep_step_budget_total", role="grid_worker", met="true"),
    }
    assert {name: after[name] - before[name] for name in after} == {"delivered": 1, "press": 1, "step": 1, "budget": 1}
