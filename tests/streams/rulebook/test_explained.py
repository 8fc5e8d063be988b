from dataclasses import replace
from pathlib import Path

import pytest

from schemas.decision import Checks
from streams.deciding import Decided
from streams.rulebook.explained import Explained, explain
from streams.vectors.cases import read_vectors, vector_files
from tests.validators.building import (
    a_claim,
    claim_of,
    default_claim,
    fed,
    laid_over,
    line,
    ruleset,
)
from tests.validators.building import decided as judged
from validators.catalogue import RULES
from validators.loading import load_ruleset
from validators.ruleset import Ruleset

SIGNED = "until: 2026-12-31, reason: appeal pending, owner: billing-lead}"
TEXAS = {"address": {"state": "TX"}}


def told(decided: Decided, rule: str) -> Explained:
    (found,) = [each for each in explain(decided) if each.rule.id == rule]
    return found


def why(decided: Decided, rule: str) -> tuple[str, str]:
    return told(decided, rule)[1:3]


def site(tmp_path: Path, text: str) -> Ruleset:
    (tmp_path / "site.yaml").write_text(text)
    return load_ruleset(tmp_path)


def ledger(checks: Checks) -> dict[str, str]:
    return (
        dict.fromkeys(checks.fail, "fail")
        | dict.fromkeys(checks.passed, "pass")
        | {each.rule: "bypassed" for each in checks.bypassed}
        | {each.rule: "not_checked" for each in checks.not_checked}
    )


@pytest.mark.parametrize("path", [*vector_files()], ids=lambda path: path.stem)
def test_every_rule_is_explained_where_the_ledger_of_a_vector_has_it(path):
    for case in read_vectors(path).cases[::3]:
        claim = claim_of(laid_over(default_claim(), case.given))
        decided = judged(claim, facts=case.of(claim), rules=fed(case.feed))
        explained = explain(decided)

        assert [rule.id for rule in RULES] == [each.rule.id for each in explained]
        assert ledger(decided.decision.checks) == {
            each.rule.id: each.status for each in explained if each.status != "not_applicable"
        }
        assert [] == [each.rule.id for each in explained if not each.why or "None" in each.why]


def test_a_rule_that_fired_says_what_it_found():
    twice = judged(a_claim(service_lines=[line("64483"), line("64483"), line("64483")]))

    assert ("fail", "deny: 64484 is billed without 64483 on 2026-06-15") == why(
        judged(a_claim(service_lines=[line("64484")])), "CODE-03"
    )
    assert (
        "fail",
        "deny: 64483 on 2026-06-15 repeats line 1 with the same modifiers and provider (and 1 more)",
    ) == why(twice, "CODE-26")


def test_a_rule_that_passed_says_which_lines_it_looked_at():
    decided = judged(a_claim(service_lines=[line("64483"), line("64484"), line("64484", "RT")]))

    assert ("pass", "nothing found on lines 2, 3") == why(decided, "CODE-03")
    assert ("pass", "no line has a code it looks at") == why(decided, "CODE-09")
    assert ("pass", "nothing found on the claim") == why(decided, "SYS-01")


def test_a_rule_woken_by_modifiers_says_so():
    rules = tuple(
        replace(each, codes=None, modifiers=frozenset({"50"})) if each.id == "CODE-14" else each
        for each in ruleset().rules
    )
    some = replace(ruleset(), rules=rules)

    assert ("pass", "no line has a modifier it looks at") == why(judged(a_claim(), rules=some), "CODE-14")


def test_a_rule_that_was_lifted_says_by_what():
    def lifted_by_modifier(lines, context):
        yield rule.bypass("modifier")

    rule = next(rule for rule in RULES if rule.id == "CODE-26")
    rules = tuple(replace(each, check=lifted_by_modifier) if each is rule else each for each in ruleset().rules)
    apart = judged(a_claim(), rules=replace(ruleset(), rules=rules))
    other_region = judged(a_claim(service_lines=[line("64479"), line("64484")]))

    assert ("bypassed", "would have fired but for a modifier") == why(apart, "CODE-26")
    assert ("bypassed", "would have fired but for CODE-04 (add-on-with-primary-of-other-region)") == why(
        other_region, "CODE-03"
    )


@pytest.mark.parametrize(
    ("rule", "changes", "reason"),
    [
        ("GUID-01", {}, "no encounter facts tell guidance"),
        ("AUTH-02", {"place_of_service": None, "service_facility": TEXAS}, "the claim does not say place of service"),
        ("CODE-26", {"frequency_code": "7"}, "the history does not say original claim"),
        (
            "AUTH-01",
            {"payer": {"id": "EXAETNA", "filing_indicator": "CI", "line_of_business": "commercial"}},
            "no pack knows prior authorization for this payer and date",
        ),
        (
            "AUTH-09",
            {
                "payer": {"id": "EXCIGNA", "filing_indicator": "CI", "line_of_business": "commercial"},
                "authorizations": [{"number": "A1", "kind": "prior_authorization"}],
            },
            "no authorization is known of",
        ),
    ],
)
def test_a_rule_that_could_not_be_checked_says_for_want_of_what(rule, changes, reason):
    assert ("not_checked", reason) == why(judged(a_claim(**changes)), rule)


def test_a_table_that_is_not_loaded_and_a_rule_that_raises_are_told():
    def broken(lines, context):
        raise LookupError
        yield

    bare = replace(ruleset(), reference=replace(ruleset().reference, ncci=None))
    rules = tuple(replace(each, check=broken) if each.id == "CODE-26" else each for each in ruleset().rules)
    two = a_claim(service_lines=[line("62323"), line("64483")])

    assert ("not_checked", "table ncci is not loaded") == why(judged(two, rules=bare), "CODE-10")
    assert ("not_checked", "the rule raised an error, a defect; SYS-02 reports it") == why(
        judged(two, rules=replace(ruleset(), rules=rules)), "CODE-26"
    )


@pytest.mark.parametrize(
    ("rule", "changes", "reason"),
    [
        ("CODE-03", {"frequency_code": "8"}, "the claim is a void, which only claim and system rules look at"),
        (
            "CODE-03",
            {"service_lines": [line("99213")]},
            "the claim has no injection; only claim and system rules look at it",
        ),
        (
            "AUTH-02",
            {"payer": {"id": "EXAETNA", "filing_indicator": "CI", "line_of_business": "commercial"}},
            "not for this payer: for medicare_ffs; the claim is of aetna, commercial",
        ),
        (
            "AUTH-01",
            {"payer": {"sequence": "secondary"}},
            "the payer is secondary; it looks at claims whose payer is the primary one",
        ),
        (
            "AUTH-02",
            {"service_lines": [line("62323", service_date_from="2026-01-14")]},
            "services until 2026-01-14 are before its first date of service, 2026-01-15",
        ),
        (
            "AUTH-02",
            {"service_lines": [line("62323", service_date_from="2032-01-01")]},
            "services from 2032-01-01 on are after its last date of service, 2031-12-31",
        ),
        (
            "AUTH-02",
            {"service_lines": [line("62323", service_date_from=day) for day in ("2026-01-14", "2032-01-01")]},
            "no service is within its dates of service, 2026-01-15 to 2031-12-31",
        ),
    ],
)
def test_a_rule_that_does_not_apply_says_why(rule, changes, reason):
    assert ("not_applicable", reason) == why(judged(a_claim(**changes)), rule)


def test_a_rule_whose_dates_leave_some_lines_out_says_so():
    lines = [line("62323", service_date_from="2026-01-14"), line("99213", service_date_from="2026-01-15")]

    assert ("pass", "no line it looks at is of its dates") == why(judged(a_claim(service_lines=lines)), "AUTH-02")


def test_a_rule_on_trial_says_so(tmp_path):
    trial = site(tmp_path, "rules: {CODE-03: {stage: trial}}")

    assert (
        "fail",
        "info: 64484 is billed without 64483 on 2026-06-15; on trial, so information only",
    ) == why(judged(a_claim(service_lines=[line("64484")]), rules=trial), "CODE-03")


@pytest.mark.parametrize(
    ("effect", "status", "words"),
    [
        ("effect: disable", "bypassed", "switched off; not evaluated until 2026-12-31 by an override: "),
        ("effect: soften, severity: flag", "fail", "; at most flag until 2026-12-31 by an override: "),
        ("effect: try", "fail", "; information only until 2026-12-31 by an override: "),
    ],
)
def test_an_override_is_told_with_who_signed_it(tmp_path, effect, status, words):
    softer = site(tmp_path, f"overrides:\n  - {{rule: CODE-03, {effect}, {SIGNED}")
    explained = told(judged(a_claim(service_lines=[line("64484")]), rules=softer), "CODE-03")

    assert status == explained.status
    assert f"{words}appeal pending (owner billing-lead)" in explained.in_words()
    assert ["billing-lead"] == [each["owner"] for each in explained.as_object()["overrides"]]


def test_an_override_of_other_dates_is_not_told(tmp_path):
    softer = site(tmp_path, f"overrides:\n  - {{rule: CODE-03, effect: disable, {SIGNED}")
    later = a_claim(service_lines=[line("64484", service_date_from="2027-01-01")])

    assert () == told(judged(later, rules=softer), "CODE-03").overrides


def test_an_explanation_is_told_to_programs():
    assert {
        "rule": "CODE-03",
        "name": "add-on-without-primary",
        "family": "code",
        "status": "pass",
        "why": "no line has a code it looks at",
        "overrides": [],
    } == told(judged(a_claim()), "CODE-03").as_object()
