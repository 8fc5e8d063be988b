"""The metrics of several processes as those of one: same names, same labels, so that every query holds unchanged.

Each process is scraped and read with Prometheus' own parser. The multi-process mode of prometheus_client would not do:
it has no `Info`, wants files on disk and a variable set before its import, and keeps lags of partitions that moved on.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

Merge = Callable[[float, float], float]


def _added(one: float, other: float) -> float:
    return one + other


GAUGES: Mapping[str, Merge] = {
    "claims_lag_records": max,  # a partition has one owner; two while it moves
    "claims_lag_seconds": max,
    "claims_last_decision_timestamp_seconds": max,
    "claims_last_received_timestamp_seconds": max,
    "claims_reference_data_info": max,
    "claims_ruleset_info": max,
    "claims_state_entries": _added,
    "claims_state_warm": min,
    "claims_unaccounted_records": _added,
}
"""What a gauge of all processes means; the largest for one that is not listed."""

_ADDED_TYPES = frozenset({"counter", "histogram"})


def read(text: str) -> list[Metric]:
    """The metrics of one scrape."""
    return list(text_string_to_metric_families(text))


def written(families: Iterable[Metric]) -> bytes:
    """The text of a scrape."""
    registry = CollectorRegistry()
    registry.register(_Fixed(families))
    return generate_latest(registry)


def merged(parts: Iterable[Sequence[Metric]]) -> list[Metric]:
    """One metric of each name, its samples in the order they were first seen."""
    found: dict[str, tuple[Metric, dict[tuple[str, frozenset[tuple[str, str]]], Sample]]] = {}
    for part in parts:
        for family in part:
            first, samples = found.setdefault(family.name, (family, {}))
            merge = _merge_of(first)
            for sample in family.samples:
                key = sample.name, frozenset(sample.labels.items())
                seen = samples.get(key)
                value = sample.value if seen is None else merge(seen.value, sample.value)
                samples[key] = Sample(sample.name, sample.labels, value)
    return [_with_samples(family, samples.values()) for family, samples in found.values()]


def lasting(families: Iterable[Metric]) -> list[Metric]:
    """What stays true of a process that has ended: its counts, and when it last did something."""
    return [family for family in families if family.type in _ADDED_TYPES or family.name.endswith("_timestamp_seconds")]


def _merge_of(family: Metric) -> Merge:
    return _added if family.type in _ADDED_TYPES else GAUGES.get(family.name, max)


def _with_samples(family: Metric, samples: Iterable[Sample]) -> Metric:
    metric = Metric(family.name, family.documentation, family.type)
    metric.samples = list(samples)
    return metric


class _Fixed(Collector):
    """Metrics that are known already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
