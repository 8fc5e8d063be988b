import re
from decimal import Decimal

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from streams import clock
from streams.deciding import Decided
from streams.intake.arrival import Circumstances, arrive
from streams.metrics import Metrics
from streams.tokens import Tokens
from streams.topic_layout import Topics
from tests.streams.intake.building import LINE, accepted, claim
from tests.validators.building import Desk, a_claim, an_authorization, an_encounter, fed
from validators.loading import load_ruleset
from validators.rule import FAMILIES

RULESET = load_ruleset()
OF_THE_CONTRACT = {
    "claims_received_total": {"source", "format"},
    "claims_last_received_timestamp_seconds": {"source"},
    "claims_rejected_total": {"format", "code"},
    "claims_decided_total": {"outcome", "claim_type", "line_of_business"},
    "claims_revised_total": {"cause"},
    "claims_redelivered_total": set(),
    "claims_findings_total": {"rule", "severity"},
    "claims_not_checked_total": {"family"},
    "claims_decision_seconds": set(),
    "claims_stage_seconds": {"stage"},
    "claims_amount_at_risk_dollars_total": {"family"},
    "claims_dead_letters_total": {"topic", "code"},
    "claims_lag_records": {"topic", "partition"},
    "claims_lag_seconds": {"topic"},
    "claims_state_entries": {"store"},
    "claims_state_warm": set(),
    "claims_unaccounted_records": set(),
    "claims_ruleset_info": {"version", "sha256"},
    "claims_reference_data_info": {"name", "vintage"},
    "claims_last_decision_timestamp_seconds": set(),
}
OURS_BESIDE_IT = {
    "claims_unlisted_sources_total": set(),
    "claims_unknown_fields_total": set(),
    "claims_rule_errors_total": {"rule"},
    "claims_broker_retries_total": {"topic"},
}
EVICORE = {"id": "EXCIGNA", "filing_indicator": "CI", "line_of_business": "commercial"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


def decided(tree, desk: Desk | None = None) -> Decided:
    (done,) = (desk or Desk()).take(arrive(accepted(tree), Circumstances("a"), Tokens(b"key", RULESET.payers)))
    return done


def full_names(metrics: Metrics) -> dict[str, set[str]]:
    """Every metric as it is scraped, with its labels."""
    found = {}
    for collector, names in metrics.registry._collector_to_names.items():
        labels = set(collector._labelnames)
        if "claims_ruleset_info" in names:
            labels = {"version", "sha256"}
        suffix = {"counter": "_total", "info": "_info"}.get(collector._type, "")
        found[collector._name.removesuffix(suffix) + suffix] = labels
    return found


def test_names_and_labels_are_those_of_the_contract(metrics):
    assert full_names(metrics) == OF_THE_CONTRACT | OURS_BESIDE_IT


def test_what_is_scraped_has_no_other_names(metrics):
    metrics.rules_in_force(RULESET)
    metrics.redelivered.inc()
    metrics.decisions_confirmed([(decided(claim()), 1)])
    scraped = set(re.findall(r"^(claims_\w+)[{ ]", generate_latest(metrics.registry).decode(), re.MULTILINE))
    histogram_parts = {name.removesuffix(part) for name in scraped for part in ("_bucket", "_sum", "_count")}

    assert scraped - histogram_parts == set()
    assert {name for name in scraped if name.endswith("_created")} == set()


def test_the_rules_and_tables_in_force_are_shown(metrics):
    metrics.rules_in_force(RULESET)
    version = {"version": RULESET.version.version, "sha256": RULESET.version.sha256}

    assert metrics.registry.get_sample_value("claims_ruleset_info", version) == 1
    for name, vintage in RULESET.reference.vintages().items():
        labels = {"name": name, "vintage": vintage}
        assert metrics.registry.get_sample_value("claims_reference_data_info", labels) == 1


def test_what_alerts_watch_is_there_before_it_happens(metrics):
    topics = Topics("a.")
    metrics.begin_at_zero(topics, ("clinic",), RULESET)
    sample = metrics.registry.get_sample_value

    assert sample("claims_received_total", {"source": "clinic", "format": "x12"}) == 0
    assert sample("claims_received_total", {"source": "default", "format": "json"}) == 0
    assert sample("claims_dead_letters_total", {"topic": topics.received_dlt, "code": "truncated"}) == 0
    assert sample("claims_dead_letters_total", {"topic": topics.patient_events_dlt, "code": "unprocessable"}) == 0
    assert sample("claims_broker_retries_total", {"topic": topics.patient_events}) == 0
    assert sample("claims_rule_errors_total", {"rule": "CODE-03"}) == 0
    assert sample("claims_revised_total", {"cause": "late-authorization"}) == 0
    assert sample("claims_revised_total", {"cause": "late-encounter"}) == 0
    assert sample("claims_stage_seconds_count", {"stage": "validate"}) == 0
    assert sample("claims_unaccounted_records") == 0


def test_a_confirmed_chunk_is_observed_by_stage(metrics):
    metrics.chunk_confirmed("intake", 0.25, 0.5)
    metrics.chunk_confirmed("validate", 1, 2)
    sums = {
        stage: metrics.registry.get_sample_value("claims_stage_seconds_sum", {"stage": stage})
        for stage in ("intake", "validate", "confirm")
    }

    assert sums == {"intake": 0.25, "validate": 1, "confirm": 2.5}


def test_a_decision_is_counted_with_its_findings_and_dollars(metrics, monkeypatch):
    monkeypatch.setattr(clock, "seconds", lambda: 100.0)
    done = decided(claim(service_lines=[LINE | {"procedure_code": "64484"}]))
    metrics.decisions_confirmed([(done, 98_000)])
    sample = metrics.registry.get_sample_value

    assert sample("claims_findings_total", {"rule": "CODE-03", "severity": "deny"}) == 1
    assert sample("claims_decision_seconds_sum") == 2
    assert sample("claims_last_decision_timestamp_seconds") == 100
    dollars = sum(finding.amount_at_risk for finding in done.decision.findings)
    counted = sum(
        sample("claims_amount_at_risk_dollars_total", {"family": family}) or 0 for family in FAMILIES.values()
    )
    assert Decimal(counted) == dollars
    not_checked = sum(sample("claims_not_checked_total", {"family": family}) or 0 for family in FAMILIES.values())
    assert not_checked == len(done.decision.checks.not_checked)


def test_a_test_claim_is_decided_and_has_no_dollars(metrics):
    metrics.decisions_confirmed([(decided(claim(service_lines=[LINE | {"procedure_code": "64484"}], test=True)), 1)])

    assert "claims_amount_at_risk_dollars_total{" not in generate_latest(metrics.registry).decode()
    assert metrics.registry.get_sample_value("claims_findings_total", {"rule": "CODE-03", "severity": "deny"}) == 1


def test_an_event_met_again_is_counted_as_that_alone(metrics):
    desk = Desk()
    metrics.decisions_confirmed([(decided(claim(), desk), 1), (decided(claim(), desk), 1)])
    sample = metrics.registry.get_sample_value

    assert sample("claims_redelivered_total") == 1
    assert sample("claims_decision_seconds_count") == 1


def test_a_revision_is_counted_by_its_cause_and_its_findings_are_not_counted_again(metrics, monkeypatch):
    monkeypatch.setattr(clock, "seconds", lambda: 100.0)
    desk, cited = Desk(fed("complete")), a_claim(authorizations=[{"number": "A1"}], payer=EVICORE)
    first = desk.decide(cited)
    revisions = [
        *desk.note(an_authorization(cited, status="denied"), "denied"),
        *desk.note(an_encounter(cited, guidance="none")),
    ]
    metrics.decisions_confirmed([(first, 98_000)])
    counted = {sample for sample in generate_latest(metrics.registry).decode().splitlines() if "findings" in sample}
    metrics.decisions_confirmed([(revision, 96_000) for revision in revisions])
    sample = metrics.registry.get_sample_value

    assert [revision.decision.revision for revision in revisions] == [1, 2]
    assert sample("claims_revised_total", {"cause": "late-authorization"}) == 1
    assert sample("claims_revised_total", {"cause": "late-encounter"}) == 1
    assert counted == {each for each in generate_latest(metrics.registry).decode().splitlines() if "findings" in each}
    assert sample("claims_decision_seconds_sum") == 2 + 4 + 4

    metrics.decisions_confirmed(
        [(again, 96_000) for again in desk.note(an_authorization(cited, status="denied"), "denied")]
    )

    assert sample("claims_revised_total", {"cause": "late-authorization"}) == 1
    assert sample("claims_redelivered_total") == 1


def test_a_time_the_broker_did_not_have_is_not_observed(metrics):
    metrics.decisions_confirmed([(decided(claim()), 0)])

    assert metrics.registry.get_sample_value("claims_decision_seconds_count") == 0


def test_no_decision_is_no_last_decision(metrics):
    metrics.decisions_confirmed([])

    assert metrics.registry.get_sample_value("claims_last_decision_timestamp_seconds") == 0
