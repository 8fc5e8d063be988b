import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.claim import Claim
from schemas.decision import Decision, Severity
from tests.validators.building import Write, a_claim, decided, line, ruleset
from validators.context import Context, Event
from validators.decide import canonical_bytes, content_id, decide, decision_bytes
from validators.engine import Evaluation
from validators.loading import load_ruleset
from validators.rule import Found
from validators.ruleset import Ruleset
from validators.sources import MULTI_MAC_LCD

ROOT = Path(__file__).parents[2]
THREE_LINES = a_claim(
    total_charge="1000.00",
    service_lines=[
        line("62323", charge="100.50"),
        line("64483", charge="20", control_number="L-2"),
        line("64484", charge="3.125"),
    ],
)


def found(severity: Severity, *indexes: int) -> Found:
    rule = ruleset().rules[0]
    return Found(rule, severity, "seen", "do something", indexes, None, {}, {})


def decision_of(*findings: Found, claim: Claim = THREE_LINES) -> Decision:
    evaluation = Evaluation(findings, (), (), (), ())
    return decide(Context(claim, ruleset(), Event("e" * 64, 0, str)), evaluation, patient_token="0" * 32)


def outcomes(decision: Decision) -> list[tuple[str, str]]:
    return [(each.outcome, str(each.amount_at_risk)) for each in decision.lines]


@pytest.mark.parametrize(
    ("severities", "outcome"),
    [
        ([], "accepted"),
        (["info"], "accepted"),
        (["flag"], "flagged"),
        (["deny"], "denied-risk"),
        (["info", "flag"], "flagged"),
        (["flag", "deny", "info"], "denied-risk"),
    ],
)
def test_the_worst_severity_decides(severities: list[Severity], outcome: str) -> None:
    assert outcome == decision_of(*(found(severity, 0) for severity in severities)).outcome


def test_a_finding_carries_the_reason_codes_of_its_rule_unless_it_names_its_own() -> None:
    rule = replace(ruleset().rules[0], carc="16", rarc=("N257",))
    said = (
        rule.finding("seen"),
        rule.finding("seen", carc="4", rarc=("N290",)),
        rule.finding("seen", rarc=()),
    )

    assert [("16", ("N257",)), ("4", ("N290",)), ("16", ())] == [
        (each.carc, each.rarc) for each in decision_of(*said).findings
    ]


def test_a_finding_on_a_line_puts_the_charge_of_that_line_at_risk() -> None:
    decision = decision_of(found("deny", 1))

    assert Decimal(20) == decision.amount_at_risk
    assert Decimal(20) == decision.findings[0].amount_at_risk
    assert [("accepted", "0.00"), ("denied-risk", "20"), ("accepted", "0.00")] == outcomes(decision)
    assert [(1, None), (2, "L-2"), (3, None)] == [(each.line_number, each.control_number) for each in decision.lines]


def test_a_finding_on_the_whole_claim_puts_the_total_charge_at_risk_and_every_line() -> None:
    decision = decision_of(found("flag"))

    assert Decimal("1000.00") == decision.findings[0].amount_at_risk
    assert Decimal("123.625") == decision.amount_at_risk
    assert ["flagged"] * 3 == [each.outcome for each in decision.lines]


def test_information_puts_nothing_at_risk() -> None:
    decision = decision_of(found("info", 0), found("info"))

    assert [Decimal("0.00")] * 2 == [each.amount_at_risk for each in decision.findings]
    assert Decimal("0.00") == decision.amount_at_risk
    assert [("accepted", "0.00")] * 3 == outcomes(decision)


def test_a_line_under_several_findings_counts_once_and_has_its_worst() -> None:
    decision = decision_of(found("flag", 0), found("deny", 0, 1), found("flag", 1))

    assert Decimal("120.50") == decision.amount_at_risk
    assert Decimal("120.50") == decision.findings[1].amount_at_risk
    assert ["denied-risk", "denied-risk", "accepted"] == [each.outcome for each in decision.lines]


def test_lines_that_share_a_number_are_told_apart_by_their_place() -> None:
    claim = a_claim(service_lines=[line("62323", line_number=1), line("64483", line_number=1)])
    decision = decision_of(found("deny", 1), claim=claim)

    assert ["accepted", "denied-risk"] == [each.outcome for each in decision.lines]


def test_money_is_written_with_two_decimals_or_with_all_that_were_given() -> None:
    body = json.loads(decision_bytes(decision_of(found("deny", 1), found("deny", 2))))

    assert ["0.00", "20.00", "3.125"] == [each["amount_at_risk"] for each in body["lines"]]
    assert "23.125" == body["amount_at_risk"]


def test_the_decision_id_is_the_hash_of_the_canonical_bytes_without_it() -> None:
    decision = decided(a_claim(service_lines=[line("62323"), line("64483")])).decision
    body = json.loads(decision_bytes(decision))
    claimed = body.pop("decision_id")
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    assert hashlib.sha256(canonical).hexdigest() == claimed
    assert decision.decision_id == claimed
    assert content_id({**body, "decision_id": "anything"}) == claimed
    assert decision_bytes(decision) == canonical_bytes({**body, "decision_id": claimed})


def test_a_decision_is_read_back_from_its_bytes() -> None:
    decision = decided(a_claim(service_lines=[line("62323"), line("64483")])).decision

    assert decision == Decision.model_validate_json(decision_bytes(decision))


def test_a_decision_is_the_first_unless_it_says_which_it_follows() -> None:
    context, evaluation = Context(THREE_LINES, ruleset(), Event("e" * 64, 0, str)), Evaluation((), (), (), (), ())
    first = decide(context, evaluation, patient_token="0" * 32)
    next_one = decide(context, evaluation, patient_token="0" * 32, revision=1, supersedes=first.decision_id)

    assert [(0, None), (1, first.decision_id)] == [(each.revision, each.supersedes) for each in (first, next_one)]


def test_a_body_is_written_with_its_letters_as_they_are() -> None:
    assert '{"a":1,"b":"é"}'.encode() == canonical_bytes({"b": "é", "a": 1})


def test_another_claim_id_makes_another_decision() -> None:
    ids = {decided(a_claim(claim_id=claim_id)).decision.decision_id for claim_id in ("EX-1", "EX-2")}

    assert 2 == len(ids)


def test_the_vintage_of_a_table_stands_in_the_citation_of_the_rule_that_reads_it() -> None:
    decision = decided(a_claim(service_lines=[line("62323"), line("64483"), line("64483")])).decision

    vintages = {each.rule: each.citation.vintage for each in decision.findings}

    assert ("2024Q3", None) == (vintages["CODE-10"], vintages["CODE-26"])
    assert ruleset().vintages == decision.reference_data


@pytest.mark.parametrize(
    ("changes", "cited"),
    [
        ({}, ("LCD L33906 and article A56651 (First Coast)", None)),
        ({"payer": {"id": "EXCOMMERCE", "line_of_business": "commercial"}}, (MULTI_MAC_LCD.document, None)),
        ({"diagnoses": [{"code": "M5412"}]}, ("ICD-10-CM tabular list", "FY2026")),
    ],
)
def test_a_rule_that_reads_a_table_cites_its_vintage_unless_it_cites_the_determination(
    changes: dict[str, Any], cited: tuple[str, str | None]
) -> None:
    decision = decided(a_claim(**{"diagnoses": [{"code": "M5450"}], **changes})).decision
    (found,) = [each for each in decision.findings if each.rule in ("MED-02", "MED-05")]

    assert cited == (found.citation.document, found.citation.vintage)


NOVITAS = ("LCD L36920 and article A56681 (Novitas)", None, "memory-high")
NORIDIAN = ("LCD L39240 and article A58993 (Noridian)", date(2022, 6, 19), "second-hand")
MULTI_MAC = (MULTI_MAC_LCD.document, MULTI_MAC_LCD.effective, MULTI_MAC_LCD.confidence)


@pytest.mark.parametrize(
    ("state", "days", "cited"),
    [
        ("TX", ["2021-12-04"], [NOVITAS]),
        ("CA", ["2022-06-18", "2022-06-19"], [MULTI_MAC, NORIDIAN]),
    ],
)
def test_the_determination_of_the_state_is_cited_from_its_first_day_on(
    state: str, days: list[str], cited: list[tuple[object, ...]]
) -> None:
    claim = a_claim(
        service_facility={"address": {"state": state}},
        diagnoses=[{"code": "M5450"}],
        service_lines=[line("62323", service_date_from=on) for on in days],
    )
    said = [each.citation for each in decided(claim).decision.findings if each.rule == "MED-02"]

    assert cited == [(each.document, each.effective, each.confidence) for each in said]


CIGNA = {"id": "EXCIGNA", "filing_indicator": "CI", "line_of_business": "commercial"}


def cited(rules: Ruleset, rule: str, *lines: dict[str, Any]) -> list[tuple[object, ...]]:
    """Document, section, first day and confidence of what findings of a rule cite for Cigna."""
    findings = decided(a_claim(payer=CIGNA, service_lines=[*lines]), rules=rules).decision.findings
    said = [each.citation for each in findings if each.rule == rule]
    return [(each.document, each.section, each.effective, each.confidence) for each in said]


def test_a_finding_that_rests_on_a_value_of_the_payer_cites_its_source_from_its_first_day_on(overlay: Write) -> None:
    values = (
        "[{from: null, value: 1}, {from: 2026-02-01, value: 1, source: a letter, confidence: found}, "
        "{from: 2026-03-01, value: 1, source: another letter}]"
    )
    rules = load_ruleset(
        overlay(f"payer: cigna_evicore\nrules: {{LVL-01: {{parameters: {{max_levels: {{values: {values}}}}}}}}}")
    )
    topic = "levels per session"

    def of(on: str) -> list[tuple[object, ...]]:
        return cited(rules, "LVL-01", *(line(code, service_date_from=on) for code in ("64483", "64484")))

    assert [(MULTI_MAC_LCD.document, topic, date(2021, 12, 5), "second-hand")] == of("2026-01-31")
    assert [("a letter", topic, date(2026, 2, 1), "found")] == of("2026-02-01") == of("2026-02-28")
    assert [("another letter", topic, date(2026, 3, 1), "second-hand")] == of("2026-03-01")


def test_of_several_values_a_finding_cites_the_one_that_decided() -> None:
    def of(code: str, *modifiers: str) -> list[object]:
        return [said[0] for said in cited(ruleset(), "MED-16", line("62323"), line(code, *modifiers))]

    assert ["Cigna MM 0551"] == of("99152")
    assert ["Cigna MM 0551"] == of("00600", "QS")
    assert [MULTI_MAC_LCD.document] == of("01992")


def test_a_finding_on_the_whole_claim_cites_what_was_in_force_on_its_first_day(overlay: Write) -> None:
    values = "[{from: null, value: 0, source: a letter}, {from: 2026-02-02, value: 0, source: another letter}]"
    rules = load_ruleset(
        overlay(f"payer: cigna_evicore\nrules: {{CLM-08: {{parameters: {{max: {{values: {values}}}}}}}}}")
    )
    of_days = [line("62323", service_date_from=on) for on in ("2026-02-02", "2026-02-01")]

    assert ["a letter"] == [said[0] for said in cited(rules, "CLM-08", *of_days)]


SCRIPT = """
import sys
from tests.validators.building import Desk, a_claim, line
from validators.context import Context, Event
from validators.decide import decision_bytes
desk = Desk()
for lines in (
    [line("62321"), line("62323", "59", "XU", "KX"), line("64483", "RT"), line("64484", "LT", units="3")],
    [line("62321"), line("62323", "59", "XU", "KX"), line("64480"), line("77003"), line("62322", "50")],
    [line("99213")],
):
    for payer in ("EXMEDICARE", "EXHUMANA"):
        claim = a_claim(claim_id=f"EX-{desk.position}", payer={"id": payer, "line_of_business": None},
                        diagnoses=[{"code": "M5416"}, {"code": "Z331"}], service_lines=lines)
        sys.stdout.buffer.write(decision_bytes(desk.decide(claim, "").decision) + b"\\n")
"""


def run(environment: dict[str, str]) -> bytes:
    base = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, env=base | environment, capture_output=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "1", "TZ": "Pacific/Kiritimati", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "4294967295", "TZ": "America/Los_Angeles", "LC_ALL": "tr_TR.UTF-8"},
    ],
    ids=["first", "second"],
)
def test_hash_seed_time_zone_and_locale_change_no_byte(environment: dict[str, str]) -> None:
    wanted = run({"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8"})

    assert 6 == wanted.count(b'"decision_id"')
    assert wanted == run(environment)


PERSON: dict[str, Any] = {
    "last_name": "PLANTED-A",
    "first_name": "PLANTED-B",
    "birth_date": "1961-07-29",
    "sex": "PLANTED-C",
    "address": {key: f"PLANTED-{key}" for key in ("line1", "line2", "city", "postal_code")} | {"state": "PLANTED-D"},
}
PROVIDER: dict[str, Any] = {"npi": "1245319599", "tax_id": "PLANTED-E", "name": "PLANTED-F"}


def test_no_personal_value_of_the_claim_stands_in_a_decision() -> None:
    lines = [
        line(code, *modifiers, note="PLANTED-G", authorization_number=None, drug={"ndc": "PLANTED-H"})
        for code, *modifiers in (
            ["62321", "50"],
            ["62322"],
            ["62323"],
            ["64480"],
            ["64484"],
            ["64484"],
            ["77003"],
        )
    ]
    claim = a_claim(
        payer={"id": "EXHUMANA", "name": "PLANTED-I", "filing_indicator": "16", "line_of_business": None},
        subscriber=PERSON | {"member_id": "PLANTED-J", "group_number": "PLANTED-K"},
        patient=PERSON,
        billing_provider=PROVIDER,
        referring_provider=PROVIDER,
        service_facility=PROVIDER,
        diagnoses=[{"code": "M5416"}, {"code": "Z331"}],
        authorizations=[{"number": "PLANTED-L", "kind": "referral"}],
        accident={"state": "PLANTED-M"},
        notes=["PLANTED-N"],
        attachments=[{"control": "PLANTED-O"}],
        service_lines=lines,
    )
    text = decision_bytes(decided(claim, history=[claim]).decision).decode()

    assert {"AUTH-01", "CODE-03", "CODE-11", "CODE-26", "GUID-09", "LVL-03"} <= set(json.loads(text)["checks"]["fail"])
    assert "PLANTED" not in text.upper()
    assert "1961" not in text
    assert "1245319599" not in text
