from collections.abc import Callable
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from streams.state.patient import Entry, KnownEvent, Patient, Patients
from validators.facts import NOTHING_KNOWN, AuthorizationFacts, EncounterFacts, Facts
from validators.history import PastClaim, PastLine

DAY = date(2026, 6, 15)
PERSON = "person"


def entry(position: int, *, frequency_code: str = "1", claim_ref: str | None = None, kept: bool = True) -> Entry:
    event_id = f"event-{position}"
    claim = PastClaim(
        event_id=event_id,
        position=position,
        claim_type="professional",
        role="professional",
        source="default",
        billing_npi="1234567893",
        claim_ref=claim_ref or f"ref-{position}",
        original_ref=None,
        frequency_code=frequency_code,
        in_scope=True,
        lines=(PastLine("62323", frozenset(), DAY, "1234567893"),),
    )
    return Entry(event_id, KnownEvent(position, DAY), PERSON, claim if kept else None)


def patient_of(*entries: Entry) -> Patient:
    patient = Patient()
    for each in entries:
        patient.add(each)
    return patient


def active(patient: Patient, before: int) -> set[str]:
    return set(patient.history(PERSON, before).active)


def test_a_claim_sees_what_came_before_its_position() -> None:
    patient = patient_of(entry(0), entry(3), entry(7))

    assert set() == active(patient, 0)
    assert {"event-0"} == active(patient, 3)
    assert {"event-0", "event-3"} == active(patient, 4)
    assert {"event-0", "event-3", "event-7"} == active(patient, 8)


def test_a_void_counts_from_its_position_on() -> None:
    patient = patient_of(entry(0, claim_ref="ref"), entry(1, claim_ref="ref", frequency_code="8"))

    assert {"event-0"} == active(patient, 1)
    assert set() == active(patient, 2)


def test_asking_for_the_past_changes_nothing() -> None:
    patient = patient_of(entry(0), entry(1))

    assert active(patient, 2) == (active(patient, 1) | {"event-1"}) == active(patient, 2)


def test_a_person_nobody_met_has_an_empty_history() -> None:
    assert {} == Patient().history("nobody", 9).active
    assert {} == patient_of(entry(0)).history("nobody", 9).active


def test_an_event_is_known_after_its_position() -> None:
    patient = patient_of(entry(3, kept=False))

    assert patient.known("event-3", 3) is None
    assert KnownEvent(3, DAY) == patient.known("event-3", 4)
    assert patient.known("event-4", 9) is None


def test_what_later_rules_never_read_is_known_and_no_more() -> None:
    patient = patient_of(entry(3, kept=False))

    assert {} == patient.persons
    assert {"event-3"} == set(patient.events)


@given(st.permutations(range(6)), st.lists(st.sampled_from(["1", "7", "8"]), min_size=6, max_size=6))
def test_entries_in_any_order_and_twice_make_one_state(order: list[int], codes: list[str]) -> None:
    entries = [entry(position, frequency_code=codes[position], claim_ref="ref") for position in range(6)]
    straight = patient_of(*entries)
    mixed = patient_of(*(entries[position] for position in order), *entries)

    assert straight == mixed
    for before in range(8):
        assert straight.history(PERSON, before) == mixed.history(PERSON, before)


def test_members_are_kept_apart_and_all_events_counted() -> None:
    patients = Patients()
    patients.add("a", entry(0))
    patients.add("a", entry(1, kept=False))
    patients.add("b", entry(2))

    assert 3 == patients.events()
    assert {"event-0"} == active(patients.of("a"), 9)
    assert {"event-2"} == active(patients.of("b"), 9)


def test_reading_a_member_nobody_met_leaves_no_trace() -> None:
    patients = Patients()

    assert Patient() == patients.of("nobody")
    assert {} == patients.by_token


def authorization(position: int, number: str = "A1", person: str = "") -> Entry:
    facts = AuthorizationFacts(number, "approved", None, DAY, frozenset({"62323"}), position, "prior_authorization")
    return Entry(f"event-{position}", KnownEvent(position, None), person, authorization=facts)


def encounter(position: int, person: str = "") -> Entry:
    facts = EncounterFacts(
        service_date=DAY,
        procedure_code=None,
        approach="caudal",
        levels=("caudal",),
        guidance="ct",
        contrast_used=True,
        contrast_exception=None,
        purpose=None,
    )
    return Entry(f"event-{position}", KnownEvent(position, None), person, encounter=facts)


def positions(facts: Facts) -> list[int | None]:
    return [each.version for each in facts.authorizations]


def test_a_claim_sees_the_facts_that_came_before_its_position() -> None:
    patient = patient_of(authorization(0), encounter(1), authorization(3))

    assert Facts() == patient.facts_of(PERSON, 0)
    assert ([0], 0) == (positions(patient.facts_of(PERSON, 1)), len(patient.facts_of(PERSON, 1).encounters))
    assert ([0], 1) == (positions(patient.facts_of(PERSON, 3)), len(patient.facts_of(PERSON, 3).encounters))
    assert [0, 3] == positions(patient.facts_of(PERSON, 4))


def test_a_fact_of_a_person_is_seen_by_that_person_alone_and_one_of_nobody_by_all() -> None:
    patient = patient_of(authorization(0, person=PERSON), authorization(1, person="other"), authorization(2))

    assert [0, 2] == positions(patient.facts_of(PERSON, 9))
    assert [1, 2] == positions(patient.facts_of("other", 9))
    assert [2] == positions(patient.facts_of("nobody", 9))


def test_of_a_member_without_facts_nothing_is_known() -> None:
    assert NOTHING_KNOWN == Patient().facts_of(PERSON, 9) == patient_of(entry(0)).facts_of(PERSON, 9)


def test_facts_are_no_history() -> None:
    patient = patient_of(authorization(0), encounter(1))

    assert {} == patient.persons
    assert {"event-0", "event-1"} == set(patient.events)


@given(st.permutations(range(6)), st.lists(st.sampled_from([authorization, encounter, entry]), min_size=6, max_size=6))
def test_facts_in_any_order_and_twice_make_one_state(order: list[int], kinds: list[Callable[[int], Entry]]) -> None:
    entries = [kind(position) for position, kind in enumerate(kinds)]
    straight = patient_of(*entries)
    mixed = patient_of(*(entries[position] for position in order), *entries)

    assert straight == mixed
    for before in range(8):
        assert straight.facts_of(PERSON, before) == mixed.facts_of(PERSON, before)
