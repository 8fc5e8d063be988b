"""Every metric in one class, with its labels in view. Labels come from closed sets; never an id, a member, a file."""

from collections.abc import Sequence
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, disable_created_metrics

from schemas.rejection import REJECTION_CODES
from streams import clock
from streams.deciding import Decided
from streams.delivery.dead_letters import UNPROCESSABLE
from streams.intake.arrival import DEFAULT_SOURCE
from streams.intake.reading import Format
from streams.topic_layout import Topics
from validators.rule import FAMILIES
from validators.ruleset import Ruleset

# Close together around 60 ms, which 99 of 100 decisions are to stay under.
_LATENCY_BUCKETS = (
    0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300
)  # fmt: skip


class Metrics:
    """The metrics of a worker, on a registry of its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        # They would be a second series a counter, under names nobody was promised.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry
        self.received = Counter(
            "claims_received", "Items found in received records, read or not", ["source", "format"], registry=registry
        )
        self.last_received = Gauge(
            "claims_last_received_timestamp_seconds", "When the last record of a source came", ["source"],
            registry=registry,
        )  # fmt: skip
        self.unlisted_sources = Counter(
            "claims_unlisted_sources", "Records whose source is not in CLAIMSTREAM_SOURCES", registry=registry
        )
        self.unknown_fields = Counter("claims_unknown_fields", "JSON fields no model reads", registry=registry)
        self.rejected = Counter(
            "claims_rejected", "Items that could not be read", ["format", "code"], registry=registry
        )
        self.decided = Counter(
            "claims_decided", "First decisions", ["outcome", "claim_type", "line_of_business"], registry=registry
        )
        self.revised = Counter(
            "claims_revised", "Decisions revised by a fact that came late", ["cause"], registry=registry
        )
        self.redelivered = Counter("claims_redelivered", "Events that had been decided before", registry=registry)
        self.findings = Counter("claims_findings", "Findings", ["rule", "severity"], registry=registry)
        self.not_checked = Counter("claims_not_checked", "Rules not checked", ["family"], registry=registry)
        self.rule_errors = Counter("claims_rule_errors", "Rules that raised: a defect", ["rule"], registry=registry)
        self.at_risk = Counter(
            "claims_amount_at_risk_dollars", "Dollars at risk by finding, test claims left out", ["family"],
            registry=registry,
        )  # fmt: skip
        self.decision_seconds = Histogram(
            "claims_decision_seconds", "From arrival to the acknowledged decision", buckets=_LATENCY_BUCKETS,
            registry=registry,
        )  # fmt: skip
        self.stage_seconds = Histogram(
            "claims_stage_seconds", "One chunk: intake and validate compute it, confirm waits for the broker",
            ["stage"], buckets=_LATENCY_BUCKETS, registry=registry,
        )  # fmt: skip
        self.last_decision = Gauge(
            "claims_last_decision_timestamp_seconds", "When the last decision was acknowledged", registry=registry
        )
        self.dead_letters = Counter("claims_dead_letters", "Dead letters", ["topic", "code"], registry=registry)
        self.retries = Counter(
            "claims_broker_retries", "Tries again after broker trouble", ["topic"], registry=registry
        )
        self.unaccounted = Gauge(
            "claims_unaccounted_records", "Records passed of which nothing says what became of them: lost",
            registry=registry,
        )  # fmt: skip
        self.lag = Gauge("claims_lag_records", "Records not yet committed", ["topic", "partition"], registry=registry)
        self.lag_seconds = Gauge(
            "claims_lag_seconds", "Age of the oldest record not yet committed", ["topic"], registry=registry
        )
        self.state_entries = Gauge("claims_state_entries", "Events kept in state", ["store"], registry=registry)
        self.state_warm = Gauge(
            "claims_state_warm", "1 when the state of every partition is rebuilt", registry=registry
        )
        self.ruleset = Info("claims_ruleset", "The rules in force", registry=registry)
        self.reference_data = Gauge(
            "claims_reference_data_info", "The reference tables loaded", ["name", "vintage"], registry=registry
        )

    def rules_in_force(self, ruleset: Ruleset) -> None:
        """Show which rules and tables decide."""
        self.ruleset.info({"version": ruleset.version.version, "sha256": ruleset.version.sha256})
        for name, vintage in ruleset.reference.vintages().items():
            self.reference_data.labels(name, vintage).set(1)

    def begin_at_zero(self, topics: Topics, sources: Sequence[str], ruleset: Ruleset) -> None:
        """Show what alerts watch before it happens: Prometheus sees no increase in a series that begins at one."""
        for source in (*sources, DEFAULT_SOURCE):
            for form in get_args(Format):
                self.received.labels(source, form)
        for code in REJECTION_CODES:
            self.dead_letters.labels(topics.received_dlt, code)
        self.dead_letters.labels(topics.patient_events_dlt, UNPROCESSABLE)
        for topic in (topics.received, topics.patient_events):
            self.retries.labels(topic)
        self.unaccounted.set(0)
        for cause in ("late-authorization", "late-encounter"):
            self.revised.labels(cause)
        for rule in ruleset.rules:
            self.rule_errors.labels(rule.id)
        for stage in ("intake", "validate", "confirm"):
            self.stage_seconds.labels(stage)

    def chunk_confirmed(self, stage: str, work_seconds: float, confirm_seconds: float) -> None:
        """Observe a chunk the broker has all outputs of; `stage` is intake or validate."""
        self.stage_seconds.labels(stage).observe(work_seconds)
        self.stage_seconds.labels("confirm").observe(confirm_seconds)

    def decisions_confirmed(self, decisions: Sequence[tuple[Decided, int]]) -> None:
        """Count decisions whose outputs the broker has.

        With each goes the broker time in ms at which what caused it arrived; 0 where the broker had none.
        """
        now = clock.seconds()
        for decided, arrived_ms in decisions:
            if decided.redelivered:
                self.redelivered.inc()
                continue
            if decided.decision.revision:
                self.revised.labels(decided.decision.cause).inc()
            else:
                self._count(decided)
            if arrived_ms:
                self.decision_seconds.observe(max(0.0, now - arrived_ms / 1000))
        if decisions:
            self.last_decision.set(now)

    def _count(self, decided: Decided) -> None:
        decision, claim = decided.decision, decided.context.claim
        self.decided.labels(decision.outcome, claim.claim_type, decided.context.line_of_business).inc()
        for finding in decision.findings:
            self.findings.labels(finding.rule, finding.severity).inc()
            if not decision.test and finding.amount_at_risk > 0:
                self.at_risk.labels(finding.family).inc(float(finding.amount_at_risk))
        for entry in decision.checks.not_checked:
            self.not_checked.labels(FAMILIES[entry.rule.partition("-")[0]]).inc()
