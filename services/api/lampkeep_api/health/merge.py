"""Prometheus texts of several processes as one: each family once, equal series added up.

Families of ours (`lampkeep_*`) are added over the processes, as they count one system. The others (`process_*`,
`python_*`) describe one process each, so those of a peer get its address as `instance`. Creation times, which cannot be
added, are left out.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

OURS = "lampkeep_"

_Series = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(slots=True)
class _Family:
    name: str
    help: str
    type: str
    values: dict[_Series, float] = field(default_factory=dict)

    def metric(self) -> Metric:
        metric = Metric(self.name, self.help, self.type)
        for (name, labels), value in self.values.items():
            metric.add_sample(name, dict(labels), value)
        return metric


def merge(own: str, peers: Mapping[str, str]) -> bytes:
    """The text of this process and those of its peers, by address, as one text. ValueError for what is no such text."""
    families: dict[str, _Family] = {}
    for instance, text in (("", own), *sorted(peers.items())):
        for metric in text_string_to_metric_families(text):
            if not metric.name.endswith("_created"):
                _add(families, metric, instance)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Ready(family.metric() for family in families.values()))
    return generate_latest(registry)


def _add(families: dict[str, _Family], metric: Metric, instance: str) -> None:
    family = families.setdefault(metric.name, _Family(metric.name, metric.documentation, metric.type))
    if family.type != metric.type:
        # Two processes that disagree about a name: the first one holds, so that the text stays readable.
        return
    ours = metric.name.startswith(OURS)
    for sample in metric.samples:
        if sample.name.endswith("_created"):
            continue
        labels = dict(sample.labels)
        if instance and not ours:
            labels["instance"] = instance
        key = (sample.name, tuple(sorted(labels.items())))
        family.values[key] = family.values.get(key, 0.0) + sample.value


class _Ready(Collector):
    """Families that are made already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics
