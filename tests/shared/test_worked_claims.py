from pathlib import Path
from typing import Any

import pytest

from schemas.decision import Decision
from tests.validators.building import claim_of, decided, facts_of, fed, laid_over, read_yaml, ruleset

pytestmark = pytest.mark.shared

NUMBERS = range(1, 31)
OURS = frozenset(rule.id for rule in ruleset().rules)


def case_of(folder: Path, number: int) -> Any:
    (path,) = folder.glob(f"{number:02}-*.yaml")
    return read_yaml(path)


def decide(folder: Path, case: Any) -> Decision:
    claim = laid_over(read_yaml(folder / "default-claim.yaml"), case["given"].get("claim", {}))
    # The sum of the charges, unless the case itself gives a total.
    if "total_charge" not in case["given"].get("claim", {}):
        claim = {key: value for key, value in claim.items() if key != "total_charge"}
    history = [claim_of(laid_over(claim, earlier)) for earlier in case["given"].get("history", ())]
    facts = facts_of(case["given"], claim_of(claim))
    return decided(claim_of(claim), facts=facts, history=history, rules=fed("complete")).decision


@pytest.fixture
def worked(shared: Path) -> Path:
    return shared / "domain" / "worked-claims"


def test_there_are_thirty_worked_claims(worked: Path) -> None:
    assert list(NUMBERS) == sorted(int(path.name[:2]) for path in worked.glob("[0-9]*.yaml"))


@pytest.mark.parametrize("number", NUMBERS)
def test_a_worked_claim_fires_what_it_must_of_our_rules_and_nothing_it_must_not(worked: Path, number: int) -> None:
    case = case_of(worked, number)
    fail = set(decide(worked, case).checks.fail)

    assert OURS & set(case["expect"]["fire"]) <= fail
    assert set() == fail & set(case["expect"]["not_fire"])


@pytest.mark.parametrize("number", NUMBERS)
def test_no_rule_of_ours_denies_or_flags_a_worked_claim_beyond_its_outcome(worked: Path, number: int) -> None:
    case = case_of(worked, number)
    order = ("accepted", "flagged", "denied-risk")

    assert order.index(decide(worked, case).outcome) <= order.index(case["expect"]["outcome"])


def test_the_worked_claims_whose_rules_are_all_ours_have_their_outcome_and_lines(worked: Path) -> None:
    decided_here = []
    for number in NUMBERS:
        case = case_of(worked, number)
        expect = case["expect"]
        if expect["outcome"] != "accepted" and not (expect["fire"] and OURS.issuperset(expect["fire"])):
            continue
        decision = decide(worked, case)
        lines = {line.line_number: line.outcome for line in decision.lines}
        decided_here.append(number)

        assert (number, expect["outcome"]) == (number, decision.outcome)
        assert (number, expect.get("lines", lines)) == (number, lines)

    assert {3, 4, 5, 6, 7, 10, 11, 12, 18, 19, 28, 29} <= set(decided_here)
