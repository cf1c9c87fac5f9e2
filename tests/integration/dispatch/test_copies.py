"""Several copies at once: every signal is one alert, every step starts once, every notification has one id."""

from lampkeep.domain.life_cycle import Act
from support.desk import Answer
from support.dispatching import WANG, Bench, community

ONE_STEP = "[{to: [grid_worker], after: 0s}]"


async def test_three_copies_and_500_signals_make_exactly_one_alert_and_one_started_step_each(bench: Bench) -> None:
    await bench.apply(community(bench.desk, homes=500, steps=ONE_STEP))
    for instance in ("a", "b", "c"):
        await bench.start(instance)
    for number in range(1, 501):
        await bench.press(f"pendant-{number:03d}")
    await bench.desk.wait_for(lambda _: len(bench.desk.to("/wang")) >= 500, timeout_s=90)
    await bench.eventually("select 1 where not exists (select 1 from signals)")
    alerts = await bench.row("select count(*) as alerts, count(distinct home_id) as homes from alerts")
    assert alerts == {"alerts": 500, "homes": 500}
    steps = await bench.row("select count(*) as steps, count(distinct alert_id) as alerts from steps")
    assert steps == {"steps": 500, "alerts": 500}
    asked = bench.desk.to("/wang")
    assert len({call.notification_id for call in asked}) == len(asked) == 500


async def test_presses_of_two_devices_of_one_home_at_once_are_one_alert(bench: Bench) -> None:
    await bench.apply(community(bench.desk, homes=40, steps=ONE_STEP))
    for number in range(1, 41):
        await bench.press(f"pendant-{number:03d}", notify=False)
        await bench.press(f"smoke-{number:03d}", type_="smoke", notify=False)
    # What has failed once keeps no order any more, so that copies do meet at the same home.
    await bench.connection.execute("update signals set attempts = 1")
    for instance in ("a", "b", "c"):
        await bench.start(instance)
    await bench.eventually("select 1 where not exists (select 1 from signals)", timeout_s=30)
    rows = await bench.rows("select home_id, occurrence_count from alerts order by home_id")
    assert len(rows) == 40
    assert {row["occurrence_count"] for row in rows} == {2}
    assert await bench.row("select count(*) as n from occurrences") == {"n": 80}


async def test_a_sos_and_its_cancel_keep_their_order_in_any_copy(bench: Bench) -> None:
    await bench.apply(community(bench.desk, homes=30, steps=ONE_STEP, plan=", sos_cancel: allow"))
    for number in range(1, 31):
        await bench.press(f"pendant-{number:03d}", message_id=f"p-{number}", notify=False)
        await bench.press(f"pendant-{number:03d}", type_="sos_cancel", data={"ref": f"p-{number}"}, notify=False)
    for instance in ("a", "b", "c"):
        await bench.start(instance)
    await bench.eventually("select 1 where not exists (select 1 from signals)", timeout_s=30)
    assert await bench.rows("select distinct state from alerts") == [{"state": "resolved"}]


async def test_after_a_stand_down_nothing_new_reaches_anybody_in_any_copy(bench: Bench) -> None:
    steps = "[{to: [grid_worker], after: 0s, repeat_every: 1s}, {to: [family], after: 0s, repeat_every: 1s}]"
    await bench.apply(community(bench.desk, steps=steps))
    bench.desk.answer("/wei", Answer(after_s=0.3))
    for instance in ("a", "b", "c"):
        await bench.start(instance)
    await bench.press()
    await bench.desk.wait_for(lambda _: len(bench.desk.to("/wei")) >= 3)
    await bench.act(Act.ACKNOWLEDGE, WANG)
    await bench.desk.wait_for(lambda calls: any(call.body["reason"] == "stand_down" for call in calls))
    await bench.eventually("select 1 where not exists (select 1 from notifications where claimed_by is not null)")
    calls = bench.desk.to("/wei")
    over = next(index for index, call in enumerate(calls) if call.body["reason"] == "stand_down")
    seen = {call.notification_id for call in calls[:over]}
    late = [call for call in calls[over + 1 :] if call.notification_id not in seen]
    assert late == []


async def test_copies_that_nobody_named_go_by_numbers_of_their_own(bench: Bench) -> None:
    await bench.start()
    await bench.start()
    await bench.eventually(
        "select 1 from service_heartbeats where service = 'dispatch' having array_agg(instance order by instance) = %s",
        ["1", "2"],
    )
