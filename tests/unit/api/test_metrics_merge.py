"""Metrics of several processes as one Prometheus text."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from lampkeep_api.health.merge import merge
from lampkeep_api.health.metrics import addresses_of


def process(stored: int, *, urgent_s: float, backlog: int, cpu_s: float) -> str:
    registry = CollectorRegistry()
    Counter("lampkeep_messages_total", "Messages", ["lane", "result"], registry=registry).labels(
        "urgent", "stored"
    ).inc(stored)
    Histogram("lampkeep_message_store_seconds", "Store", ["lane"], registry=registry, buckets=(0.01, 0.1)).labels(
        "urgent"
    ).observe(urgent_s)
    Gauge("lampkeep_ingest_backlog_messages", "Backlog", registry=registry).set(backlog)
    Counter("process_cpu_seconds_total", "CPU", registry=registry).inc(cpu_s)
    return generate_latest(registry).decode()


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_series_of_ours_are_added_over_the_processes() -> None:
    merged = samples(
        merge(
            process(1, urgent_s=0.05, backlog=2, cpu_s=1),
            {"a:1": process(10, urgent_s=0.005, backlog=3, cpu_s=2)},
        )
    )
    labels = (("lane", "urgent"), ("result", "stored"))
    assert merged["lampkeep_messages_total", labels] == 11
    assert merged["lampkeep_ingest_backlog_messages", ()] == 5
    lane = ("lane", "urgent")
    assert merged["lampkeep_message_store_seconds_count", (lane,)] == 2
    assert merged["lampkeep_message_store_seconds_bucket", (lane, ("le", "0.01"))] == 1
    assert merged["lampkeep_message_store_seconds_bucket", (lane, ("le", "0.1"))] == 2
    assert merged["lampkeep_message_store_seconds_bucket", (lane, ("le", "+Inf"))] == 2


def test_what_describes_one_process_keeps_them_apart() -> None:
    merged = samples(
        merge(process(1, urgent_s=0.1, backlog=0, cpu_s=1), {"a:1": process(1, urgent_s=0.1, backlog=0, cpu_s=2)})
    )
    assert merged["process_cpu_seconds_total", ()] == 1
    assert merged["process_cpu_seconds_total", (("instance", "a:1"),)] == 2


def test_each_family_stands_once_and_whole() -> None:
    text = merge(
        process(1, urgent_s=0.1, backlog=0, cpu_s=1),
        {name: process(1, urgent_s=0.1, backlog=0, cpu_s=1) for name in ("a:1", "b:2")},
    ).decode()
    types = [line for line in text.splitlines() if line.startswith("# TYPE")]
    helps = [line for line in text.splitlines() if line.startswith("# HELP")]
    assert len(types) == len(set(types)) == len(helps) == len(set(helps)) == 4
    assert "# TYPE lampkeep_messages_total counter" in types
    assert "_created" not in text
    series = [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(series) == len(set(series))


def test_label_values_survive_with_their_quotes_and_line_breaks() -> None:
    registry = CollectorRegistry()
    Gauge("lampkeep_odd", 'Odd "help" \\ here', ["name"], registry=registry).labels('a"b\\c\nd').set(1)
    merged = samples(merge(generate_latest(registry).decode(), {}))
    assert merged["lampkeep_odd", (("name", 'a"b\\c\nd'),)] == 1


def test_what_is_no_prometheus_text_is_refused() -> None:
    with pytest.raises(ValueError, match="html"):
        merge("", {"a:1": "<html>not found</html>"})


def test_peers_are_words_parted_by_commas_or_spaces() -> None:
    assert addresses_of(" a:1, b:2  a:1,,c:3 ") == ("a:1", "b:2", "c:3")
    assert addresses_of("") == ()
