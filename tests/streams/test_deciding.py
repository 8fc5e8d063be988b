import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.claim import Claim
from streams.deciding import Decided, Decider
from streams.intake.arrival import Arrived, ArrivedFact, ArrivedPurge
from streams.state.entry import Moment
from tests.validators.building import (
    DAY,
    Desk,
    a_claim,
    an_authorization,
    an_encounter,
    arrived,
    arrived_fact,
    event_id,
    line,
    nobody,
    ruleset,
)
from tests.validators.strategies import claims
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
    assert again.entry is None
    assert 2 == desk.patients.events


def test_an_event_met_again_is_decided_with_the_day_it_was_first_received() -> None:
    desk = Desk()
    event = arrived(a_claim(received_on="2026-06-20"), "event")
    desk.take(event)
    desk.position, desk.day = 5, date(2026, 6, 30)
    (redelivered,) = desk.take(replace(event, claim=a_claim(received_on="2026-07-20")))

    assert date(2026, 6, 20) == redelivered.context.claim.received_on
    assert 0 == redelivered.context.past.position
    assert 5 == redelivered.position


def test_an_event_asked_as_of_a_position_before_its_own_is_new() -> None:
    desk = Desk()
    claim = a_claim()
    desk.position = 4
    desk.decide(claim, "event")

    assert not Decider(ruleset()).decide(arrived(claim, "event"), Moment(4, DAY), desk.patients).redelivered
    assert Decider(ruleset()).decide(arrived(claim, "event"), Moment(5, DAY), desk.patients).redelivered


def test_a_claim_asked_as_of_an_earlier_position_sees_what_it_saw() -> None:
    desk = Desk()
    desk.decide(a_claim(claim_id="EX-1", service_lines=[line("64483")]))
    second = a_claim(claim_id="EX-2", service_lines=[line("64484")])
    then = desk.decide(second, "second")
    desk.decide(a_claim(claim_id="EX-1", frequency_code="8", service_lines=[line("64483")]))
    now = Decider(ruleset()).decide(arrived(second, "second"), Moment(1, DAY), desk.patients)

    assert "CODE-03" not in fail(then)
    assert decision_bytes(then.decision) == decision_bytes(now.decision)
    assert "CODE-03" in fail(desk.decide(second, "another event"))


@pytest.mark.parametrize(
    "event",
    [
        arrived(a_claim(), "another"),
        arrived_fact(an_encounter(a_claim(), guidance="none")),
        arrived_fact(an_authorization(a_claim())),
        ArrivedPurge(event_id("purge"), arrived(a_claim()).patient_token),
    ],
    ids=["claim", "encounter", "authorization", "purge"],
)
def test_weighing_a_record_reads_the_state_and_leaves_it_alone_until_it_is_entered(
    event: Arrived | ArrivedFact | ArrivedPurge,
) -> None:
    desk = Desk()
    desk.decide(a_claim())
    patient = desk.patients.of(event.patient_token)
    before = dict(patient.entries)
    taken = Decider(ruleset()).weigh(event, Moment(1, DAY), desk.patients)

    assert (1, before) == (desk.patients.events, patient.entries)
    taken.enter(desk.patients)
    assert before | {entry.event_id: entry for entry in taken.entries} == patient.entries
    assert 2 == desk.patients.events
    assert list(taken.changes) == [desk.patients.change(event.patient_token, entry) for entry in taken.entries]


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


def later(desk: Desk, days: int) -> Desk:
    desk.day = DAY + timedelta(days=days)
    return desk


@pytest.mark.parametrize(
    "claim", [a_claim(service_lines=[line("99213")]), a_claim(test=True)], ids=["out of scope", "test"]
)
def test_an_event_of_which_nothing_else_is_kept_is_known_again_for_thirty_days(claim: Claim) -> None:
    desk = Desk()
    desk.decide(claim, "event")

    assert later(desk, 30).decide(claim, "event").redelivered
    assert not later(desk, 31).decide(claim, "event").redelivered
    assert later(desk, 61).decide(claim, "event").redelivered


def test_a_claim_in_scope_counts_and_is_known_again_for_two_years() -> None:
    for days, seen in ((731, True), (732, False)):  # from 2026-06-20 to 2028-06-20 there are 731 days
        desk = Desk()
        desk.decide(a_claim(claim_id="EX-1"), "event")

        assert seen is ("CODE-26" in fail(later(desk, days).decide(a_claim(claim_id="EX-2"))))
        assert seen is desk.decide(a_claim(claim_id="EX-1"), "event").redelivered


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

    # CODE-09 asks this of the history where a claim has two injections that may overlap.
    monkeypatch.setattr("validators.context.Context.same_provider_earlier", raises)
    heard: list[tuple[str, str]] = []

    def listen(rule: Rule, error: Exception) -> None:
        heard.append((rule.id, type(error).__name__))

    claim = arrived(a_claim(service_lines=[line("62323"), line("62323", "76")]))
    quiet = Decider(ruleset()).decide(claim, Moment(0, DAY), nobody())
    told = Decider(ruleset(), on_error=listen).decide(claim, Moment(0, DAY), nobody())

    assert [("CODE-09", "LookupError")] == heard
    assert "SYS-02" in fail(quiet)
    assert decision_bytes(quiet.decision) == decision_bytes(told.decision)


@given(st.lists(claims, min_size=1, max_size=4), st.integers(0, 3))
@settings(deadline=None)
def test_redelivery_after_a_rebuild_from_the_changelog_repeats_every_decision(given: list[Claim], index: int) -> None:
    desk = Desk()
    decisions = [desk.decide(claim) for claim in given]
    at = index % len(given)
    again = desk.rebuilt().decide(given[at], str(at))

    assert again.redelivered
    assert decision_bytes(decisions[at].decision) == decision_bytes(again.decision)
