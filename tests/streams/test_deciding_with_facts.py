"""What a claim is decided with besides its history: the facts before it, and none after."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.authorization import Authorization
from schemas.claim import Claim
from schemas.encounter import Encounter
from streams.deciding import Decided, Decider
from streams.state.entry import Moment
from tests.validators.building import DAY, Desk, a_claim, an_authorization, an_encounter, arrived_fact, ruleset
from tests.validators.strategies import cases
from validators.decide import decision_bytes


def standing(decided: Decided, rule_id: str) -> str:
    checks = decided.decision.checks
    if rule_id in checks.fail:
        return "fail"
    return "pass" if rule_id in checks.passed else "not checked"


def test_a_fact_after_a_claim_changes_nothing_when_the_claim_is_met_again() -> None:
    desk = Desk()
    claim = a_claim()
    first = desk.decide(claim, "event")
    desk.note(an_encounter(claim, guidance="none"))
    again = desk.decide(claim, "event")

    assert again.redelivered
    assert decision_bytes(first.decision) == decision_bytes(again.decision)
    assert "not checked" == standing(again, "GUID-01")
    assert "fail" == standing(desk.decide(claim, "another event"), "GUID-01")


def test_a_fact_before_a_claim_counts_whenever_the_claim_is_met_again() -> None:
    desk = Desk()
    claim = a_claim()
    desk.note(an_encounter(claim, guidance="none"))
    first = desk.decide(claim, "event")
    desk.note(an_encounter(claim, guidance="ct"))
    again = desk.decide(claim, "event")

    assert "fail" == standing(first, "GUID-01")
    assert decision_bytes(first.decision) == decision_bytes(again.decision)


def test_the_same_fact_twice_changes_nothing() -> None:
    desk = Desk()
    claim = a_claim()
    old = an_encounter(claim, guidance="none")
    desk.note(old, "old")
    desk.note(an_encounter(claim, guidance="ct"), "new")

    assert () == desk.note(old, "old")
    assert 2 == desk.patients.events
    # Entered anew it would be the last one, and win.
    assert "pass" == standing(desk.decide(claim), "GUID-01")


def test_a_fact_asked_as_of_a_position_before_its_own_is_new() -> None:
    desk, decider = Desk(position=4), Decider(ruleset())
    fact = an_authorization(a_claim())
    desk.note(fact, "fact")

    assert 1 == len(decider.weigh(arrived_fact(fact, "fact"), Moment(4, DAY), desk.patients).changes)
    assert () == decider.weigh(arrived_fact(fact, "fact"), Moment(5, DAY), desk.patients).changes


def test_a_fact_of_one_member_says_nothing_of_another() -> None:
    desk = Desk()
    desk.note(an_encounter(a_claim(), guidance="none"))

    assert "not checked" == standing(desk.decide(a_claim(subscriber={"member_id": "OTHER"})), "GUID-01")


def test_a_fact_counts_and_is_known_again_for_two_years() -> None:
    fact = an_encounter(a_claim(), guidance="none")
    for days, seen in ((731, True), (732, False)):
        desk = Desk()
        desk.note(fact, "fact")
        desk.day = DAY + timedelta(days=days)

        assert ("fail" if seen else "not checked") == standing(desk.decide(a_claim()), "GUID-01")
        desk.note(an_encounter(a_claim(), guidance="ct"), "another")
        desk.note(fact, "fact")
        # Met as a new one it stands last, and wins.
        assert ("pass" if seen else "fail") == standing(desk.decide(a_claim(claim_id="EX-2")), "GUID-01")


@given(cases(), st.integers(0, 4))
@settings(deadline=None)
def test_only_facts_before_a_claim_count_and_a_rebuilt_state_repeats_it(
    case: tuple[Claim, list[Authorization | Encounter]], at: int
) -> None:
    claim, facts = case
    desk, alone = Desk(), Desk()
    for fact in facts[:at]:
        desk.note(fact)
    first = desk.decide(claim, "event")
    for fact in facts[at:]:
        desk.note(fact)
    again = desk.rebuilt().decide(claim, "event")
    for fact in facts[:at]:
        alone.note(fact)

    assert again.redelivered
    assert decision_bytes(first.decision) == decision_bytes(again.decision)
    assert decision_bytes(first.decision) == decision_bytes(alone.decide(claim, "event").decision)
