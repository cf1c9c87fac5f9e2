"""The metrics that ingest owns (contract section 7)."""

from prometheus_client import Counter, Gauge, Histogram

LANES = ("urgent", "observation")

MESSAGES = Counter("lampkeep_messages", "Messages of devices by what became of them.", ["lane", "result"])

STORE_SECONDS = Histogram(
    "lampkeep_message_store_seconds",
    "From the receipt of a message to the end of the commit that stored it.",
    ["lane"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)

BACKLOG = Gauge("lampkeep_ingest_backlog_messages", "Messages received and not stored yet, both lanes.")

for _lane in LANES:
    STORE_SECONDS.labels(_lane)
    for _result in ("stored", "duplicate", "rejected"):
        MESSAGES.labels(_lane, _result)
