from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.state.entry import Entry
from streams.state.patient import Patient
from tests.streams.state.building import (
    OTHER,
    PERSON,
    after,
    authorized,
    claimed,
    met,
    met_again,
    moment,
    named,
    purged,
    treated,
)
from tests.validators.building import DAY
from validators.facts import NOTHING_KNOWN, Facts
from validators.ruleset import StateTerms

TERMS = StateTerms(look_back_months=2, revision_days=10)
SEEN_SINCE, MET_SINCE = date(2026, 4, 20), date(2026, 6, 10)
"""What DAY looks back to under these terms."""


def patient_of(*entries: Entry, terms: StateTerms = TERMS) -> Patient:
    patient = Patient(terms)
    for each in entries:
        patient.put(each)
    return patient


def active(patient: Patient, before: int, arrived_on: date = DAY, person: str = PERSON) -> list[int]:
    """The positions of the claims that count."""
    return [past.position for past in patient.history(person, moment(before, arrived_on)).active.values()]


def reopened(patient: Patient, before: int, arrived_on: date = DAY, person: str = PERSON) -> list[int]:
    return [entry.position for entry, _, _ in patient.reopened(person, moment(before, arrived_on))]


def known(patient: Patient, position: int, before: int, arrived_on: date = DAY) -> bool:
    return patient.known(named(position), moment(before, arrived_on)) is not None


def facts(patient: Patient, before: int, arrived_on: date = DAY, person: str = PERSON) -> tuple[list[int], list[int]]:
    """The positions of authorizations and of encounters, as the builders write them."""
    found = patient.facts(person, moment(before, arrived_on))
    return [a.version for a in found.authorizations], [e.image_views for e in found.encounters]  # type: ignore[misc]


def test_a_claim_sees_what_came_before_its_position() -> None:
    patient = patient_of(claimed(0), claimed(3), claimed(7))

    assert [] == active(patient, 0)
    assert [0] == active(patient, 3)
    assert [0, 3] == active(patient, 4)
    assert [0, 3, 7] == active(patient, 8)


def test_a_void_counts_from_its_position_on() -> None:
    reference = "c" * 32
    patient = patient_of(
        claimed(0, claim_ref=reference), claimed(1, claim_ref=reference, frequency_code="8"), claimed(2)
    )

    assert [0] == active(patient, 1)
    assert [] == active(patient, 2)
    assert [2] == active(patient, 3)


def test_asking_for_the_past_changes_nothing() -> None:
    patient = patient_of(claimed(0), claimed(1))

    assert [0, 1] == active(patient, 2)
    assert [0] == active(patient, 1)
    assert [0, 1] == active(patient, 2)


def test_a_claim_is_seen_by_what_arrives_up_to_the_look_back_after_it_and_by_nothing_later() -> None:
    day_before = date.fromordinal(SEEN_SINCE.toordinal() - 1)

    assert [0, 1] == active(patient_of(claimed(0, SEEN_SINCE), claimed(1)), 2)
    assert [1] == active(patient_of(claimed(0, day_before), claimed(1)), 2)
    assert [0, 1] == active(patient_of(claimed(0, day_before), claimed(1)), 2, day_before)


def test_a_change_of_a_claim_that_is_not_seen_any_more_finds_none() -> None:
    reference, long_ago = "c" * 32, date(2026, 1, 1)
    void = claimed(1, claim_ref=reference, frequency_code="8")
    history = patient_of(claimed(0, long_ago, claim_ref=reference), void).history(PERSON, moment(2))

    assert {named(1)} == set(history.waiting)


def test_a_person_nobody_met_has_an_empty_history() -> None:
    assert [] == active(Patient(TERMS), 9)
    assert [] == active(patient_of(claimed(0)), 9, person=OTHER)


def test_persons_of_a_member_are_kept_apart() -> None:
    patient = patient_of(claimed(0), claimed(1, person=OTHER))

    assert [0] == active(patient, 9)
    assert [1] == active(patient, 9, person=OTHER)


def test_an_event_is_known_after_its_position() -> None:
    patient = patient_of(met(3))

    assert not known(patient, 3, 3)
    assert known(patient, 3, 4)
    assert met(3) == patient.known(named(3), moment(4))
    assert not known(patient, 4, 9)


@pytest.mark.parametrize(
    ("build", "since"), [(met, MET_SINCE), (claimed, SEEN_SINCE), (authorized, SEEN_SINCE), (treated, SEEN_SINCE)]
)
def test_an_event_is_known_for_as_long_as_it_is_seen_and_one_that_was_only_met_for_the_revision_days(
    build: Callable[..., Entry], since: date
) -> None:
    day_before = date.fromordinal(since.toordinal() - 1)

    assert known(patient_of(build(3, since)), 3, 4)
    assert not known(patient_of(build(3, day_before)), 3, 4)


def test_what_later_rules_never_read_is_known_and_no_more() -> None:
    patient = patient_of(met(3))

    assert {named(3)} == set(patient.entries)
    assert [] == active(patient, 9)
    assert ([], []) == facts(patient, 9)
    assert [] == reopened(patient, 9)


@given(st.permutations(range(6)), st.lists(st.sampled_from(["1", "7", "8"]), min_size=6, max_size=6))
def test_entries_in_any_order_and_twice_make_one_state(order: list[int], codes: list[str]) -> None:
    entries = [claimed(position, frequency_code=codes[position], claim_ref="c" * 32) for position in range(6)]
    straight = patient_of(*entries)
    mixed = patient_of(*(entries[position] for position in order), *entries)

    for before in range(8):
        assert straight.history(PERSON, moment(before)) == mixed.history(PERSON, moment(before))


def test_a_claim_sees_the_facts_that_came_before_its_position_in_their_order() -> None:
    patient = patient_of(authorized(3), treated(1), authorized(0))

    assert ([], []) == facts(patient, 0)
    assert ([0], []) == facts(patient, 1)
    assert ([0], [1]) == facts(patient, 3)
    assert ([0, 3], [1]) == facts(patient, 4)


def test_a_fact_of_a_person_is_seen_by_that_person_alone_and_one_of_nobody_by_all() -> None:
    patient = patient_of(authorized(0, person=PERSON), authorized(1, person=OTHER), authorized(2))

    assert ([0, 2], []) == facts(patient, 9)
    assert ([1, 2], []) == facts(patient, 9, person=OTHER)
    assert ([2], []) == facts(patient, 9, person="c" * 32)


def test_a_fact_is_seen_by_what_arrives_up_to_the_look_back_after_it_and_by_nothing_later() -> None:
    day_before = date.fromordinal(SEEN_SINCE.toordinal() - 1)
    patient = patient_of(authorized(0, day_before), treated(1, SEEN_SINCE), authorized(2))

    assert ([2], [1]) == facts(patient, 9)
    assert ([0, 2], [1]) == facts(patient, 9, day_before)


def test_facts_may_be_asked_for_from_another_day_on() -> None:
    patient = patient_of(authorized(0, after(-1)), authorized(1))

    assert (1,) == tuple(a.version for a in patient.facts(PERSON, moment(9), DAY).authorizations)
    assert ([0, 1], []) == facts(patient, 9)


def test_of_a_member_without_facts_nothing_is_known() -> None:
    assert NOTHING_KNOWN == Patient(TERMS).facts(PERSON, moment(9)) == patient_of(claimed(0)).facts(PERSON, moment(9))
    assert Facts() == patient_of(authorized(0)).facts(PERSON, moment(0))


def test_facts_are_no_history() -> None:
    patient = patient_of(authorized(0), treated(1))

    assert [] == active(patient, 9)
    assert [named(0), named(1)] == list(patient.entries)


@given(st.permutations(range(6)), st.lists(st.sampled_from([authorized, treated, claimed]), min_size=6, max_size=6))
def test_facts_in_any_order_and_twice_make_one_state(order: list[int], kinds: list[Callable[[int], Entry]]) -> None:
    entries = [kind(position) for position, kind in enumerate(kinds)]
    straight = patient_of(*entries)
    mixed = patient_of(*(entries[position] for position in order), *entries)

    for before in range(8):
        assert straight.facts(PERSON, moment(before)) == mixed.facts(PERSON, moment(before))


def test_a_claim_may_be_decided_anew_by_what_arrives_up_to_the_revision_days_after_it_and_by_nothing_later() -> None:
    day_before = date.fromordinal(MET_SINCE.toordinal() - 1)
    patient = patient_of(claimed(0, MET_SINCE, redecidable=True), claimed(1, day_before, redecidable=True))

    assert [0] == reopened(patient, 2)
    assert [0, 1] == reopened(patient, 2, day_before)


def test_only_claims_before_a_moment_that_were_kept_for_it_may_be_decided_anew() -> None:
    patient = patient_of(
        claimed(5, redecidable=True), claimed(3, redecidable=True), claimed(4), met(1), authorized(2), treated(0)
    )

    assert [3, 5] == reopened(patient, 6)
    assert [3] == reopened(patient, 5)
    assert [] == reopened(patient, 3)


def test_the_claims_of_one_person_or_of_all_may_be_decided_anew() -> None:
    patient = patient_of(
        claimed(5, redecidable=True), claimed(3, redecidable=True, person=OTHER), claimed(4, redecidable=True)
    )

    assert [4, 5] == reopened(patient, 6)
    assert [3] == reopened(patient, 6, person=OTHER)
    assert [] == reopened(patient, 6, person="c" * 32)
    assert [3, 4, 5] == reopened(patient, 6, person="")


def test_behind_a_purge_nothing_before_it_is_seen_and_before_it_all_of_it() -> None:
    patient = patient_of(
        claimed(0, redecidable=True), authorized(1), treated(2), met(3), purged(4), claimed(5), authorized(6)
    )

    assert [5] == active(patient, 9)
    assert ([6], []) == facts(patient, 9)
    assert [] == reopened(patient, 9)
    assert not any(known(patient, position, 9) for position in range(4))
    assert known(patient, 5, 9)

    assert [0] == active(patient, 4)
    assert ([1], [2]) == facts(patient, 4)
    assert [0] == reopened(patient, 4)
    assert all(known(patient, position, 4) for position in range(4))


def test_of_several_purges_the_last_before_a_moment_hides_what_stands_before_it() -> None:
    patient = patient_of(purged(5), claimed(0), claimed(3), purged(2), claimed(6))

    assert [[0], [3], [3], [], [6]] == [active(patient, before) for before in (2, 4, 5, 6, 7)]


def test_a_purge_is_known_for_ever() -> None:
    patient = patient_of(purged(1, date(2001, 1, 1)), purged(3))

    assert known(patient, 1, 9)
    assert not known(patient, 1, 1)


def test_a_purge_takes_away_what_could_still_be_seen_or_known_again() -> None:
    long_ago = date(2026, 1, 1)
    patient = patient_of(
        claimed(0), purged(1), claimed(2, long_ago), met(3, long_ago), met(4), authorized(5), treated(6), claimed(7)
    )

    assert [4, 5, 6] == [entry.position for entry in patient.purged_at(moment(7))]
    assert [0] == [entry.position for entry in patient.purged_at(moment(1))]


def test_what_a_purge_has_hidden_can_be_taken_out_and_its_proof_stays() -> None:
    patient = patient_of(claimed(0), authorized(1), purged(2), met(3), purged(5), claimed(6))

    assert dict.fromkeys((named(0), named(1), named(3))) == patient.behind_last_purge()
    assert {} == patient_of(claimed(0)).behind_last_purge()


def test_of_what_came_again_behind_a_purge_that_alone_stays() -> None:
    again = met_again(claimed(0), 3)
    patient = patient_of(met_again(again, 5), purged(2), purged(4), claimed(6))

    assert {named(0): met_again(again, 5)._replace(earlier=None)} == patient.behind_last_purge()
    assert [[0], [3], [5, 6]] == [active(patient, before) for before in (2, 4, 7)]


LONG_AGO, BETWEEN = date(2026, 4, 19), date(2026, 4, 20)
"""Days of which DAY sees the second alone; each of them sees both."""


def test_what_was_decided_before_an_event_came_again_sees_it_where_it_stood_then() -> None:
    patient = patient_of(met_again(claimed(0, LONG_AGO), 5), claimed(2, BETWEEN))

    assert [0, 2] == active(patient, 3, BETWEEN)
    assert [2] == active(patient, 5)
    assert [2, 5] == active(patient, 6)


@pytest.mark.parametrize("build", [authorized, treated])
def test_facts_that_came_again_are_seen_where_they_stood_at_the_time(build: Callable[..., Entry]) -> None:
    patient = patient_of(met_again(build(0, LONG_AGO), 5), build(2, BETWEEN))

    def seen(before: int, arrived_on: date) -> list[int]:
        return [number for numbers in facts(patient, before, arrived_on) for number in numbers]

    assert [0, 2] == seen(3, BETWEEN)
    assert [2] == seen(5, DAY)
    assert [2, 0] == seen(6, DAY)


def test_an_event_that_came_again_is_known_as_of_the_last_time_that_is_not_forgotten() -> None:
    first = claimed(0, LONG_AGO)
    second = met_again(first, 5)
    patient = patient_of(second)

    assert [None, first, None, second] == [
        patient.known(named(0), moment(before, day)) for before, day in ((0, DAY), (5, BETWEEN), (5, DAY), (6, DAY))
    ]


def test_an_event_of_which_less_was_kept_when_it_came_again_is_known_as_of_each_time() -> None:
    first = claimed(0, LONG_AGO)
    second = met_again(first, 5)._replace(claim=None)
    patient = patient_of(second)

    assert (first, second) == (patient.known(named(0), moment(5, BETWEEN)), patient.known(named(0), moment(6)))
    assert ([0], []) == (active(patient, 5, BETWEEN), active(patient, 6))
    patient.remove(named(0))
    assert [] == active(patient, 5, BETWEEN)


def test_a_claim_may_be_decided_anew_where_it_stood_at_the_time() -> None:
    patient = patient_of(met_again(claimed(0, LONG_AGO, redecidable=True), 5))

    assert [0] == reopened(patient, 3, BETWEEN)
    assert [0] == reopened(patient, 5, BETWEEN)
    assert [5] == reopened(patient, 6)


def test_an_event_that_is_seen_twice_counts_once_where_it_was_met_last() -> None:
    # What arrives a little before the event came again, and stands behind that, still sees the first time too.
    both = met_again(claimed(0, LONG_AGO), 2)
    patients = [patient_of(*entries) for entries in ((both, claimed(1), claimed(3)), (claimed(1), claimed(3), both))]

    assert [[1, 2, 3]] * 2 == [active(patient, 9, LONG_AGO) for patient in patients]
    assert [[0, 1]] * 2 == [active(patient, 2, LONG_AGO) for patient in patients]
    assert [[1, 2, 3]] * 2 == [active(patient, 9) for patient in patients]


def test_entries_are_made_whole_with_what_their_events_left_elsewhere() -> None:
    first, other = claimed(0, LONG_AGO, redecidable=True), authorized(1)
    second = met_again(first, 5)
    revised = claimed(0, LONG_AGO)

    assert [other, second] == patient_of(first).whole([other, second._replace(earlier=None)])
    assert [second._replace(earlier=revised)] == patient_of(second).whole([revised])
    assert [met_again(revised, 5)] == patient_of(second).whole([revised, met_again(revised, 5)])


def test_an_entry_put_again_replaces_the_one_there_was() -> None:
    patient = patient_of(claimed(0, redecidable=True), claimed(1))
    patient.put(claimed(0))

    assert [0, 1] == active(patient, 9)
    assert [] == reopened(patient, 9)


def test_an_event_that_moves_counts_where_it_stands_now() -> None:
    patient = patient_of(claimed(0), claimed(1))
    patient.put(claimed(0)._replace(moment=moment(5), claim=claimed(0).claim._replace(position=5)))  # type: ignore[union-attr]

    assert [1] == active(patient, 5)
    assert [1, 5] == active(patient, 6)


@pytest.mark.parametrize("build", [met, claimed, authorized, treated, purged])
def test_what_is_removed_is_as_if_it_had_never_been(build: Callable[[int], Entry]) -> None:
    others = (claimed(0), authorized(1), treated(2), claimed(3, person=OTHER), purged(4))
    patient = patient_of(*others, build(5))
    patient.remove(named(5))

    for before in range(9):
        for person in (PERSON, OTHER):
            assert patient_of(*others).history(person, moment(before)) == patient.history(person, moment(before))
            assert patient_of(*others).facts(person, moment(before)) == patient.facts(person, moment(before))
        assert not known(patient, 5, before)
        assert reopened(patient_of(*others), before) == reopened(patient, before)


def test_a_void_that_is_removed_gives_back_what_it_took_out() -> None:
    reference = "c" * 32
    patient = patient_of(claimed(0, claim_ref=reference), claimed(1, claim_ref=reference, frequency_code="8"))
    patient.remove(named(1))

    assert [0] == active(patient, 9)
    patient.remove(named(0))
    assert [] == active(patient, 9)


@given(
    st.lists(
        st.tuples(st.sampled_from([met, claimed, authorized, treated]), st.integers(-80, 0)), min_size=1, max_size=6
    ),
    st.integers(0, 7),
    st.integers(-80, 0),
)
def test_a_moment_sees_the_same_whether_what_it_cannot_see_is_there_or_not(
    given_entries: list[tuple[Callable[..., Entry], int]], before: int, days: int
) -> None:
    entries = [build(position, after(offset)) for position, (build, offset) in enumerate(given_entries)]
    now = after(days)
    whole = patient_of(*entries)
    seen = patient_of(*(entry for entry in entries if known(whole, entry.position, before, now)))

    assert active(whole, before, now) == active(seen, before, now)
    assert facts(whole, before, now) == facts(seen, before, now)
    assert whole.history(PERSON, moment(before, now)) == seen.history(PERSON, moment(before, now))
