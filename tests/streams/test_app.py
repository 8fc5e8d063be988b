from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry

from streams import clock
from streams.app import _probes
from streams.chunks import TP, Account, Position
from streams.health import ProgressProbe
from streams.metrics import Metrics
from streams.topic_layout import Topics

TOPICS = Topics()


@pytest.fixture
def app():
    """What the probes see of an app."""
    return SimpleNamespace(positions={}, account=Account())


@pytest.fixture
def store():
    return SimpleNamespace(warm=True, events=lambda: 3)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


@pytest.fixture
def probes(app, store, metrics):
    return _probes(app, store, metrics, TOPICS, probe=ProgressProbe(120), watch=SimpleNamespace(missing=()))


def test_lag_is_that_of_the_partitions_in_hand_now(app, metrics, probes, monkeypatch):
    monkeypatch.setattr(clock, "seconds", lambda: 100.0)
    app.positions = {TP(TOPICS.received, 0): Position(5, 12, 98_000), TP(TOPICS.received, 1): Position(5, 9, 97_000)}
    probes.refresh()
    app.positions = {TP(TOPICS.received, 1): Position(6, 9, 97_000)}
    probes.refresh()
    sample = metrics.registry.get_sample_value

    assert sample("claims_lag_records", {"topic": TOPICS.received, "partition": "0"}) is None
    assert sample("claims_lag_records", {"topic": TOPICS.received, "partition": "1"}) == 3
    assert sample("claims_lag_seconds", {"topic": TOPICS.received}) == 3
    assert sample("claims_lag_seconds", {"topic": TOPICS.patient_events}) == 0


def test_state_is_shown_with_its_size_and_whether_it_is_warm(store, metrics, probes):
    store.warm = False
    probes.refresh()

    assert metrics.registry.get_sample_value("claims_state_entries", {"store": "patients"}) == 3
    assert metrics.registry.get_sample_value("claims_state_warm") == 0


def test_a_worker_is_ready_with_partitions_and_warm_state(app, store, probes):
    assert probes.not_ready() == "no partition is assigned yet"
    app.positions = {TP(TOPICS.received, 0): Position(0, 0)}
    store.warm = False
    assert probes.not_ready() == "the state is being rebuilt"
    store.warm = True
    assert probes.not_ready() == ""
