"""Revisions and withdrawals, sentence by sentence of section 5 of the contract."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from schemas.claim import Claim
from streams.deciding import Decided, Decider
from streams.intake.arrival import Circumstances, arrive_fact
from streams.intake.items import ReadFact, Span
from streams.state.entry import Moment
from tests.validators.building import (
    DAY,
    Desk,
    a_claim,
    an_authorization,
    an_encounter,
    arrived,
    arrived_fact,
    fed,
    line,
    nobody,
    ruleset,
    tokens,
)
from validators.decide import decision_bytes
from validators.ruleset import Ruleset, StateTerms

EVICORE = {"id": "EXCIGNA", "filing_indicator": "CI", "line_of_business": "commercial"}
CITING: dict[str, Any] = {"payer": EVICORE, "authorizations": [{"number": "A1"}]}
"""Lay over a claim: its payer asks for an authorization, and it names one."""

UNGUIDED = {"guidance": "none"}
GUIDED = {"guidance": "ct"}


def complete() -> Desk:
    """A desk to which every authorization is sent."""
    return Desk(fed("complete"))


def told(decided: tuple[Decided, ...]) -> list[tuple[str, int, str, str, str | None]]:
    return [
        (d.decision.claim_id, d.decision.revision, d.decision.cause, d.decision.outcome, d.withdrawn_from)
        for d in decided
    ]


def shown(decided: tuple[Decided, ...]) -> list[tuple[bytes, str | None, int]]:
    """All of it that readers see."""
    return [(decision_bytes(d.decision), d.withdrawn_from, d.position) for d in decided]


def days_after(days: int) -> date:
    return date.fromordinal(DAY.toordinal() + days)


# "Only an authorization or encounter record that arrives after its claim makes one"


def test_an_encounter_that_comes_after_its_claim_revises_the_decision() -> None:
    desk = Desk()
    first = desk.decide(a_claim()).decision
    (revised,) = desk.note(an_encounter(a_claim(), **UNGUIDED))

    assert ("accepted", 0, "first-decision", None) == (first.outcome, first.revision, first.cause, first.supersedes)
    assert [("EX-0001", 1, "late-encounter", "denied-risk", "accepted")] == told((revised,))
    assert first.decision_id == revised.decision.supersedes
    assert {"GUID-01"} == {*revised.decision.checks.fail} - {*first.checks.fail}


def test_an_authorization_that_comes_after_its_claim_revises_the_decision() -> None:
    desk, claim = complete(), a_claim(**CITING)
    first = desk.decide(claim).decision
    (revised,) = desk.note(an_authorization(claim))

    assert ("flagged", ("AUTH-13",)) == (first.outcome, first.checks.fail)
    assert [("EX-0001", 1, "late-authorization", "accepted", "flagged")] == told((revised,))
    assert first.decision_id == revised.decision.supersedes


def test_a_revision_is_about_the_event_and_the_claim_of_the_first_decision() -> None:
    desk, claim = complete(), a_claim(**CITING)
    first = desk.decide(claim, "event")
    (revised,) = desk.note(an_authorization(claim, status="denied"))
    of_both = {"event_id", "claim_id", "source", "patient_token", "in_scope", "test", "ruleset", "total_charge"}

    assert first.decision.model_dump(include=of_both) == revised.decision.model_dump(include=of_both)
    assert first.position == revised.position == 0
    assert [each.line_number for each in first.decision.lines] == [each.line_number for each in revised.decision.lines]


def test_a_fact_before_its_claim_revises_nothing() -> None:
    desk, claim = complete(), a_claim(**CITING)

    assert () == desk.note(an_encounter(claim, **UNGUIDED))
    assert () == desk.note(an_authorization(claim, status="denied"))
    assert 0 == desk.decide(claim).decision.revision


@pytest.mark.parametrize(
    "later",
    [{"frequency_code": "7"}, {"frequency_code": "8"}, {}, {"claim_id": "EX-9"}],
    ids=["replacement", "void", "resubmission", "duplicate"],
)
def test_a_later_claim_is_decided_for_itself_and_revises_nothing(later: dict[str, str]) -> None:
    desk = Desk()
    desk.decide(a_claim(**CITING))
    (decided,) = desk.take(arrived(a_claim(**CITING, **later), "later"))

    assert (0, "first-decision", None) == (
        decided.decision.revision,
        decided.decision.cause,
        decided.decision.supersedes,
    )


# "and only when outcome or findings change"


def test_a_fact_that_changes_nothing_emits_nothing() -> None:
    desk, claim = complete(), a_claim(**CITING)
    first = desk.decide(claim)
    changes = len(desk.changelog)

    assert {"GUID-01"} <= {each.rule for each in first.decision.checks.not_checked}
    assert () == desk.note(an_encounter(claim, **GUIDED))  # GUID-01 passes now; only the ledger would change
    assert changes + 1 == len(desk.changelog)
    assert () == desk.note(an_authorization(claim, authorization_number="A2"))
    assert "GUID-01" in desk.note(an_authorization(claim, status="denied"))[0].decision.checks.passed


def test_an_earlier_version_of_an_authorization_changes_nothing() -> None:
    desk, claim = complete(), a_claim(**CITING)
    desk.decide(claim)

    assert 1 == len(desk.note(an_authorization(claim, version=2)))
    assert () == desk.note(an_authorization(claim, status="denied", version=1))


def test_an_encounter_of_another_day_or_procedure_changes_nothing() -> None:
    desk = Desk()
    desk.decide(a_claim())

    assert () == desk.note(an_encounter(a_claim(), service_date="2026-06-16", **UNGUIDED))
    assert () == desk.note(an_encounter(a_claim(), procedure_code="64483", **UNGUIDED))


def test_findings_that_change_revise_although_the_outcome_stays_and_nothing_is_withdrawn() -> None:
    desk, claim = complete(), a_claim(**CITING)
    desk.decide(claim)
    (denied,), (pended,) = (desk.note(an_authorization(claim, status=status)) for status in ("denied", "pended"))

    assert denied.decision.outcome == pended.decision.outcome == "denied-risk"
    assert denied.decision.findings != pended.decision.findings
    assert ("flagged", None) == (denied.withdrawn_from, pended.withdrawn_from)


# "It is decided with the history before the claim's own position"


def test_a_revision_sees_the_claims_before_its_own_and_none_after() -> None:
    desk = Desk()
    desk.decide(a_claim(claim_id="EX-1", service_lines=[line("64483")]))
    desk.decide(a_claim(claim_id="EX-2", service_lines=[line("64484")]))
    desk.decide(a_claim(claim_id="EX-1", frequency_code="8", service_lines=[line("64483")]))
    desk.decide(a_claim(claim_id="EX-3", service_lines=[line("64484")]))
    revised = {each.decision.claim_id: each.decision for each in desk.note(an_encounter(a_claim(), **UNGUIDED))}

    assert ["EX-1", "EX-2", "EX-3"] == list(revised)
    assert "CODE-03" not in revised["EX-2"].checks.fail
    assert "CODE-03" in revised["EX-3"].checks.fail
    assert ["CODE-26" in revised[each].checks.fail for each in revised] == [False, False, True]


# "and the authorizations and encounters up to the trigger's"


def test_a_revision_sees_the_facts_up_to_the_one_that_made_it() -> None:
    desk, claim = complete(), a_claim(**CITING)
    desk.note(an_authorization(claim, version=1, status="denied"))
    first = desk.decide(claim)
    revised = (
        *desk.note(an_encounter(claim, **UNGUIDED)),
        *desk.note(an_authorization(claim, version=2)),
        *desk.note(an_encounter(claim, **GUIDED)),
    )

    assert ("AUTH-13",) == first.decision.checks.fail
    assert [("AUTH-13", "GUID-01"), ("GUID-01",), ()] == [each.decision.checks.fail for each in revised]


def test_facts_that_were_too_old_for_the_claim_count_for_no_revision_and_those_it_saw_still_do() -> None:
    terms = StateTerms(look_back_months=2, revision_days=30)
    for arrived_on, seen in ((date(2026, 4, 19), False), (date(2026, 4, 20), True)):
        desk, claim = Desk(replace(fed("complete"), state=terms)), a_claim(**CITING)
        desk.patients.terms = terms
        desk.day = arrived_on
        desk.note(an_authorization(claim, status="denied"))
        desk.day = DAY
        first = desk.decide(claim)
        desk.day = days_after(30)  # from here the two months reach back to neither
        (revised,) = desk.note(an_encounter(claim, **UNGUIDED))

        assert ("denied-risk" if seen else "flagged") == first.decision.outcome
        assert first.decision.findings == tuple(f for f in revised.decision.findings if f.rule == "AUTH-13")


# "In-scope claims stay re-decidable for revision_days (30)"


@pytest.mark.parametrize(("days", "revised"), [(0, 1), (29, 1), (30, 1), (31, 0), (400, 0)])
@pytest.mark.parametrize("rebuilt", [False, True])
def test_a_claim_may_be_revised_for_thirty_days_after_it_arrived(days: int, revised: int, rebuilt: bool) -> None:
    desk = Desk()
    desk.decide(a_claim())
    desk = desk.rebuilt() if rebuilt else desk
    desk.day = days_after(days)

    assert revised == len(desk.note(an_encounter(a_claim(), **UNGUIDED)))


def test_the_days_are_counted_from_arrival_whatever_the_claim_says_of_its_receipt() -> None:
    desk = Desk()
    desk.decide(a_claim(received_on="2020-01-01"))
    desk.day = days_after(30)

    assert 1 == len(desk.note(an_encounter(a_claim(), **UNGUIDED)))


def test_a_site_may_set_for_how_long() -> None:
    terms = StateTerms(revision_days=2)
    for days, revised in ((2, 1), (3, 0)):
        desk = Desk(replace(ruleset(), state=terms))
        desk.patients.terms = terms
        desk.decide(a_claim())
        desk.day = days_after(days)

        assert revised == len(desk.note(an_encounter(a_claim(), **UNGUIDED)))


@pytest.mark.parametrize(
    "claim",
    [
        a_claim(service_lines=[line("99213")]),
        a_claim(frequency_code="8"),
        a_claim(test=True),
        a_claim(test=True, frequency_code="7"),
    ],
    ids=["out of scope", "void", "test", "test replacement"],
)
def test_what_is_out_of_scope_a_void_or_a_test_is_never_revised(claim: Claim) -> None:
    desk = Desk()
    decided = desk.decide(claim)

    assert decided.entry is not None
    assert decided.entry.redecidable is None
    assert () == desk.note(an_encounter(claim, **UNGUIDED))


def test_check_revises_a_test_claim_as_any_claim() -> None:
    desk = Desk(keep_tests=True)
    desk.decide(a_claim(test=True))

    assert [("EX-0001", 1, "late-encounter", "denied-risk", "accepted")] == told(
        desk.note(an_encounter(a_claim(), **UNGUIDED))
    )


@pytest.mark.parametrize(
    "change", [{"frequency_code": "7"}, {"frequency_code": "8"}, {}], ids=["replaced", "voided", "resubmitted"]
)
def test_a_claim_that_left_history_is_revised_all_the_same(change: dict[str, str]) -> None:
    desk = Desk()
    desk.decide(a_claim(), "original")
    desk.decide(a_claim(**change), "change")
    revised = desk.note(an_encounter(a_claim(), **UNGUIDED))

    assert 1 + (change != {"frequency_code": "8"}) == len(revised)
    assert arrived(a_claim(), "original").event_id == revised[0].decision.event_id


# "A claim is never held back to wait for facts." "Readers take the highest revision of an event_id."


def test_revisions_count_up_and_each_supersedes_the_one_before() -> None:
    desk, claim = complete(), a_claim(**CITING)
    decided = [desk.decide(claim)]
    for fact in (
        an_encounter(claim, **UNGUIDED),
        an_encounter(claim, **GUIDED),
        an_encounter(claim, **GUIDED, image_views=0),
        an_authorization(claim, status="denied", version=1),
        an_authorization(claim, status="approved", version=2),
    ):
        decided += desk.note(fact)

    assert [0, 1, 2, 3, 4] == [each.decision.revision for each in decided]
    assert [None, *(each.decision.decision_id for each in decided[:-1])] == [
        each.decision.supersedes for each in decided
    ]
    assert 5 == len({each.decision.decision_id for each in decided})


def test_a_fact_revises_every_claim_it_concerns_in_the_order_of_the_log() -> None:
    desk = Desk()
    for name in ("EX-1", "EX-2", "EX-3"):
        day = "2026-06-16" if name == "EX-2" else "2026-06-15"
        desk.decide(a_claim(claim_id=name, service_lines=[line("62323", service_date_from=day)]))

    assert ["EX-1", "EX-3"] == [name for name, *_ in told(desk.note(an_encounter(a_claim(), **UNGUIDED)))]


# Persons of a member

SPOUSE = {"first_name": "ALEX", "birth_date": "1955-05-05"}
SELF = {"first_name": "PAT", "birth_date": "1952-03-04"}


@pytest.mark.parametrize(
    ("whose", "revised"),
    [
        (None, ["EX-1", "EX-2"]),
        ({}, ["EX-1", "EX-2"]),
        (SELF, ["EX-1"]),
        ({**SELF, "first_name": "pat"}, ["EX-1"]),
        (SPOUSE, ["EX-2"]),
        ({"first_name": "ALEX"}, []),
        ({**SPOUSE, "birth_date": "1955-05-06"}, []),
    ],
    ids=["of nobody", "of an empty patient", "self", "in another case", "spouse", "half known", "stranger"],
)
@pytest.mark.parametrize("build", [an_encounter, an_authorization])
def test_a_fact_revises_the_claims_of_its_person_or_of_all_persons_when_it_names_none(
    build: Any, whose: dict[str, str] | None, revised: list[str]
) -> None:
    desk, says = complete(), {"guidance": "none"} if build is an_encounter else {"status": "denied"}
    desk.decide(a_claim(**CITING, claim_id="EX-1"))
    desk.decide(a_claim(**CITING, claim_id="EX-2", patient=SPOUSE))

    assert revised == [name for name, *_ in told(desk.note(build(a_claim(**CITING), patient=whose, **says)))]


def test_a_fact_of_another_member_or_tenant_revises_nothing() -> None:
    desk = Desk()
    desk.decide(a_claim())
    other = an_encounter(a_claim(subscriber={"member_id": "OTHER"}), **UNGUIDED)
    item = ReadFact(an_encounter(a_claim(), **UNGUIDED), (b"fact",), Span(0, 0))
    of_tenant = replace(tokens(), tenants={"clinic": "another"})

    assert () == desk.note(other)
    assert () == desk.take(arrive_fact(item, Circumstances(source="clinic"), of_tenant))


# A ruleset that changed between a decision and a late fact


def without(rule_id: str, rules: Ruleset) -> Ruleset:
    """The ruleset as it would be had the rule been retired."""
    return replace(rules, rules=tuple(rule for rule in rules.rules if rule.id != rule_id))


def test_a_rule_that_changed_since_is_no_reason_to_revise() -> None:
    desk = complete()
    desk.decide(a_claim(**CITING))
    desk.rules = without("AUTH-13", desk.rules)

    assert () == desk.note(an_authorization(a_claim(**CITING), status="denied"))
    assert () == desk.note(an_encounter(a_claim(**CITING), **GUIDED))


def test_a_revision_is_made_under_the_ruleset_in_force_when_its_fact_comes() -> None:
    desk = complete()
    first = desk.decide(a_claim(**CITING))
    desk.rules = without("AUTH-13", desk.rules)
    (revised,) = desk.note(an_encounter(a_claim(**CITING), **UNGUIDED))

    assert ("AUTH-13",) == first.decision.checks.fail
    assert ("GUID-01",) == revised.decision.checks.fail
    assert (1, first.decision.decision_id, "flagged") == (
        revised.decision.revision,
        revised.decision.supersedes,
        revised.withdrawn_from,
    )


# A revision as state keeps it


def test_what_state_keeps_of_a_revised_claim_is_the_claim_and_all_its_decisions() -> None:
    desk, claim = Desk(), a_claim()
    first = desk.decide(claim, "event")
    (revised,) = desk.note(an_encounter(claim, **UNGUIDED))
    entry = desk.rebuilt().patients.of(arrived(claim).patient_token).entries[first.decision.event_id]

    assert entry == revised.entry
    assert entry.redecidable is not None
    assert first.entry is not None
    assert first.entry.claim == entry.claim
    assert [
        (0, first.decision.decision_id, "accepted"),
        (1, revised.decision.decision_id, "denied-risk"),
    ] == list(entry.redecidable.issued)


def test_nobody_met_is_nobody_revised() -> None:
    taken = Decider(ruleset()).take(arrived_fact(an_encounter(a_claim())), Moment(0, DAY), nobody())

    assert ((), 1) == (taken.decided, len(taken.changes))
