import pytest

from schemas.claim import LineOfBusiness, Payer
from tests.validators.building import ruleset


@pytest.mark.parametrize(
    ("indicator", "line_of_business"),
    [
        ("MB", "medicare_ffs"),
        ("MA", "medicare_ffs"),
        ("16", "medicare_advantage"),
        ("MC", "medicaid"),
        ("CI", "commercial"),
        ("BL", "commercial"),
        ("HM", "commercial"),
        ("12", "commercial"),
        ("13", "commercial"),
        ("14", "commercial"),
        ("15", "commercial"),
        ("WC", "workers_comp"),
        ("AM", "auto"),
        ("ZZ", "other"),
    ],
)
def test_a_filing_indicator_says_the_line_of_business(indicator: str, line_of_business: LineOfBusiness) -> None:
    match = ruleset().payers

    assert line_of_business == match.line_of_business(Payer(id="EXCIGNA", filing_indicator=indicator))
    assert "medicaid" == match.line_of_business(
        Payer(id="EXCIGNA", filing_indicator=indicator, line_of_business="medicaid")
    )
    assert "other" == match.line_of_business(Payer(id="UNHEARDOF"))


def test_medicare_fee_for_service_has_its_key_under_any_payer_id() -> None:
    match = ruleset().payers

    assert "medicare_ffs" == match.key(Payer(id="EXCIGNA"), "medicare_ffs")


def test_a_payer_id_nobody_lists_has_the_key_of_its_line_of_business() -> None:
    match = ruleset().payers

    assert "default_medicare_advantage" == match.key(Payer(id="UNHEARDOF"), "medicare_advantage")
    assert "default_commercial" == match.key(Payer(id="UNHEARDOF"), "workers_comp")
    assert "humana" == match.key(Payer(id="EXHUMANA"), "commercial")
