import json
from typing import Any

import pytest

from schemas.authorization import Authorization
from schemas.claim import Claim
from schemas.encounter import Encounter
from streams.codes_only import UNSAID, codes_only_claim, codes_only_fact
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


FREE_TEXT: list[dict[str, Any]] = [
    {"pain_scale": SECRET},
    {"follow_up_scale": SECRET},
    {"contraindications": ["bleeding_disorder", SECRET]},
    {"not_documented": ["guidance", SECRET]},
    {"drugs": [{"name": SECRET, "milligrams": "40"}, {"name": None}]},
    {"conservative_care": {"kinds": [SECRET, "NSAIDs"], "exception": SECRET}},
    {"imaging": {"kind": SECRET}},
    {"anticoagulant": {"taken": True, "plan": SECRET}},
    {"procedure_code": SECRET},
    {"patient": {"first_name": SECRET}},
    {"member_id": SECRET},
    {"payer_id": SECRET},
]


@pytest.mark.parametrize("said", FREE_TEXT, ids=lambda said: next(iter(said)))
def test_free_text_of_an_encounter_reaches_no_state_and_the_rest_of_it_does(said: dict[str, Any]) -> None:
    desk = Desk()
    desk.note(an_encounter(a_claim(), guidance="ct", **said))
    (value,) = desk.changelog.values()

    assert value is not None
    assert SECRET.encode() not in value.upper()
    assert b'"guidance":"ct"' in value
    assert b"MEDICARE" not in value


def test_words_that_rules_know_stay_as_they_are_in_small_letters() -> None:
    said: dict[str, Any] = {
        "pain_scale": "NRS",
        "follow_up_scale": "vas",
        "contraindications": ["Bleeding_Disorder"],
        "not_documented": ["guidance", "image_views"],
        "drugs": [{"name": "Triamcinolone", "milligrams": "40"}],
        "conservative_care": {"weeks": 6, "kinds": ["Physical Therapy"], "exception": None},
        "imaging": {"kind": "MRI"},
        "anticoagulant": {"taken": False, "plan": None},
    }
    kept = codes_only_fact(an_encounter(a_claim(), **said), TOKEN)
    lowered = an_encounter(a_claim(), **json.loads(json.dumps(said).lower()))

    assert lowered.model_copy(update={"payer_id": UNSAID, "member_id": UNSAID}) == kept


@pytest.mark.parametrize("empty", [None, "", []])
def test_what_an_encounter_does_not_say_stays_unsaid(empty: object) -> None:
    names = ("contraindications", "not_documented", "drugs") if empty == [] else ("pain_scale", "follow_up_scale")
    said = an_encounter(a_claim(), **dict.fromkeys(names, empty))

    assert codes_only_fact(said, TOKEN) == said.model_copy(update={"payer_id": UNSAID, "member_id": UNSAID})


def test_equal_free_texts_are_equal_tokens_within_a_member_and_others_elsewhere() -> None:
    one = an_encounter(a_claim(), pain_scale=SECRET, follow_up_scale=SECRET.lower())
    here, there = codes_only_fact(one, TOKEN), codes_only_fact(one, OTHER_TOKEN)

    assert isinstance(here, Encounter)
    assert isinstance(there, Encounter)
    assert here.pain_scale == here.follow_up_scale
    assert here.pain_scale != there.pain_scale


def test_an_authorization_keeps_what_it_grants_and_not_whom() -> None:
    said: dict[str, Any] = {
        "decided_on": "2026-06-01",
        "valid_from": "2026-06-01",
        "valid_to": "2026-09-28",
        "services": [{"procedure_code": "64483", "units": "1"}],
        "rendering_npi": "1245319599",
        "facility_npi": SECRET,
        "visits": 1,
        "program": "wiser",
        "version": 2,
    }
    whose = {"member_id": SECRET, "payer_id": SECRET, "patient": {"first_name": SECRET}}
    grant = an_authorization(a_claim(), **said, **whose)
    kept = codes_only_fact(grant, TOKEN)
    nobody = {"member_id": UNSAID, "payer_id": UNSAID, "patient": None, "facility_npi": kept.facility_npi}  # type: ignore[union-attr]

    assert grant.model_copy(update=nobody) == kept
    assert SECRET not in kept.model_dump_json().upper()


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
