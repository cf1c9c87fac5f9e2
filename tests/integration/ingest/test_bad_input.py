from collections import Counter
from typing import Any

import pytest

from lampkeep_ingest.app import Ingest
from lampkeep_ingest.identify import observation_row, urgent_row
from lampkeep_ingest.metrics import MESSAGES
from lampkeep_ingest.said import Observed, Urgent
from support.corpus import CORPUS, OBSERVATIONS, URGENT
from support.ingest_running import Bench


async def test_each_of_the_corpus_leaves_one_rejected_record_and_no_gap_in_the_stream(
    bench: Bench, ingest: Ingest
) -> None:
    before = MESSAGES.labels("observation", "rejected")._value.get()
    for n, case in enumerate(CORPUS):
        await bench.raw(case.full_topic, case.payload)
        await bench.raw(
            "lampkeep/v1/gw-1/pir-1/observation", b'{"v":1,"id":"neighbour-%d","type":"motion"}' % n
        )  # fmt: skip
    await bench.until("select 1 from observations where message_id like 'neighbour-%%'", len(CORPUS))
    rejected = await bench.until("select * from rejected_messages order by rejected_id", len(CORPUS))
    assert Counter(row["reason"] for row in rejected) == Counter(case.reason.value for case in CORPUS)
    assert {len(row["head"]) for row in rejected if row["size"] > 4096} == {4096}
    assert MESSAGES.labels("observation", "rejected")._value.get() - before == len(OBSERVATIONS)
    reasons = {(row["topic"], row["head"], row["size"]): row["reason"] for row in rejected}
    for case in CORPUS:
        found = reasons[case.full_topic, case.payload[:4096], len(case.payload)]
        assert found == case.reason.value, case.name
    raised = await bench.rows("select 1 from urgent_messages")
    assert len(raised) == sum(case.raises for case in URGENT)
    assert await bench.count("signals") == len(raised)


async def test_a_message_beyond_what_is_recorded_does_not_stop_the_stream(bench: Bench, ingest: Ingest) -> None:
    await bench.raw("lampkeep/v1/gw-1/door-1/observation", b"x" * 256 * 1024)
    (row,) = await bench.until("select * from rejected_messages")
    assert (row["reason"], row["size"], len(row["head"])) == ("too_large", 256 * 1024, 4096)
    await bench.settled()


async def test_a_message_over_which_our_own_code_stumbles_is_recorded_and_the_others_flow(
    bench: Bench, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbling(said: Observed | Urgent, *others: Any) -> Any:
        if said.message_id == "stumble" and not (isinstance(said, Urgent) and said.problem):
            raise KeyError("a mistake of ours")
        return (observation_row if isinstance(said, Observed) else urgent_row)(said, *others)  # type: ignore[arg-type]

    monkeypatch.setattr("lampkeep_ingest.observation_lane.observation_row", stumbling)
    monkeypatch.setattr("lampkeep_ingest.urgent_lane.urgent_row", stumbling)
    for type_, device in (("motion", "gw-1/pir-1"), ("sos", "pendant-1/pendant-1")):
        await bench.say(device, type_, message_id="stumble")
        await bench.say(device, type_, message_id="neighbour")
    await bench.until("select 1 from observations where message_id = 'neighbour'")
    pressed = await bench.until("select type from urgent_messages order by urgent_id", 2)
    assert [row["type"] for row in pressed] == ["unreadable", "sos"]
    refused = await bench.until("select detail from rejected_messages", 2)
    assert {row["detail"] for row in refused} == {"could not be understood: KeyError"}
    assert set(await bench.receipts("pendant-1/pendant-1", 2)) == {"stumble", "neighbour"}
