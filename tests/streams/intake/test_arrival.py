from dataclasses import replace
from datetime import date

import pytest

from schemas.authorization import Authorization, PatientReference
from schemas.encounter import Encounter
from streams.intake.arrival import Circumstances, arrive, arrive_fact, event_id
from streams.intake.items import ReadFact, Span
from streams.tokens import Tokens
from tests.streams.intake.building import accepted, claim
from validators.loading import load_ruleset

TOKENS = Tokens(b"key", load_ruleset().payers)
DAYS = [date(2026, 6, day) for day in range(1, 7)]


def test_a_claim_is_dated_by_the_first_that_knows():
    record, header, original, bht, flag, broker = DAYS
    item = replace(accepted(claim(received_on=str(record))), received_on=bht)
    known = {"stated_on": header, "original_on": original, "as_of": flag, "fallback_on": broker}
    dated = []
    for gone in ("claim", "stated_on", "original_on", "bht", "as_of", "fallback_on", ""):
        dated.append(arrive(item, Circumstances("a", **known), TOKENS).claim.received_on)
        if gone == "claim":
            item = replace(item, claim=item.claim.model_copy(update={"received_on": None}))
        elif gone == "bht":
            item = replace(item, received_on=None)
        elif gone:
            known[gone] = None

    assert dated == [*DAYS, None]


@pytest.mark.parametrize(
    ("of_circumstances", "of_claim", "expected"),
    [("a", "b", "a"), (None, "b", "b"), (None, None, "default"), ("", "b", "b"), (None, " ", "default")],
)
def test_the_source_is_that_of_the_circumstances_then_the_claims_own(of_circumstances, of_claim, expected):
    item = accepted(claim(**({"source": of_claim} if of_claim is not None else {})))

    assert arrive(item, Circumstances(of_circumstances), TOKENS).claim.source == expected


def test_equal_bytes_of_one_source_are_one_event_and_of_another_are_not():
    item = accepted(claim())
    first, again, other = (arrive(item, Circumstances(source), TOKENS).event_id for source in ("a", "a", "b"))

    assert first == again
    assert first != other
    assert len(first) == 64


def test_one_byte_more_is_another_event():
    assert event_id("a", (b"x",)) != event_id("a", (b"x ",))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", (b"b",)), ("ab", ())),
        (("a", (b"bc", b"d")), ("a", (b"b", b"cd"))),
        (("a", (b"",)), ("a", ())),
        (("a", (b"1:b",)), ("a", (b"", b"b"))),
    ],
)
def test_parts_of_an_identity_do_not_run_into_each_other(one, other):
    assert event_id(*one) != event_id(*other)


def test_an_arrival_carries_the_tokens_of_its_patient():
    arrived = arrive(accepted(claim()), Circumstances("a"), TOKENS)

    assert arrived.patient_token == TOKENS.patient(arrived.claim)
    assert arrived.person == TOKENS.person(arrived.claim.who, arrived.patient_token)


def fact(kind=Authorization, **fields) -> ReadFact:
    """A fact of the member of the smallest claim."""
    whose = {"payer_id": "MEDICARE", "member_id": "1EG4-TE5-MK73"}
    own = {"authorization_number": "A1", "status": "approved"} if kind is Authorization else {"service_date": DAYS[0]}
    return ReadFact(kind(**whose | own | fields), (b"bytes",), Span(0, 5))


@pytest.mark.parametrize("kind", [Authorization, Encounter])
def test_a_fact_arrives_at_the_member_of_a_claim(kind):
    of_claim = arrive(accepted(claim()), Circumstances("a"), TOKENS)
    arrived = arrive_fact(fact(kind), Circumstances("a"), TOKENS)

    assert arrived.patient_token == of_claim.patient_token
    assert arrived.person == ""
    assert arrived.event_id == event_id("a", (b"bytes",))


def test_a_fact_of_no_source_is_of_the_default_one():
    assert arrive_fact(fact(), Circumstances(None), TOKENS).event_id == event_id("default", (b"bytes",))


def test_a_fact_of_a_person_arrives_at_that_person():
    who = {"member_id": "1EG4TE5MK73", "first_name": "Ann", "birth_date": "1950-02-01"}
    of_claim = arrive(accepted(claim(subscriber=who)), Circumstances("a"), TOKENS)
    same = fact(patient=PatientReference(first_name="ANN", birth_date=date(1950, 2, 1)))
    other = fact(patient=PatientReference(first_name="BEA", birth_date=date(1950, 2, 1)))

    assert arrive_fact(same, Circumstances("a"), TOKENS).person == of_claim.person
    assert arrive_fact(other, Circumstances("a"), TOKENS).person not in ("", of_claim.person)


@pytest.mark.parametrize(("first_name", "birth_date", "of_anyone"), [
    (None, None, True), (" ", None, True), ("ANN", None, False), (None, date(1950, 2, 1), False)
])  # fmt: skip
def test_a_patient_without_birth_date_and_name_is_any_person(first_name, birth_date, of_anyone):
    who = PatientReference(first_name=first_name, birth_date=birth_date)
    arrived = arrive_fact(fact(patient=who), Circumstances("a"), TOKENS)

    assert (arrived.person == "") is of_anyone


@pytest.mark.parametrize(("program", "together"), [("wiser", True), ("opd", True), ("plan", False), (None, False)])
def test_an_authorization_of_a_medicare_program_meets_the_claims_of_the_member(program, together):
    claimed = accepted(claim(payer={"id": "12345", "filing_indicator": "MB"})).claim
    member = claimed.subscriber.member_id
    fact = Authorization(
        authorization_number="A1", payer_id="12345", member_id=member, status="approved", program=program
    )
    arrived = arrive_fact(ReadFact(fact, (b"",), Span(0, 0)), Circumstances(None), TOKENS)

    assert together == (arrived.patient_token == TOKENS.patient(claimed))
