import re
from datetime import date

import pytest

from schemas.authorization import PatientReference
from schemas.claim import Payer
from streams.tokens import Tokens
from tests.streams.intake.building import FULL, PRIVATE, accepted, claim
from validators.loading import load_ruleset

PAYERS = load_ruleset().payers
TOKENS = Tokens(b"key", PAYERS, {"hum01": "Humana", "HUM02": "HUMANA"}, {"a": "north", "b": "north", "c": "south"})


def patient(tokens: Tokens = TOKENS, member_id: str = "M1", payer: str = "X", source: str = "a", **payer_fields) -> str:
    tree = claim(payer={"id": payer} | payer_fields, subscriber={"member_id": member_id}, source=source)
    return tokens.patient(accepted(tree).claim)


def person(**fields) -> str:
    return TOKENS.person(accepted(claim(**fields)).claim.who, "token")


def test_a_token_is_32_hex_characters_that_show_nothing():
    token = TOKENS.patient(accepted(FULL).claim)
    within = TOKENS.person(accepted(FULL).claim.who, token)

    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in (token, within, TOKENS.fingerprint()))
    assert [] == [private for private in PRIVATE if private in token + within]


@pytest.mark.parametrize("written", ["1EG4-TE5-MK73", "1eg4te5mk73", " 1EG4 TE5 MK73 ", "1EG4/TE5.MK73"])
def test_a_member_id_is_the_same_however_it_is_written(written):
    assert patient(member_id=written) == patient(member_id="1EG4TE5MK73")


def test_member_ids_of_punctuation_alone_are_not_one_member():
    assert len({patient(member_id=written) for written in ("-", "--", "***", "1")}) == 4


def test_aliases_join_the_payer_ids_of_one_payer_in_any_case():
    assert len({patient(payer=payer) for payer in ("HUM01", "hum01", "hum02", "HUMANA", "humana")}) == 1
    assert patient(payer="HUM03") != patient(payer="HUM01")


def test_all_ids_of_medicare_are_one_payer():
    joined = {
        patient(payer="00590", filing_indicator="MB"),
        patient(payer="12502", filing_indicator="MA"),
        patient(payer="X", line_of_business="medicare_ffs"),
        patient(payer="MEDICARE"),
    }

    assert len(joined) == 1
    assert patient(payer="H5216", filing_indicator="16") not in joined


def test_an_alias_wins_over_medicare():
    assert patient(payer="HUM01", filing_indicator="MB") == patient(payer="HUMANA")


def test_sources_of_one_tenant_share_members_and_other_tenants_do_not():
    assert patient(source="a") == patient(source="b")
    assert len({patient(source=source) for source in ("a", "c", "unlisted")}) == 3


def test_another_key_makes_other_tokens():
    other = Tokens(b"other", PAYERS)

    assert patient(other) != patient()
    assert other.fingerprint() != TOKENS.fingerprint()


def test_a_person_is_birth_date_and_first_name_of_who_was_treated():
    subscriber = {"member_id": "1", "first_name": "Ann", "birth_date": "1950-02-01"}
    twin = subscriber | {"first_name": "Bea"}

    assert person(subscriber=subscriber) == person(subscriber=subscriber | {"first_name": " ANN ", "last_name": "X"})
    assert person(subscriber=subscriber) != person(subscriber=twin)
    assert person(subscriber=subscriber) != person(subscriber=subscriber | {"birth_date": "1950-02-02"})
    assert person(subscriber=twin, patient={"first_name": "Ann", "birth_date": "1950-02-01"}) == person(
        subscriber=subscriber
    )
    assert person(subscriber={"member_id": "1"}) != person(subscriber=subscriber)


def test_a_person_of_one_member_is_not_the_same_token_under_another():
    who = accepted(FULL).claim.who

    assert TOKENS.person(who, "one") != TOKENS.person(who, "other")


def test_a_member_is_the_same_named_by_a_claim_or_by_a_fact():
    assert TOKENS.member("a", Payer(id="hum01"), "m-1") == patient(payer="HUM02", member_id="M1")


def test_a_person_is_the_same_named_by_a_claim_or_by_a_fact():
    named = PatientReference(birth_date=date(1950, 2, 1), first_name="ann")

    assert TOKENS.person(named, "token") == person(
        subscriber={"member_id": "1", "first_name": "Ann", "birth_date": "1950-02-01"}
    )
