from itertools import islice

import pytest

from streams.demo.draft import Draft, Payer
from streams.demo.injections import CLEAN, DEFECTS, Build, Defect
from streams.demo.practices import PAYERS
from tests.streams.demo.judging import Judge, visits

PRACTICES = visits()._pain


@pytest.mark.parametrize("payer", PAYERS, ids=lambda payer: payer.id)
@pytest.mark.parametrize("build", CLEAN, ids=lambda build: build.__name__)
def test_a_clean_case_is_accepted_whoever_pays_and_wherever(build: Build, payer: Payer) -> None:
    row = visits()

    decisions = [
        Judge().decide_draft(row._injection(practice, payer, build(row._rng)))
        for practice in PRACTICES
        for _ in range(3)
    ]

    assert {decision.outcome for decision in decisions} == {"accepted"}
    assert {decision.in_scope for decision in decisions} == {True}


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.rule)
def test_a_defect_is_found_by_the_rule_it_names(defect: Defect) -> None:
    row = visits()

    for _ in range(40):
        judge = Judge()
        decision = judge.decide_draft(row._defective(defect))
        if defect.again:
            assert decision.outcome == "accepted"
            decision = judge.decide_draft(row._later.pop()[2])
        assert defect.rule in decision.checks.fail
        assert decision.outcome in ("flagged", "denied-risk")


@pytest.mark.parametrize("defect", [defect for defect in DEFECTS if not defect.again], ids=lambda defect: defect.rule)
def test_the_correction_of_a_defect_is_accepted_after_it(defect: Defect) -> None:
    row = visits()

    for _ in range(40):
        judge = Judge()
        draft = row._defective(defect)
        judge.decide_draft(draft)

        assert judge.decide_draft(row._corrected(draft, defect)).outcome == "accepted"


def test_a_second_injection_after_three_months_is_accepted() -> None:
    row = visits()
    first_of: dict[str, Draft] = {}
    pairs: list[tuple[Draft, Draft]] = []
    for draft in islice(row, 900):
        first = first_of.setdefault(draft.member.member_id, draft)
        if (draft.served_on - first.served_on).days >= 95 and draft.lines == first.lines:
            pairs.append((first, draft))

    assert pairs
    for pair in pairs:
        judge = Judge()
        assert [judge.decide_draft(draft).outcome for draft in pair] == ["accepted", "accepted"]
