import ssl
from types import SimpleNamespace

import pytest
from aiokafka.errors import KafkaConnectionError
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth
from prometheus_client import CollectorRegistry

from streams import clock
from streams.app import _keep_state, _probes, _refuse_added_partitions, credentials_of, watch_progress
from streams.chunks import TP, Account, Position
from streams.health import ProgressProbe
from streams.metrics import Metrics
from streams.state.store import Store
from streams.topic_layout import Layout, Topics
from tests.validators.building import ruleset, seal

TOPICS = Topics()
RECEIVED = TP(TOPICS.received, 0)


@pytest.fixture
def app():
    """What the probes see of an app."""
    return SimpleNamespace(positions={}, account=Account(), should_stop=False)


@pytest.fixture
def store():
    return SimpleNamespace(warm=True, events=lambda: 3, patients=lambda: 2)


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

    assert metrics.registry.get_sample_value("claims_state_entries", {"store": "patients"}) == 2
    assert metrics.registry.get_sample_value("claims_state_entries", {"store": "events"}) == 3
    assert metrics.registry.get_sample_value("claims_state_warm") == 0


def test_records_nobody_accounts_for_are_shown(app, metrics, probes):
    app.account.passed(5, 3)
    probes.refresh()

    assert metrics.registry.get_sample_value("claims_unaccounted_records") == 2


def test_a_worker_whose_topic_is_missing_is_not_ready(app, store, metrics):
    watch = SimpleNamespace(missing=("topic claims.accepted does not exist",))
    probes = _probes(app, store, metrics, TOPICS, probe=ProgressProbe(120), watch=watch)

    assert probes.not_ready() == "topic claims.accepted does not exist"


def test_a_worker_that_stops_is_not_ready(app, probes):
    app.should_stop = True

    assert probes.not_ready() == "the worker is stopping"


class Watched:
    """An app that is watched with a limit of 20 s, looked at every 10 s."""

    def __init__(self, metrics, monkeypatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(clock, "monotonic", lambda: self.now)
        self.app = SimpleNamespace(
            positions={RECEIVED: Position(5, 9)}, unread=set(), end=lambda *end: self.ends.append(end)
        )
        self.ends = []
        self.store = SimpleNamespace(records_read=0)
        self.missing: tuple[str, ...] = ()
        self.probe = watch_progress(self.app, self.store, metrics, 20, lambda: self.missing)
        self.probe._tick = lambda: self.now

    def look(self, times=1, trouble=None):
        for _ in range(times):
            self.now += 10
            self.app.on_look(trouble)


@pytest.fixture
def watched(metrics, monkeypatch):
    return Watched(metrics, monkeypatch)


def test_a_partition_that_stands_still_ends_the_worker_to_be_started_again(watched):
    watched.look(2)

    assert watched.ends == []

    watched.look()
    why = "claims.received[0] has 4 records and has not moved for 20 s although the broker answers"

    assert watched.ends == [(70, f"{why}; this worker ends, to be started again")]


def test_tries_again_rebuilt_state_and_a_broker_that_is_away_are_no_reason_to_end(watched):
    for _ in range(5):
        watched.look()
        watched.app.on_retry(RECEIVED, KafkaConnectionError())
        watched.look()
        watched.store.records_read += 1
        watched.look(trouble=TimeoutError())

    assert watched.ends == []


def test_a_worker_that_alone_is_answered_no_more_ends_to_be_started_again(watched):
    watched.look(trouble=TimeoutError())
    watched.probe.others_answered()
    watched.look(2, trouble=TimeoutError())

    assert [code for code, _ in watched.ends] == [70]


def test_while_a_topic_is_missing_nothing_ends_the_worker(watched):
    watched.missing = ("topic claims.accepted does not exist",)
    watched.look(5)

    assert watched.ends == []

    watched.missing = ()
    watched.look(3)

    assert len(watched.ends) == 1


async def test_a_rebuild_that_is_tried_again_counts_as_a_try_of_its_partition():
    tries, store = [], Store(TOPICS.state_changelog, {}, seal(), ruleset().state)
    app = SimpleNamespace(on_retry=lambda tp, error: tries.append((tp, error)))
    _keep_state(app, store, TOPICS)
    error = KafkaConnectionError()
    store.on_retry(3, error)

    assert tries == [(TP(TOPICS.patient_events, 3), error)]


def test_a_partition_without_a_position_ends_the_worker_too(watched):
    watched.app.positions, watched.app.unread = {}, {RECEIVED}
    watched.look(3)

    assert len(watched.ends) == 1


def test_trouble_of_several_partitions_is_counted_once_a_topic(watched, metrics):
    watched.app.on_trouble({RECEIVED, TP(TOPICS.received, 1), TP(TOPICS.patient_events, 0)}, TimeoutError())
    sample = metrics.registry.get_sample_value

    assert sample("claims_broker_retries_total", {"topic": TOPICS.received}) == 1
    assert sample("claims_broker_retries_total", {"topic": TOPICS.patient_events}) == 1


async def test_an_assigned_partition_the_layout_does_not_know_ends_the_worker_before_its_state_is_built():
    built, ends, looks = [], [], []

    async def build_state(partitions):
        built.append(partitions)

    app = SimpleNamespace(on_assigned=build_state, exit_code=None)

    def end(code, why):
        app.exit_code = code
        ends.append(why)

    app.end = end
    _refuse_added_partitions(app, TOPICS, Layout(), SimpleNamespace(soon=lambda: looks.append("soon")))
    await app.on_assigned({TP(TOPICS.received, 3)})

    assert (built, ends) == ([{TP(TOPICS.received, 3)}], [])

    await app.on_assigned({TP(TOPICS.received, 4)})

    assert len(built) == 1
    assert ends == [
        "topic claims.received has 5 partitions instead of 4; set CLAIMSTREAM_BROKER__RECEIVED_PARTITIONS=5"
    ]
    assert looks == ["soon", "soon"]


def test_a_worker_is_ready_with_partitions_and_warm_state(app, store, probes):
    assert probes.not_ready() == "no partition is assigned yet"
    app.positions = {TP(TOPICS.received, 0): Position(0, 0)}
    store.warm = False
    assert probes.not_ready() == "the state is being rebuilt"
    store.warm = True
    assert probes.not_ready() == ""


@pytest.mark.parametrize(
    "client",
    [
        {"security_protocol": "PLAINTEXT"},
        {"security_protocol": "SSL", "ssl_context": ssl.create_default_context()},
        *(
            {
                "security_protocol": protocol,
                "ssl_context": context,
                "sasl_mechanism": "SCRAM-SHA-512",
                "sasl_plain_username": "worker",
                "sasl_plain_password": "s3cret",
            }
            for protocol, context in (("SASL_PLAINTEXT", None), ("SASL_SSL", ssl.create_default_context()))
        ),
    ],
    ids=lambda client: client["security_protocol"],
)
def test_faust_makes_its_clients_with_the_options_of_all_others(client):
    credentials = credentials_of(client)

    assert client == credentials_to_aiokafka_auth(credentials)
    assert "s3cret" not in repr(credentials)
