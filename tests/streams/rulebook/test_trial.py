from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.claim import Claim
from streams.rulebook.audience import rule_named
from streams.rulebook.trial import Compared, Trial, compared
from tests.validators.building import Desk, a_claim, line, ruleset
from validators.loading import load_ruleset
from validators.ruleset import Ruleset

ALONE = a_claim(service_lines=[line("64484", charge="900.00")])
AETNA = {"id": "EXAETNA", "filing_indicator": "CI", "line_of_business": "commercial"}
TRIAL = "rules: {CODE-03: {stage: trial}}"
SOFT = "overrides: [{rule: CODE-03, effect: soften, severity: flag, until: 2027-01-01, reason: r, owner: o}]"


def of_another(number: int, *lines: dict[str, Any]) -> Claim:
    """A claim of another member, in whose history nothing is."""
    return a_claim(subscriber={"member_id": f"OTHER{number}"}, service_lines=[*lines])


def site(tmp_path: Path, text: str) -> Ruleset:
    (tmp_path / "site.yaml").write_text(text)
    return load_ruleset(tmp_path)


def tried(rules: Ruleset, *claims: Claim, rule: str = "CODE-03") -> Trial:
    now, before, after = compared(rules, rule_named(rules, rule))
    trial, first, second = Trial(rule_named(rules, rule), now), Desk(before), Desk(after)
    for index, claim in enumerate(claims):
        trial.count(first.decide(claim), second.decide(claim), "claims.json", index, f"claim {index + 1}")
    return trial


def transitions(trial: Trial) -> list[tuple[str, str, int]]:
    return [(before, after, each.claims) for (before, after), each in trial.in_order()]


@pytest.mark.parametrize(
    ("text", "now", "outcomes"),
    [
        (TRIAL, "on trial", ("accepted", "denied-risk")),
        (SOFT, "overridden", ("flagged", "denied-risk")),
        (f"{TRIAL}\n{SOFT}", "on trial", ("accepted", "denied-risk")),
        ("{}", "in force", ("accepted", "denied-risk")),
    ],
)
def test_a_rule_is_compared_with_itself_in_force(tmp_path, text, now, outcomes):
    rules = site(tmp_path, text)
    how = compared(rules, rule_named(rules, "CODE-03"))

    assert now == how.now
    assert outcomes == (Desk(how.before).decide(ALONE).decision.outcome, Desk(how.after).decide(ALONE).decision.outcome)


def test_the_overrides_and_stages_of_other_rules_stay(tmp_path):
    rules = site(tmp_path, f"rules: {{CODE-04: {{stage: trial}}}}\n{SOFT}")
    how: Compared = compared(rules, rule_named(rules, "CODE-04"))

    assert rules.overrides == how.before.overrides == how.after.overrides
    assert ("trial", "stable") == (how.before.terms["CODE-04"].stage, how.after.terms["CODE-04"].stage)
    assert rules.terms["CODE-03"] == how.after.terms["CODE-03"]


def test_claims_are_counted_by_where_the_rule_stands_in_force():
    trial = tried(ruleset(), ALONE, a_claim(), a_claim(frequency_code="8"), a_claim(claim_id="EX-2"))

    assert (4, 1, 1) == (trial.claims, trial.fired, trial.changed)
    assert {"fail": 1, "pass": 2, "not_applicable": 1} == trial.statuses
    assert {"deny": 1} == trial.severities


def test_dollars_are_the_charges_of_the_lines_each_once_and_what_more_is_at_risk():
    twice = of_another(1, line("64484", charge="900.00"), line("64484", "RT", charge="50.00"), line("99213"))
    trial = tried(ruleset(), ALONE, twice)

    assert Decimal("1850.00") == trial.dollars
    assert (Decimal("0.00"), Decimal("1850.00")) == (trial.at_risk_before, trial.at_risk_after)


def test_claims_are_counted_by_payer_and_line_of_business():
    commercial = a_claim(payer=AETNA, service_lines=[line("64484", charge="70.00")])
    trial = tried(ruleset(), ALONE, commercial, a_claim())

    assert {("medicare_ffs", "medicare_ffs"): (2, 1, Decimal("900.00")), ("aetna", "commercial"): (1, 1, 70)} == {
        key: (share.claims, share.fired, share.dollars) for key, share in trial.payers.items()
    }


def test_the_example_is_the_claim_with_the_fewest_lines_and_the_first_of_those():
    longer = of_another(1, line("64484"), line("99213"))
    trial = tried(ruleset(), longer, ALONE, of_another(2, line("64484")))
    ((_, transition),) = trial.in_order()

    assert transition.example is not None
    assert ("claims.json", 1, "claim 2", 1) == (
        transition.example.file,
        transition.example.index,
        transition.example.where,
        transition.example.lines,
    )
    assert "64484 is billed without 64483 on 2026-06-15" == transition.example.message


def test_a_finding_on_the_whole_claim_has_all_its_dollars():
    rules = replace(ruleset(), encounter_needs={None: "required"})
    trial = tried(rules, a_claim(service_lines=[line("62323", charge="15.00")]), rule="SYS-01")

    assert (Decimal("15.00"), {"flag": 1}) == (trial.dollars, trial.severities)
    assert [("accepted", "flagged", 1)] == transitions(trial)


def test_a_finding_that_is_information_only_even_in_force_has_no_dollars(tmp_path):
    rules = site(tmp_path, "rules: {CODE-03: {severity: info}}")
    trial = tried(rules, ALONE)

    assert (1, 0, Decimal(0)) == (trial.fired, trial.changed, trial.dollars)
    assert [("accepted", "accepted", 1)] == transitions(trial)


def test_outcomes_that_change_stand_before_those_that_stay(tmp_path):
    rules = site(tmp_path, TRIAL)
    both = of_another(1, line("64484"), line("62323"), line("62323"))
    trial = tried(rules, both, ALONE)

    assert [("accepted", "denied-risk", 1), ("denied-risk", "denied-risk", 1)] == transitions(trial)


def test_the_count_is_told_to_programs():
    summary, payer, transition = tried(ruleset(), ALONE).as_objects()

    assert {
        "kind": "summary",
        "rule": "CODE-03",
        "now": "in force",
        "claims": 1,
        "rejected": 0,
        "fired": 1,
        "changed": 1,
        "statuses": {"fail": 1},
        "severities": {"deny": 1},
        "dollars": "900.00",
        "at_risk": {"before": "0.00", "after": "900.00"},
    } == summary
    assert {
        "kind": "payer",
        "payer": "medicare_ffs",
        "line_of_business": "medicare_ffs",
        "claims": 1,
        "fired": 1,
        "dollars": "900.00",
    } == payer
    assert ("transition", "accepted", "denied-risk", 1, "900.00", 0) == (
        transition["kind"],
        transition["from"],
        transition["to"],
        transition["claims"],
        transition["at_risk"],
        transition["example"]["index"],
    )
