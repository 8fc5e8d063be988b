import re
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.authorization import Authorization
from schemas.claim import Claim
from schemas.encounter import Encounter
from streams.deciding import Decided, Decider
from streams.state import changelog
from streams.state.patient import Patients
from tests.validators.building import (
    Desk,
    a_claim,
    an_authorization,
    an_encounter,
    arrived,
    arrived_fact,
    line,
    ruleset,
)
from tests.validators.strategies import cases, claims
from validators.decide import decision_bytes
from validators.rule import Rule


def fail(decided: Decided) -> tuple[str, ...]:
    return decided.decision.checks.fail


def test_an_event_met_again_repeats_its_decision_byte_for_byte_and_changes_no_state() -> None:
    desk = Desk()
    claim = a_claim()
    first = desk.decide(claim, "event")
    desk.decide(a_claim(claim_id="EX-0002"))
    again = desk.decide(claim, "event")

    assert not first.redelivered
    assert again.redelivered
    assert decision_bytes(first.decision) == decision_bytes(again.decision)
    assert 2 == desk.patients.events()


def test_an_event_met_again_is_decided_with_the_day_it_was_first_received() -> None:
    desk = Desk()
    event = arrived(a_claim(received_on="2026-06-20"), "event")
    decider = Decider(ruleset())
    entry = decider.decide(event, 0, desk.patients).entry
    assert entry is not None
    desk.patients.add(event.patient_token, entry)
    later = arrived(a_claim(received_on="2026-07-20"), "event")
    assert later.event_id != event.event_id
    redelivered = decider.decide(
        type(event)(later.claim, event.event_id, event.patient_token, event.person), 5, desk.patients
    )

    assert date(2026, 6, 20) == redelivered.context.claim.received_on
    assert 0 == redelivered.context.past.position


def test_an_event_asked_as_of_a_position_before_its_own_is_new() -> None:
    desk = Desk()
    claim = a_claim()
    desk.position = 4
    desk.decide(claim, "event")

    assert not Decider(ruleset()).decide(arrived(claim, "event"), 4, desk.patients).redelivered


def test_a_claim_asked_as_of_an_earlier_position_sees_what_it_saw() -> None:
    desk = Desk()
    desk.decide(a_claim(claim_id="EX-1", service_lines=[line("64483")]))
    second = a_claim(claim_id="EX-2", service_lines=[line("64484")])
    then = desk.decide(second, "second")
    desk.decide(a_claim(claim_id="EX-1", frequency_code="8", service_lines=[line("64483")]))
    now = Decider(ruleset()).decide(arrived(second, "second"), 1, desk.patients)

    assert "CODE-03" not in fail(then)
    assert decision_bytes(then.decision) == decision_bytes(now.decision)
    assert "CODE-03" in fail(desk.decide(second, "another event"))


def test_deciding_reads_the_state_and_leaves_it_alone() -> None:
    patients = Patients()
    Decider(ruleset()).decide(arrived(a_claim()), 0, patients)

    assert Patients() == patients


def test_a_test_claim_is_decided_and_leaves_no_trace_in_history() -> None:
    desk = Desk()
    tested = desk.decide(a_claim(claim_id="EX-1", test=True))
    real = desk.decide(a_claim(claim_id="EX-2"))

    assert tested.decision.test
    assert tested.entry is not None
    assert tested.entry.claim is None
    assert "CODE-26" in real.decision.checks.passed


def test_a_test_claim_sees_real_ones_and_voids_none_of_them() -> None:
    desk = Desk()
    desk.decide(a_claim(claim_id="EX-1"))
    desk.decide(a_claim(claim_id="EX-1", frequency_code="8", test=True))

    assert "CODE-26" in fail(desk.decide(a_claim(claim_id="EX-2", test=True)))


def test_a_test_claim_met_again_repeats_its_decision() -> None:
    desk = Desk()
    first = desk.decide(a_claim(test=True), "event")
    again = desk.decide(a_claim(test=True), "event")

    assert again.redelivered
    assert decision_bytes(first.decision) == decision_bytes(again.decision)


def test_check_takes_a_test_claim_as_any_claim() -> None:
    desk = Desk(keep_tests=True)
    desk.decide(a_claim(claim_id="EX-1", test=True))

    assert "CODE-26" in fail(desk.decide(a_claim(claim_id="EX-2")))


VISIT: dict[str, Any] = {"service_lines": [line("99213")]}


def test_of_a_claim_out_of_scope_only_the_event_is_kept() -> None:
    entry = Desk().decide(a_claim(**VISIT)).entry

    assert entry is not None
    assert entry.claim is None


@pytest.mark.parametrize("frequency_code", ["7", "8"])
def test_a_change_out_of_scope_takes_an_injection_out_of_history(frequency_code: str) -> None:
    desk = Desk()
    desk.decide(a_claim(claim_id="EX-1"))
    desk.decide(a_claim(claim_id="EX-1", frequency_code=frequency_code, **VISIT))

    assert "CODE-26" not in fail(desk.decide(a_claim(claim_id="EX-2")))


def test_a_resubmission_without_the_injection_takes_it_out_of_history() -> None:
    desk = Desk()
    desk.decide(a_claim(claim_id="EX-1"))
    desk.decide(a_claim(claim_id="EX-1", **VISIT))

    assert "CODE-26" not in fail(desk.decide(a_claim(claim_id="EX-2")))


def test_an_original_out_of_scope_is_what_its_replacement_was_waiting_for() -> None:
    desk = Desk()
    desk.decide(a_claim(claim_id="EX-2", frequency_code="7", original_reference="EX-1"))
    desk.decide(a_claim(claim_id="EX-1", **VISIT))

    # Were it waiting still, it would take this claim of the same biller and day for its original.
    assert "CODE-26" in fail(desk.decide(a_claim(claim_id="EX-3")))


def test_a_claim_number_is_known_again_only_within_its_member() -> None:
    def reference(member_id: str) -> str | None:
        return Desk().decide(a_claim(subscriber={"member_id": member_id})).context.past.claim_ref

    assert reference("A1") == reference("a-1")
    assert reference("A1") != reference("A2")
    assert re.fullmatch("[0-9a-f]{32}", reference("A1") or "")


def test_a_claim_without_an_original_reference_keeps_none() -> None:
    assert Desk().decide(a_claim(original_reference="  ")).context.past.original_ref is None


def test_who_asked_is_told_of_a_rule_that_raises_and_else_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(*_: object) -> bool:
        raise LookupError

    # Every injection rule that looks at earlier claims asks this of the history.
    monkeypatch.setattr("validators.context.Context.same_provider_earlier", raises)
    heard: list[tuple[str, str]] = []

    def listen(rule: Rule, error: Exception) -> None:
        heard.append((rule.id, type(error).__name__))

    quiet = Decider(ruleset()).decide(arrived(a_claim()), 0, Patients())
    told = Decider(ruleset(), on_error=listen).decide(arrived(a_claim()), 0, Patients())

    assert [("CODE-09", "LookupError"), ("CODE-10", "LookupError")] == heard
    assert ("SYS-02",) == fail(quiet)
    assert decision_bytes(quiet.decision) == decision_bytes(told.decision)


@given(st.lists(claims, min_size=1, max_size=4), st.integers(0, 3))
@settings(deadline=None)
def test_redelivery_after_a_rebuild_from_the_changelog_repeats_every_decision(given: list[Claim], index: int) -> None:
    desk = Desk()
    decisions = [desk.decide(claim) for claim in given]
    rebuilt = Patients()
    for decided, claim in zip(reversed(decisions), reversed(given), strict=True):
        assert decided.entry is not None
        token = arrived(claim).patient_token
        key = changelog.key_of(token, decided.entry.event_id)
        rebuilt.add(*changelog.decode(key, changelog.encode(decided.entry)))
    at = index % len(given)
    again = Decider(ruleset()).decide(arrived(given[at], str(at)), len(given), rebuilt)

    assert again.redelivered
    assert decision_bytes(decisions[at].decision) == decision_bytes(again.decision)


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

    assert desk.note(old, "old") is None
    assert 2 == desk.patients.events()
    # Entered anew it would be the last one, and win.
    assert "pass" == standing(desk.decide(claim), "GUID-01")


def test_a_fact_asked_as_of_a_position_before_its_own_is_new() -> None:
    desk = Desk(position=4)
    fact = an_authorization(a_claim())
    desk.note(fact, "fact")

    assert Decider.entry_of_fact(arrived_fact(fact, "fact"), 4, desk.patients) is not None
    assert Decider.entry_of_fact(arrived_fact(fact, "fact"), 5, desk.patients) is None


def test_a_fact_of_one_member_says_nothing_of_another() -> None:
    desk = Desk()
    desk.note(an_encounter(a_claim(), guidance="none"))

    assert "not checked" == standing(desk.decide(a_claim(subscriber={"member_id": "OTHER"})), "GUID-01")


def test_entering_a_fact_reads_the_state_and_leaves_it_alone() -> None:
    patients = Patients()
    Decider.entry_of_fact(arrived_fact(an_authorization(a_claim())), 0, patients)

    assert Patients() == patients


@given(cases(), st.integers(0, 4))
@settings(deadline=None)
def test_only_facts_before_a_claim_count_and_a_rebuilt_state_repeats_it(
    case: tuple[Claim, list[Authorization | Encounter]], at: int
) -> None:
    claim, facts = case
    desk, alone = Desk(), Desk()
    entries = [(arrived_fact(fact).patient_token, desk.note(fact)) for fact in facts[:at]]
    first = desk.decide(claim, "event")
    entries.append((arrived(claim).patient_token, first.entry))
    entries += [(arrived_fact(fact).patient_token, desk.note(fact)) for fact in facts[at:]]
    rebuilt = Patients()
    for token, entry in reversed(entries):
        assert entry is not None
        rebuilt.add(*changelog.decode(changelog.key_of(token, entry.event_id), changelog.encode(entry)))
    again = Decider(ruleset()).decide(arrived(claim, "event"), desk.position, rebuilt)
    for fact in facts[:at]:
        alone.note(fact)

    assert again.redelivered
    assert decision_bytes(first.decision) == decision_bytes(again.decision)
    assert decision_bytes(first.decision) == decision_bytes(alone.decide(claim, "event").decision)
