"""The metrics of several processes, merged into those of one."""

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.metrics import MetricWrapperBase

from streams.metrics import Metrics
from streams.supervisor import merging
from validators.loading import load_ruleset


def worker_metrics(decided: int, lag: dict[int, int], warm: int, at: float) -> str:
    metrics = Metrics(CollectorRegistry())
    metrics.rules_in_force(load_ruleset())
    metrics.decided.labels("flagged", "professional", "medicare_ffs").inc(decided)
    for _ in range(decided):
        metrics.decision_seconds.observe(0.2)
    for partition, records in lag.items():
        metrics.lag.labels("claims.received", partition).set(records)
    metrics.state_entries.labels("patients").set(decided)
    metrics.state_warm.set(warm)
    metrics.last_decision.set(at)
    return generate_latest(metrics.registry).decode()


def test_the_metrics_of_one_process_stay_as_they_are():
    text = worker_metrics(3, {0: 7}, 1, 100.5)

    assert merging.written(merging.merged([merging.read(text)])).decode() == text


def test_metrics_are_merged_by_what_they_mean():
    parts = [worker_metrics(3, {0: 7, 1: 2}, 1, 100.5), worker_metrics(4, {2: 9}, 0, 90.0)]

    text = merging.written(merging.merged(map(merging.read, parts))).decode()

    wanted = [
        'claims_decided_total{claim_type="professional",line_of_business="medicare_ffs",outcome="flagged"} 7.0',
        "claims_decision_seconds_count 7.0",
        'claims_decision_seconds_bucket{le="+Inf"} 7.0',
        'claims_lag_records{partition="0",topic="claims.received"} 7.0',
        'claims_lag_records{partition="2",topic="claims.received"} 9.0',
        'claims_state_entries{store="patients"} 7.0',
        "claims_state_warm 0.0",
        "claims_last_decision_timestamp_seconds 100.5",
    ]
    lines = text.splitlines()
    assert [] == [line for line in wanted if line not in lines]
    assert 1 == sum(line.startswith("claims_ruleset_info{") and line.endswith(" 1.0") for line in lines)


def test_names_and_labels_are_those_of_one_process():
    one, two = worker_metrics(3, {0: 7}, 1, 1), worker_metrics(4, {0: 8}, 1, 2)

    merged = merging.written(merging.merged([merging.read(one), merging.read(two)])).decode()

    def series(text: str) -> list[str]:
        return [line if line.startswith("#") else line.rpartition(" ")[0] for line in text.splitlines()]

    assert series(one) == series(merged)


def test_of_a_process_that_ended_stay_counts_and_times():
    kept = {family.name for family in merging.lasting(merging.read(worker_metrics(3, {0: 7}, 1, 100.5)))}

    assert {"claims_decided", "claims_decision_seconds", "claims_last_decision_timestamp_seconds"} <= kept
    assert not kept & {"claims_lag_records", "claims_state_entries", "claims_state_warm", "claims_ruleset_info"}


def test_every_gauge_of_a_worker_says_how_it_is_merged():
    collectors = list(Metrics(CollectorRegistry()).registry._collector_to_names)
    gauges = {each._name for each in collectors if isinstance(each, MetricWrapperBase) and isinstance(each, Gauge)}

    assert gauges - merging.GAUGES.keys() == set()


def test_a_gauge_nobody_listed_shows_the_largest():
    def one(value: float) -> str:
        registry = CollectorRegistry()
        Gauge("claims_new", "New", registry=registry).set(value)
        Counter("claims_other", "Other", registry=registry)
        return generate_latest(registry).decode()

    assert "claims_new 3.0" in merging.written(merging.merged(map(merging.read, [one(3), one(2)]))).decode()
