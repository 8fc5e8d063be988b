"""The worker on one page: settings and a ruleset in, a Faust app with its two agents and its endpoint out."""

import logging
import os
import socket
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import faust
from mode import Service
from prometheus_client import CollectorRegistry

from streams import clock
from streams.agents.intake import Intake
from streams.agents.validate import Validate
from streams.chunks import EXIT_STOPPED_HARD, TP, ChunkApp, DeadLetter, Record
from streams.deciding import Decider
from streams.delivery.dead_letters import dead_letter_headers, dead_letter_key, failed_on
from streams.health import Endpoint, Mark, Probes, ProgressProbe, versions
from streams.metrics import Metrics
from streams.sealing import Seal
from streams.settings import Settings
from streams.state.store import Store
from streams.tokens import Tokens
from streams.topic_layout import Layout, Topics, partitions_difference
from streams.topic_watch import EXIT_USAGE, TopicWatch
from validators.ruleset import Ruleset

log = logging.getLogger(__name__)


class EndpointService(Service):
    """The HTTP endpoint as a part of the Faust worker: up before the app, down after it."""

    def __init__(self, endpoint: Endpoint, host: str, port: int) -> None:
        super().__init__()
        self._endpoint, self._host, self._port = endpoint, host, port
        self.on_listening = self._log_port

    async def on_start(self) -> None:
        """Listen."""
        self.on_listening(await self._endpoint.start(self._host, self._port))

    async def on_stop(self) -> None:
        """Listen no more."""
        await self._endpoint.stop()

    def _log_port(self, port: int) -> None:
        log.info("metrics at http://%s:%s/metrics", self._host, port)


@dataclass(frozen=True, slots=True)
class Parts:
    """A worker's app, its endpoint, and the look at its topics."""

    app: ChunkApp
    endpoint: EndpointService
    topic_watch: TopicWatch


def build(settings: Settings, ruleset: Ruleset, key: bytes) -> Parts:
    """Wire one worker. Nothing is connected yet."""
    topics, layout = Topics(settings.broker.prefix), settings.broker.layout()
    metrics = Metrics(CollectorRegistry())
    metrics.rules_in_force(ruleset)
    metrics.begin_at_zero(topics, settings.sources, ruleset)
    worker = f"{socket.gethostname()}:{os.getpid()}"
    client = settings.broker.client_options()
    store = Store(topics.state_changelog, client, Seal(key), ruleset.state)

    def dead_letter(record: Record, error: Exception) -> DeadLetter:
        why = failed_on(error, ruleset=ruleset.version.sha256, worker=worker)
        headers = dead_letter_headers(record, why, settings.sources)
        key = dead_letter_key(record.key, record.headers, settings.sources)
        return DeadLetter(topics.dlt_of(record.topic), key, record.value, headers)

    app = ChunkApp(
        f"{settings.broker.prefix}{settings.broker.group}",
        broker=f"kafka://{settings.broker.bootstrap.replace(',', ';kafka://')}",
        broker_credentials=credentials_of(client),
        dead_letter=dead_letter,
        broker_commit_interval=settings.broker.commit_interval_seconds,
        broker_session_timeout=settings.broker.session_timeout_seconds,
        broker_request_timeout=max(90.0, settings.broker.session_timeout_seconds),
        consumer_group_instance_id=settings.broker.group_instance_id,
        record_limits={topic.name: int(topic.config["max.message.bytes"]) for topic in layout.topics(topics)},
    )
    decider = Decider(ruleset, on_error=lambda rule, _error: metrics.rule_errors.labels(rule.id).inc())
    tokens = Tokens(key, ruleset.payers, settings.payer_aliases, settings.tenants)
    intake = Intake(topics, layout, tokens, frozenset(settings.sources), ruleset.version.sha256, worker, metrics)
    validate = Validate(topics, decider, store, metrics)
    app.chunk_agent(app.chunk_topic(topics.received, partitions=layout.received_partitions), name="intake")(intake.work)
    app.chunk_agent(app.chunk_topic(topics.patient_events, partitions=layout.partitions), name="validate")(
        validate.work
    )
    _keep_state(app, store, topics)
    watch = TopicWatch(app, settings.broker)
    _refuse_added_partitions(app, topics, layout, watch)
    app.on_dead_letter = lambda topic, code: metrics.dead_letters.labels(topic, code).inc()
    probe = watch_progress(app, store, metrics, settings.broker.stuck_seconds, lambda: watch.missing)
    watch.on_answer, watch.on_no_answer = probe.others_answered, probe.nobody_answered
    stages = {topics.received: "intake", topics.patient_events: "validate"}
    app.on_confirmed = lambda tp, work, confirm: metrics.chunk_confirmed(stages[tp.topic], work, confirm)
    endpoint = Endpoint(metrics, _probes(app, store, metrics, topics, probe=probe, watch=watch), versions(ruleset))
    return Parts(app, EndpointService(endpoint, settings.http.host, settings.http.port), watch)


def credentials_of(client: Mapping[str, Any]) -> Any:
    """The options of a Kafka client as Faust's credentials; None for a plain connection."""
    context = client.get("ssl_context")
    if "sasl_mechanism" in client:
        return faust.SASLCredentials(
            username=client["sasl_plain_username"],
            password=client["sasl_plain_password"],
            mechanism=client["sasl_mechanism"],
            ssl_context=context,
        )
    return None if context is None else faust.SSLCredentials(context)


def _keep_state(app: ChunkApp, store: Store, topics: Topics) -> None:
    """Rebuild the state of each partition of the log on assignment, before its first claim."""

    def of_log(partitions: set[TP]) -> set[int]:
        return {tp.partition for tp in partitions if tp.topic == topics.patient_events}

    async def assigned(partitions: set[TP]) -> None:
        store.assigned(of_log(partitions))

    async def revoked(partitions: set[TP]) -> None:
        store.revoked(of_log(partitions))

    async def ready(tp: TP) -> None:
        if tp.topic == topics.patient_events:
            await store.ready(tp.partition)

    app.on_assigned, app.on_revoked, app.ready = assigned, revoked, ready
    store.on_retry = lambda partition, error: app.on_retry(TP(topics.patient_events, partition), error)


def _refuse_added_partitions(app: ChunkApp, topics: Topics, layout: Layout, watch: TopicWatch) -> None:
    """End the worker before anything is decided from a partition the layout does not know."""
    wanted, keep_state = {topic.name: topic for topic in layout.topics(topics)}, app.on_assigned

    async def assigned(partitions: set[TP]) -> None:
        watch.soon()
        for tp in sorted(partitions):
            if tp.partition >= wanted[tp.topic].partitions:
                app.end(EXIT_USAGE, partitions_difference(wanted[tp.topic], tp.partition + 1, topics).message)
        if app.exit_code is None and keep_state is not None:
            await keep_state(partitions)

    app.on_assigned = assigned


def watch_progress(
    app: ChunkApp, store: Store, metrics: Metrics, stuck_seconds: float, missing: Callable[[], Sequence[str]] = tuple
) -> ProgressProbe:
    """Count tries again, and end the worker when a partition stands still although the broker answers.

    While a topic is `missing` what goes to it waits, as it does for a broker that is away.
    """
    probe, tries = ProgressProbe(stuck_seconds), Counter[TP]()

    def trouble(partitions: set[TP], _error: Exception) -> None:
        tries.update(partitions)
        for topic in {tp.topic for tp in partitions}:
            metrics.retries.labels(topic).inc()

    def look(error: Exception | None) -> None:
        if error is None and not missing():
            probe.look(marks())
        elif error is None:
            probe.excused()
        else:
            probe.no_answer()
        if why := probe.not_alive():
            app.end(EXIT_STOPPED_HARD, f"{why}; this worker ends, to be started again")

    def marks() -> dict[TP, Mark]:
        signs = {tp: tries[tp] + store.records_read for tp in {*app.positions, *app.unread}}
        unread = {tp: Mark(0, 1, signs[tp]) for tp in app.unread}
        return unread | {tp: Mark(at.committed, at.end, signs[tp]) for tp, at in app.positions.items()}

    app.on_retry = lambda tp, error: trouble({tp}, error)
    app.on_trouble, app.on_look = trouble, look
    return probe


def _probes(
    app: ChunkApp, store: Store, metrics: Metrics, topics: Topics, *, probe: ProgressProbe, watch: TopicWatch
) -> Probes:
    def refresh() -> None:
        metrics.state_entries.labels("patients").set(store.patients())
        metrics.state_entries.labels("events").set(store.events())
        metrics.state_warm.set(store.warm)
        metrics.unaccounted.set(app.account.unaccounted)
        now, oldest = clock.seconds(), {topics.received: 0.0, topics.patient_events: 0.0}
        metrics.lag.clear()  # a partition that went to another worker is no lag of ours
        for tp, position in app.positions.items():
            if position.oldest_ms is not None:
                oldest[tp.topic] = max(oldest[tp.topic], now - position.oldest_ms / 1000)
            metrics.lag.labels(tp.topic, tp.partition).set(max(0, position.end - position.committed))
        for topic, seconds in oldest.items():
            metrics.lag_seconds.labels(topic).set(seconds)

    def not_ready() -> str:
        if app.should_stop:
            return "the worker is stopping"
        if watch.missing:
            return watch.missing[0]
        if not app.positions:
            return "no partition is assigned yet"
        return "" if store.warm else "the state is being rebuilt"

    return Probes(refresh, not_ready, probe.not_alive)
