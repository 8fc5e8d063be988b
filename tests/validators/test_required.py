import pytest

from tests.validators.building import Write, a_claim, decided, line
from validators.loading import load_ruleset

CIGNA = {"id": "EXCIGNA", "filing_indicator": "CI", "line_of_business": "commercial"}


@pytest.mark.parametrize(
    ("excluded", "type_of_bill", "is_wanted"),
    [
        ([], "111", True),
        (["21"], "111", False),
        (["21"], "131", True),
        (["11"], "111", True),
        (["11", "21"], "121", False),
    ],
)
def test_a_bill_of_an_inpatient_stands_for_place_21_and_for_no_other(
    overlay: Write, excluded: list[str], type_of_bill: str, is_wanted: bool
) -> None:
    value = f'{{required: true, codes: ["62323"], excluded_places_of_service: {excluded}}}'
    parameters = f"{{prior_authorization: {{values: [{{from: null, value: {value}}}]}}}}"
    rules = load_ruleset(overlay(f"payer: cigna_evicore\nrules: {{AUTH-01: {{parameters: {parameters}}}}}"))
    claim = a_claim(
        payer=CIGNA,
        claim_type="institutional",
        type_of_bill=type_of_bill,
        place_of_service=None,
        service_lines=[line("62323")],
    )

    checks = decided(claim, rules=rules).decision.checks
    assert is_wanted == ("AUTH-01" in checks.fail)
    assert is_wanted != ("AUTH-01" in checks.passed)
