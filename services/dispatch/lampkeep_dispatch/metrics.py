"""The metrics that dispatch owns (contract section 7)."""

from prometheus_client import Counter, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

PRESS_TO_DELIVERY = Histogram(
    "lampkeep_press_to_delivery_seconds",
    "From the press (the device's instant) to the first delivery that a channel confirmed",
    ["kind"],
    buckets=_SECONDS,
)
STEP_LATENESS = Histogram(
    "lampkeep_step_lateness_seconds",
    "How much later than owed a step started",
    ["role"],
    buckets=_SECONDS,
)
STEP_BUDGET = Counter("lampkeep_step_budget", "Steps by whether deliver_within was met", ["role", "met"])
NOTIFICATIONS = Counter("lampkeep_notifications", "Attempts by channel and result", ["channel", "result"])
