import random
from collections import Counter
from decimal import Decimal
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.authorization import Authorization
from schemas.claim import Claim, ServiceLine
from schemas.decision import OUTCOMES, Decision, Severity
from schemas.encounter import Encounter
from tests.validators.building import Desk, decided, fed, ruleset
from tests.validators.strategies import INJECTIONS, cases, claims, service_lines
from validators.codes import PRIMARY
from validators.context import Context, Event
from validators.decide import content_id, decide, decision_bytes
from validators.engine import Evaluation
from validators.rule import Found
from validators.ruleset import Feed

RULE_IDS = frozenset(rule.id for rule in ruleset().rules)
AT_RISK = frozenset({"flagged", "denied-risk"})


def check_ledger(decision: Decision) -> None:
    checks = decision.checks
    standing = [
        *checks.fail,
        *checks.passed,
        *(each.rule for each in checks.bypassed),
        *(each.rule for each in checks.not_checked),
    ]

    assert len(set(standing)) == len(standing)
    assert set(standing) <= RULE_IDS
    assert {"SYS-01", "SYS-02"} <= set(checks.passed)
    assert set(checks.fail) == {finding.rule for finding in decision.findings}
    assert all(each.missing != "error" for each in checks.not_checked)


def check_amounts(claim: Claim, decision: Decision) -> None:
    severities = {finding.severity for finding in decision.findings}
    wanted = "denied-risk" if "deny" in severities else "flagged" if "flag" in severities else "accepted"
    at_risk = [
        line.charge for line, told in zip(claim.service_lines, decision.lines, strict=True) if told.outcome in AT_RISK
    ]

    assert wanted == decision.outcome
    assert sum(at_risk, Decimal(0)) == decision.amount_at_risk
    assert [line.line_number for line in claim.service_lines] == [told.line_number for told in decision.lines]
    assert all(finding.amount_at_risk == 0 for finding in decision.findings if finding.severity == "info")


@given(st.lists(claims, min_size=1, max_size=4))
@settings(deadline=None)
def test_any_claim_after_any_history_gets_one_outcome_and_a_whole_ledger(given_claims: list[Claim]) -> None:
    desk = Desk()
    for claim in given_claims:
        decision = desk.decide(claim).decision

        check_ledger(decision)
        check_amounts(claim, decision)
        assert decision == Decision.model_validate_json(decision_bytes(decision))
        assert decision.decision_id == content_id(decision.model_dump(mode="json", by_alias=True))


@given(cases(), st.sampled_from(get_args(Feed)))
@settings(deadline=None)
def test_any_claim_with_any_facts_gets_one_outcome_and_a_whole_ledger(
    case: tuple[Claim, list[Authorization | Encounter]], feed: Feed
) -> None:
    claim, facts = case
    decision = decided(claim, facts=facts, rules=fed(feed)).decision

    check_ledger(decision)
    check_amounts(claim, decision)
    assert decision == Decision.model_validate_json(decision_bytes(decision))


@given(cases())
@settings(deadline=None)
def test_what_was_found_without_authorizations_is_found_with_all_of_them_said_to_be_sent(
    case: tuple[Claim, list[Authorization | Encounter]],
) -> None:
    claim, facts = case
    some, every = (decided(claim, facts=facts, rules=fed(feed)).decision for feed in ("none", "complete"))

    assert set(some.checks.fail) <= set(every.checks.fail)
    assert {finding.rule for finding in every.findings} - {finding.rule for finding in some.findings} <= {"AUTH-13"}


def with_lines(claim: Claim, lines: list[ServiceLine]) -> Claim:
    """The claim with these lines, numbered in their order."""
    numbered = (line.model_copy(update={"line_number": number}) for number, line in enumerate(lines, start=1))
    return claim.model_copy(update={"service_lines": tuple(numbered)})


def seen(decision: Decision, places: dict[int, int]) -> Counter[tuple[str, str, frozenset[int]]]:
    """What was found on which of the original lines. A duplicate is the later line, so CODE-26 goes by order."""
    return Counter(
        (finding.rule, finding.severity, frozenset(places[number] for number in finding.lines))
        for finding in decision.findings
        if finding.rule != "CODE-26"
    )


@given(claims, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_the_lines_changes_no_finding(claim: Claim, order: random.Random) -> None:
    shuffled = list(enumerate(claim.service_lines, start=1))
    order.shuffle(shuffled)
    straight = decided(with_lines(claim, list(claim.service_lines))).decision
    mixed = decided(with_lines(claim, [line for _, line in shuffled])).decision
    here = {number: number for number in range(1, len(shuffled) + 1)}
    there = {number: original for number, (original, _) in enumerate(shuffled, start=1)}

    assert seen(straight, here) == seen(mixed, there)
    assert straight.checks == mixed.checks
    assert straight.amount_at_risk == mixed.amount_at_risk or "CODE-26" in straight.checks.fail


# A first level cures an add-on, and other procedures explain imaging: such lines may make a claim milder, rightly.
inert = service_lines(
    st.sampled_from([code for code in INJECTIONS if code not in PRIMARY] + ["99213", "77003"])
).filter(lambda line: line.units > 0)


@given(claims, inert)
@settings(deadline=None)
def test_one_line_more_never_makes_the_outcome_milder(claim: Claim, more: ServiceLine) -> None:
    before = decided(claim).decision.outcome
    after = decided(with_lines(claim, [*claim.service_lines, more])).decision.outcome

    assert OUTCOMES.index(before) <= OUTCOMES.index(after)


@given(claims, st.lists(st.tuples(st.sampled_from(get_args(Severity)), st.integers(0, 5)), min_size=1))
@settings(deadline=None)
def test_one_finding_more_never_makes_the_outcome_milder(claim: Claim, told: list[tuple[Severity, int]]) -> None:
    rule = ruleset().rules[0]
    findings = tuple(
        Found(rule, severity, "seen", "do something", tuple(range(len(claim.service_lines)))[index:][:1], None, {}, {})
        for severity, index in told
    )

    def outcome(count: int) -> tuple[int, int]:
        evaluation = Evaluation(findings[:count], (), (), (), ())
        decision = decide(Context(claim, ruleset(), Event("e", 0, str)), evaluation, patient_token="t")
        return OUTCOMES.index(decision.outcome), sum(OUTCOMES.index(line.outcome) for line in decision.lines)

    steps = [outcome(count) for count in range(len(findings) + 1)]

    assert sorted(steps) == steps
    assert sorted(lines for _, lines in steps) == [lines for _, lines in steps]
