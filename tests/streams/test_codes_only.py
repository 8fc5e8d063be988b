from typing import Any

import pytest

from schemas.authorization import Authorization
from schemas.claim import Claim
from schemas.encounter import Encounter
from streams.codes_only import codes_only_claim, codes_only_fact
from streams.state.claim_body import body_of, claim_of
from tests.validators.building import Desk, a_claim, an_authorization, an_encounter, line
from validators.decide import decision_bytes

SECRET = "QUACKENBUSH"
TOKEN, OTHER_TOKEN = "0" * 32, "1" * 32


def odd(**changes: Any) -> Claim:
    """A claim with a name in the place of every code."""
    who = {"npi": SECRET, "address": {"state": "FL"}}
    lines = [line("62323", modifiers=[SECRET]), line(SECRET, rendering_provider={"npi": SECRET})]
    return a_claim(
        billing_provider=who,
        rendering_provider=who,
        frequency_code=SECRET,
        diagnoses=[{"code": SECRET}, {"code": "M54.16"}],
        service_lines=lines,
        **changes,
    )


def test_a_claim_of_codes_is_itself() -> None:
    claim = a_claim()

    assert codes_only_claim(claim, TOKEN) is claim


def test_a_code_that_is_merely_wrong_stays_for_people_to_see() -> None:
    claim = a_claim(diagnoses=[{"code": "722.52"}], service_lines=[line("6232", modifiers=["5", "59X"])])

    assert codes_only_claim(claim, TOKEN) is claim


def test_a_name_in_the_place_of_a_code_is_a_token_wherever_rules_and_state_read_one() -> None:
    claim = codes_only_claim(odd(), TOKEN)

    assert SECRET not in claim.model_dump_json().upper()
    assert "62323" == claim.service_lines[0].procedure_code
    assert "M5416" == claim.diagnoses[1].code


def test_equal_names_are_equal_tokens_within_a_member_and_others_elsewhere() -> None:
    claim, again, another = (codes_only_claim(odd(), token) for token in (TOKEN, TOKEN, OTHER_TOKEN))

    assert claim == again
    assert claim.billing_provider.npi == claim.service_lines[1].rendering_provider.npi
    assert claim.billing_provider.npi != another.billing_provider.npi


@pytest.mark.parametrize("build", [an_authorization, an_encounter])
def test_a_name_in_the_place_of_a_code_of_a_fact_is_a_token(build) -> None:
    given = {"services": [{"procedure_code": SECRET}]} if build is an_authorization else {"procedure_code": SECRET}
    fact: Authorization | Encounter = build(a_claim(), **given)

    assert SECRET not in codes_only_fact(fact, TOKEN).model_dump_json().upper()


def test_no_decision_shows_what_stands_in_the_place_of_a_code() -> None:
    desk = Desk()
    claim = odd(
        authorizations=[{"number": "A1"}],
        payer={"id": "EXCIGNA", "filing_indicator": "CI", "line_of_business": "commercial"},
    )
    desk.note(an_authorization(claim, services=[{"procedure_code": SECRET}], authorization_number="A1"))

    decided = desk.decide(claim)

    assert "AUTH-09" in decided.decision.checks.fail
    assert SECRET.encode() not in decision_bytes(decided.decision).upper()


def test_what_state_gives_back_of_odd_records_is_what_was_judged_at_first() -> None:
    claim = codes_only_claim(odd(), TOKEN)
    facts = [
        codes_only_fact(
            an_authorization(a_claim(), services=[{"procedure_code": SECRET}], rendering_npi=SECRET), TOKEN
        ),
        codes_only_fact(an_encounter(a_claim(), procedure_code=SECRET, pain_scale=SECRET), TOKEN),
    ]
    written = [fact.model_dump_json(exclude_defaults=True) for fact in facts]
    again = [type(fact).model_validate_json(text) for fact, text in zip(facts, written, strict=True)]

    assert facts == again
    assert claim.service_lines == claim_of(body_of(claim)).service_lines
    assert claim.diagnoses == claim_of(body_of(claim)).diagnoses
