"""A purge in the log of a member: what stands before it is seen by nothing behind it, and its proof stays."""

import hashlib
from datetime import timedelta

import pytest

from streams.deciding import Decided, Decider, Taken
from streams.intake.arrival import ArrivedPurge
from streams.state.entry import Moment, Purge
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
    ruleset,
)
from validators.decide import decision_bytes

TOKEN = arrived(a_claim()).patient_token


def purge(desk: Desk, identity: str = "purge") -> Taken:
    taken = Decider(desk.rules).take(
        ArrivedPurge(event_id(identity), TOKEN), Moment(desk.position, desk.day), desk.patients
    )
    desk.changelog.update(taken.changes)
    desk.position += 1
    return taken


def proof(taken: Taken) -> Purge | None:
    (entry,) = taken.entries
    return entry.purge


def proof_of(*event_ids: str) -> Purge:
    return Purge(len(event_ids), hashlib.sha256("".join(sorted(event_ids)).encode()).hexdigest())


def fail(decided: Decided) -> tuple[str, ...]:
    return decided.decision.checks.fail


def test_a_purge_decides_nothing_and_proves_what_it_hides() -> None:
    desk, claim = Desk(), a_claim()
    fact, visit = an_encounter(claim, guidance="none"), a_claim(service_lines=[line("99213")])
    desk.decide(claim, "claim")
    desk.decide(visit, "visit")
    desk.note(fact, "fact")
    desk.decide(a_claim(subscriber={"member_id": "OTHER"}))
    taken = purge(desk)
    events = (arrived(claim, "claim"), arrived(visit, "visit"), arrived_fact(fact, "fact"))

    assert () == taken.decided
    assert proof_of(*(event.event_id for event in events)) == proof(taken)


def test_behind_a_purge_nothing_before_it_counts() -> None:
    desk = Desk()
    desk.note(an_encounter(a_claim(), guidance="none"))
    desk.decide(a_claim(claim_id="EX-1"))
    purge(desk)

    assert fail(Desk().decide(a_claim(claim_id="EX-2"))) == fail(desk.decide(a_claim(claim_id="EX-2")))


@pytest.mark.parametrize("rebuilt", [False, True])
@pytest.mark.parametrize("swept", [False, True])
def test_behind_a_purge_an_event_met_before_it_is_a_new_one(rebuilt: bool, swept: bool) -> None:
    desk = Desk()
    desk.decide(a_claim(), "event")
    purge(desk)
    desk = desk.rebuilt() if rebuilt else desk
    if swept:
        assert 1 == len(list(desk.patients.swept(desk.position)))
    again = desk.decide(a_claim(), "event")

    assert not again.redelivered
    assert again.entry is not None
    assert 2 == again.entry.position
    assert desk.decide(a_claim(), "event").redelivered


def test_behind_a_purge_no_claim_before_it_is_revised() -> None:
    desk = Desk()
    desk.decide(a_claim(claim_id="EX-1"))
    purge(desk)
    desk.decide(a_claim(claim_id="EX-2"))

    assert ["EX-2"] == [each.decision.claim_id for each in desk.note(an_encounter(a_claim(), guidance="none"))]


def test_what_stands_before_a_purge_is_decided_as_if_there_were_none_when_it_is_read_again() -> None:
    desk = Desk()
    desk.decide(a_claim(claim_id="EX-1"))
    first = desk.decide(a_claim(claim_id="EX-2"), "event")
    purge(desk)
    again = Decider(ruleset()).decide(arrived(a_claim(claim_id="EX-2"), "event"), Moment(1, DAY), desk.patients)

    assert "CODE-26" in fail(again)
    assert decision_bytes(first.decision) == decision_bytes(again.decision)


def test_a_purge_met_again_changes_nothing_however_late() -> None:
    desk = Desk()
    desk.decide(a_claim())
    purge(desk)
    desk.decide(a_claim(), "behind it")
    desk.day = DAY + timedelta(days=10_000)
    again = purge(desk)

    assert ((), ()) == (again.entries, again.changes)


def test_a_second_purge_proves_what_came_since_the_first() -> None:
    desk = Desk()
    desk.decide(a_claim(claim_id="EX-1"))
    purge(desk, "first")
    desk.decide(a_claim(claim_id="EX-2"), "event")

    assert proof_of(arrived(a_claim(claim_id="EX-2"), "event").event_id) == proof(purge(desk, "second"))


def test_a_purge_of_nobody_proves_that_there_was_nothing() -> None:
    assert proof_of() == proof(purge(Desk()))


def test_a_proof_does_not_depend_on_how_far_the_sweep_has_come() -> None:
    proofs = []
    for swept in (False, True):
        desk = Desk()
        desk.decide(a_claim(service_lines=[line("99213")]))
        desk.note(an_authorization(a_claim()), "authorization")
        desk.day = DAY + timedelta(days=61)
        desk.decide(a_claim(), "claim")
        if swept:
            assert 1 == len(list(desk.patients.swept(0)))
        proofs.append(proof(purge(desk)))
    claim, grant = arrived(a_claim(), "claim"), arrived_fact(an_authorization(a_claim()), "authorization")

    assert [proof_of(claim.event_id, grant.event_id)] * 2 == proofs


@pytest.mark.parametrize("came_again", [False, True])
def test_a_purge_read_again_at_its_place_proves_the_same(came_again: bool) -> None:
    desk = Desk()
    desk.decide(a_claim(), "event")
    first = purge(desk)
    if came_again:
        desk.decide(a_claim(), "event")
    desk.position = 1

    assert first.changes == purge(desk).changes
