"""What stands in the log twice, or is read twice from it, repeats every decision and changes nothing."""

import random
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.claim import Claim
from streams.deciding import Decided, Decider
from streams.state.entry import Moment
from tests.validators.building import (
    DAY,
    Desk,
    Fact,
    a_claim,
    an_authorization,
    an_encounter,
    arrived,
    arrived_fact,
    fed,
    line,
)
from validators.decide import decision_bytes

EVICORE = {"id": "EXCIGNA", "filing_indicator": "CI", "line_of_business": "commercial"}
CLAIM = a_claim(payer=EVICORE, authorizations=[{"number": "A1"}])
SECOND = CLAIM.model_copy(update={"claim_id": "EX-2"})
STORY: list[tuple[Claim | Fact, str]] = [
    (an_authorization(CLAIM, status="denied", version=1), "denied"),
    (CLAIM, "claim"),
    (an_encounter(CLAIM, guidance="none"), "unguided"),
    (an_authorization(CLAIM, status="approved", version=2), "approved"),
    (an_encounter(CLAIM, procedure_code="64483"), "another procedure"),
    (SECOND, "second claim"),
    (an_encounter(CLAIM, guidance="ct"), "guided"),
]
"""A claim and facts about it, several of which revise it."""


def shown(decided: tuple[Decided, ...]) -> list[tuple[bytes, str | None, int]]:
    """All of it that readers see."""
    return [(decision_bytes(each.decision), each.withdrawn_from, each.position) for each in decided]


def take(desk: Desk, what: Claim | Fact, identity: str) -> tuple[Decided, ...]:
    return desk.take(arrived(what, identity) if isinstance(what, Claim) else arrived_fact(what, identity))


@pytest.mark.parametrize("rebuilt", [False, True])
def test_claims_and_facts_met_again_repeat_byte_for_byte_and_change_nothing(rebuilt: bool) -> None:
    desk = Desk(fed("complete"))
    first = [take(desk, *each) for each in STORY]
    desk = desk.rebuilt() if rebuilt else desk
    held, kept = dict(desk.changelog), desk.patients.events
    desk.day = DAY + timedelta(days=20)
    again = [take(desk, *each) for each in reversed(STORY)][::-1]

    def without_positions(decided: list[tuple[Decided, ...]]) -> list[list[tuple[bytes, str | None]]]:
        return [[(body, withdrawn) for body, withdrawn, _ in shown(each)] for each in decided]

    assert [0, 1, 1, 1, 0, 1, 2] == [len(each) for each in first]
    assert without_positions(first) == without_positions(again)
    assert not any(decided.redelivered for each in first for decided in each)
    assert all(decided.redelivered for each in again for decided in each)
    assert (held, kept) == (desk.changelog, desk.patients.events)


def test_a_claim_met_again_repeats_its_first_decision_and_no_revision() -> None:
    desk = Desk()
    first = desk.decide(a_claim(), "event")
    desk.note(an_encounter(a_claim(), guidance="none"))
    again = desk.decide(a_claim(), "event")

    assert decision_bytes(first.decision) == decision_bytes(again.decision)


def test_after_a_claim_was_met_again_its_revisions_count_on() -> None:
    desk = Desk()
    desk.decide(a_claim(), "event")
    (one,) = desk.note(an_encounter(a_claim(), guidance="none"))
    desk.decide(a_claim(), "event")
    (two,) = desk.note(an_encounter(a_claim(), guidance="ct"))

    assert [1, 2] == [one.decision.revision, two.decision.revision]
    assert one.decision.decision_id == two.decision.supersedes


@pytest.mark.parametrize("lost", ["nothing", "fact", "claim", "both"])
def test_what_a_crash_left_of_a_revision_in_the_changelog_makes_no_other_when_it_is_made_again(lost: str) -> None:
    desk = Desk(fed("complete"))
    before = STORY[:3]
    for each in before:
        take(desk, *each)
    fact, identity = STORY[3]
    held = dict(desk.changelog)
    first = take(desk, fact, identity)
    (of_fact,) = desk.changelog.keys() - held.keys()
    if lost in ("fact", "both"):
        del desk.changelog[of_fact]
    if lost in ("claim", "both"):
        desk.changelog |= held
    desk = replace(desk.rebuilt(), position=desk.position - 1)  # the record is read again, at its own place
    again = take(desk, fact, identity)
    desk = replace(desk.rebuilt(), position=desk.position + 1)
    (second,) = take(desk, an_encounter(CLAIM, guidance="ct"), "guided")

    assert shown(first) == shown(again)
    assert (first[0].decision.decision_id, 3) == (second.decision.supersedes, second.decision.revision)


def test_a_record_weighed_again_at_its_place_gives_the_same_changes() -> None:
    desk = Desk(fed("complete"))
    for each in STORY[:3]:
        take(desk, *each)
    fact = arrived_fact(*STORY[3])
    decider, moment = Decider(desk.rules), Moment(desk.position, desk.day)
    one, two = (decider.take(fact, moment, desk.patients) for _ in range(2))

    assert 2 == len(one.changes)
    assert one.changes == two.changes
    assert shown(one.decided) == shown(two.decided)


@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize(
    "first", [CLAIM, an_authorization(CLAIM, status="denied"), an_encounter(CLAIM, guidance="none")]
)
def test_a_claim_is_repeated_as_it_was_decided_though_what_it_saw_was_forgotten_and_came_again(
    first: Claim | Fact, *, swept: bool
) -> None:
    desk = Desk(fed("complete"))
    take(desk, first, "first")
    desk.day = DAY + timedelta(days=700)
    before = desk.decide(SECOND, "second")
    desk.day = DAY + timedelta(days=800)
    take(desk, first, "first")
    if swept:
        desk.changelog.update(desk.patients.swept(desk.position))
    again = [each.decide(SECOND, "second") for each in (desk, desk.rebuilt())]

    assert [True, True] == [each.redelivered for each in again]
    assert [decision_bytes(before.decision)] * 2 == [decision_bytes(each.decision) for each in again]


@pytest.mark.parametrize("lost", [False, True])
def test_a_record_at_which_an_event_came_again_changes_nothing_when_it_is_read_again(lost: bool) -> None:
    desk = Desk(fed("complete"))
    take(desk, CLAIM, "event")
    desk.day = DAY + timedelta(days=800)
    held = dict(desk.changelog)
    (first,) = take(desk, CLAIM, "event")
    left = dict(desk.changelog)
    if lost:
        desk.changelog = dict(held)
    desk = replace(desk.rebuilt(), position=desk.position - 1)
    (again,) = take(desk, CLAIM, "event")

    assert shown((first,)) == shown((again,))
    assert not again.redelivered
    assert held != left
    assert left == desk.changelog


def test_a_fact_that_came_again_revises_the_claim_that_did_and_repeats_that_when_met_once_more() -> None:
    desk, fact = Desk(), an_encounter(a_claim(), guidance="none")
    desk.decide(a_claim(), "claim")
    (one,) = desk.note(fact, "fact")
    desk.day = DAY + timedelta(days=800)
    desk.decide(a_claim(), "claim")
    (two,) = desk.note(fact, "fact")
    desk = desk.rebuilt()
    (again,) = desk.note(fact, "fact")

    assert [(1, 0), (1, 2), (1, 2)] == [(each.decision.revision, each.position) for each in (one, two, again)]
    assert decision_bytes(two.decision) == decision_bytes(again.decision)


persons = st.sampled_from([None, None, None, {"first_name": "ALEX", "birth_date": "1955-05-05"}])
service_days = st.sampled_from(["2026-06-15", "2026-06-15", "2026-06-16"])


def claim_of_member(code: str, day: str, **more: Any) -> Claim:
    return a_claim(payer=EVICORE, service_lines=[line(code, service_date_from=day)], **more)


claims_of_member = st.builds(
    claim_of_member,
    st.sampled_from(["62323", "62323", "64483", "64484", "99213"]),
    service_days,
    patient=persons,
    claim_id=st.sampled_from(["EX-1", "EX-2"]),
    frequency_code=st.sampled_from(["1", "1", "1", "1", "7", "8"]),
    original_reference=st.sampled_from([None, "EX-1", "EX-2"]),
    authorizations=st.sampled_from([[{"number": "A1"}], [{"number": "A1"}], [{"number": "A2"}], []]),
    test=st.sampled_from([False] * 5 + [True]),
)
facts_of_member = st.builds(
    partial(an_encounter, CLAIM),
    patient=persons,
    service_date=service_days,
    procedure_code=st.sampled_from([None, None, "62323"]),
    guidance=st.sampled_from([None, "none", "ct"]),
) | st.builds(
    partial(an_authorization, CLAIM),
    patient=persons,
    authorization_number=st.sampled_from(["A1", "A1", "A2"]),
    status=st.sampled_from(["approved", "denied", "pended"]),
    version=st.sampled_from([None, None, 1, 2]),
    services=st.sampled_from([[], [{"procedure_code": "64483"}]]),
)
logs = st.lists(claims_of_member | facts_of_member, min_size=3, max_size=9)
"""Claims and facts of one member, of two persons, in any order."""


@given(logs)
@settings(deadline=None, max_examples=300)
def test_in_any_log_revisions_count_up_without_gaps_and_each_says_something_new(log: list[Claim | Fact]) -> None:
    desk, last = Desk(fed("complete")), dict[str, Decided]()
    for number, each in enumerate(log):
        for made in take(desk, each, str(number)):
            before, decision = last.get(made.decision.event_id), made.decision
            if before is None:
                assert (0, None, None) == (decision.revision, decision.supersedes, made.withdrawn_from)
            else:
                assert before.decision.revision + 1 == decision.revision
                assert before.decision.decision_id == decision.supersedes
                assert before.decision.findings != decision.findings
                changed = before.decision.outcome != decision.outcome
                assert (before.decision.outcome if changed else None) == made.withdrawn_from
            last[decision.event_id] = made


@given(logs)
@settings(deadline=None, max_examples=300)
def test_in_any_log_the_last_decision_is_that_of_one_who_knew_the_facts_beforehand(log: list[Claim | Fact]) -> None:
    desk, knowing = Desk(fed("complete")), Desk(fed("complete"))
    last: dict[str, Decided] = {}
    for number, each in enumerate(log):
        last |= {made.decision.event_id: made for made in take(desk, each, str(number))}
    for number, each in sorted(enumerate(log), key=lambda event: isinstance(event[1], Claim)):
        for wanted in take(knowing, each, str(number)):
            found = last[wanted.decision.event_id]

            # Of test claims nothing is kept, so there is nothing to revise.
            assert found.decision.test or wanted.decision.findings == found.decision.findings
            assert (found.decision.revision == 0) is (found.decision.cause == "first-decision")


@given(logs, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_any_log_read_a_second_time_in_any_order_repeats_every_decision_of_it(
    log: list[Claim | Fact], order: random.Random
) -> None:
    desk, events = Desk(fed("complete")), [(each, str(number)) for number, each in enumerate(log)]
    first = {identity: take(desk, each, identity) for each, identity in events}
    held = dict(desk.changelog)
    desk = desk.rebuilt()
    order.shuffle(events)
    for each, identity in events:
        again = take(desk, each, identity)

        assert [decision_bytes(made.decision) for made in first[identity]] == [
            decision_bytes(made.decision) for made in again
        ]
    assert held == desk.changelog
