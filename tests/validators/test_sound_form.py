from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.claim import Claim
from tests.validators.building import a_claim, line, ruleset
from tests.validators.strategies import claims
from validators.claim.sound import sound_form
from validators.context import Context, Event
from validators.engine import evaluate
from validators.parameters import DatedValue, Parameter
from validators.ruleset import Ruleset

EVENT = Event("e", 0, str)
NPI = "1728394051"
TWELVE = [{"code": f"M{number:04}"} for number in range(12)]
CHILD = {"birth_date": "2008-06-15"}

# Each is sound by itself, and most are near the bound of a rule.
SOUND: tuple[dict[str, Any], ...] = (
    {},
    {"frequency_code": "7", "original_reference": "ICN1"},
    {"diagnoses": TWELVE, "service_lines": [line("62323", diagnosis_pointers=[1, 12, 12, 2])]},
    {"service_lines": [line("62323", diagnosis_pointers=[])]},
    {"service_lines": [line("62323", "59", "KX", "GA", "CR")]},
    {"service_lines": [line("64483", line_number=3), line("64484", line_number=5)]},
    {"service_lines": [line("62323", line_number=0, units="0.1", charge="0.01")]},
    {"received_on": "2026-06-15", "service_lines": [line("62323", service_date_to="2026-06-15")]},
    {"received_on": "2026-06-16", "service_lines": [line("62323", service_date_to="2026-06-16")]},
    {"subscriber": {"birth_date": "2026-06-15"}, "service_lines": [line("99213")]},
    {"subscriber": {"birth_date": "2007-12-31"}},
    {"patient": {"birth_date": "2007-12-31"}},
    {"patient": {"birth_date": "1980-01-01", "address": {"state": "AE", "postal_code": "331010001"}}},
    {"place_of_service": None, "service_lines": [line("62323", place_of_service="")]},
    {"place_of_service": "99", "service_lines": [line("62323", place_of_service="01")]},
    {"referring_provider": {"npi": NPI}, "supervising_provider": {"npi": NPI, "taxonomy": "207L00000X"}},
    {"rendering_provider": None, "service_facility": None, "subscriber": {"address": None}},
    {"rendering_provider": {"npi": "", "taxonomy": ""}, "billing_provider": {"address": {"state": "", "city": "X"}}},
    {"service_lines": [line("62323", rendering_provider={"npi": NPI, "address": {"postal_code": "33101-0001"}})]},
)
FAULTS: tuple[dict[str, Any], ...] = (
    {"total_charge": "0.00"},
    {"received_on": None},
    {"received_on": "2026-06-14"},
    {"frequency_code": "8"},
    {"place_of_service": "35"},
    {"subscriber": {"birth_date": None}},
    {"subscriber": {"address": {"state": "XX"}}},
    {"subscriber": CHILD},
    {"patient": CHILD | {"address": {"postal_code": "1"}}},
    {"billing_provider": {"npi": "1234567890"}},
    {"rendering_provider": {"taxonomy": "PAIN"}},
    {"referring_provider": {"npi": "1"}},
    {"supervising_provider": {"address": {"state": "XX"}}},
    {"service_facility": {"address": {"postal_code": "1"}}},
    {"diagnoses": [*TWELVE, {"code": "R52"}]},
    {"diagnoses": [{"code": "R52"}, {"code": "R52"}]},
    {"service_lines": [line("62323", "K")]},
    {"service_lines": [line("62323", "KX", "KX")]},
    {"service_lines": [line("62323", units="0")]},
    {"service_lines": [line("62323", service_date_to="2026-06-14")]},
    {"service_lines": [line("62323", service_date_to="2026-07-14")]},
    {"service_lines": [line("62323", diagnosis_pointers=[0])]},
    {"service_lines": [line("62323", diagnosis_pointers=[14])]},
    {"service_lines": [line("64483"), line("64484", line_number=1)]},
    {"service_lines": [line("62323", rendering_provider={"npi": "1"})]},
    {"service_lines": [line("62323", place_of_service="35")]},
    {"service_lines": [line("99213", "1", "2", "3", "4", "5", diagnosis_pointers=[1, 1, 1, 1, 1])]},
)


EVERY_RULE = replace(ruleset(), rules=tuple(replace(rule, look=None) for rule in ruleset().rules))


def passes(claim: Claim, rules: Ruleset | None = None) -> bool:
    return Context(claim, rules or ruleset(), EVENT).plan.passes(claim)


def check_that_the_look_changes_nothing(claim: Claim) -> None:
    with_look, without = (evaluate(Context(claim, rules, EVENT)) for rules in (ruleset(), EVERY_RULE))

    assert without == with_look


@pytest.mark.parametrize("changes", SOUND)
def test_a_sound_claim_passes_by_one_look(changes: dict[str, Any]) -> None:
    assert passes(a_claim(**changes))


@pytest.mark.parametrize("changes", FAULTS)
def test_a_claim_with_a_fault_does_not(changes: dict[str, Any]) -> None:
    assert not passes(a_claim(**changes))


@given(st.lists(st.sampled_from((*SOUND, *FAULTS)), max_size=3))
def test_what_passes_by_one_look_passes_rule_by_rule(laid_over: list[dict[str, Any]]) -> None:
    changes: dict[str, Any] = {}
    for each in laid_over:
        changes |= each

    check_that_the_look_changes_nothing(a_claim(**changes))


@given(claims)
def test_any_claim_is_judged_as_if_every_rule_were_asked(claim: Claim) -> None:
    check_that_the_look_changes_nothing(claim)


def bounded(rule_id: str, *values: int | None) -> dict[tuple[str, str], Parameter]:
    always = Parameter(None, (DatedValue(4, None),))
    dated = tuple(DatedValue(value, date(2000 + number, 1, 1)) for number, value in enumerate(values))
    return dict.fromkeys((("CLM-08", "max"), ("CLM-09", "max"), ("CLM-10", "max")), always) | {
        (rule_id, "max"): Parameter(None, dated)
    }


@pytest.mark.parametrize("rule_id", ["CLM-08", "CLM-09", "CLM-10"])
@pytest.mark.parametrize(("values", "sound"), [((2,), True), ((1,), False), ((2, 1, 3), False), ((None, 9), False)])
def test_a_bound_is_the_least_it_is_on_any_date(rule_id: str, values: tuple[int | None, ...], sound: bool) -> None:
    claim = a_claim(
        diagnoses=[{"code": "M5416"}, {"code": "M5417"}],
        service_lines=[line("62323", "KX", "GA", diagnosis_pointers=[1, 2])],
    )

    assert sound == sound_form(bounded(rule_id, *values), ruleset().reference)(claim)


def test_without_the_table_of_places_no_place_is_known() -> None:
    without = replace(ruleset(), reference=replace(ruleset().reference, places_of_service=None))

    assert not passes(a_claim(), without)
    assert passes(a_claim(place_of_service=None), without)


def test_a_rule_that_cannot_be_asked_as_usual_is_asked_though_the_claim_passes() -> None:
    without = replace(ruleset(), reference=replace(ruleset().reference, places_of_service=None))
    evaluation = evaluate(Context(a_claim(place_of_service=None), without, EVENT))

    assert ("CLM-20", "reference.places_of_service") in [(each.rule, each.missing) for each in evaluation.not_checked]
