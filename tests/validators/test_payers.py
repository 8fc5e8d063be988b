import pytest

from schemas.claim import LineOfBusiness, Payer
from tests.validators.building import Write, refusal, ruleset
from validators.loading import load_ruleset
from validators.payers import PayerMatch


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


@pytest.mark.parametrize(
    ("first", "text", "payer_id", "before", "key"),
    [
        (
            "payer: humana\npayer_ids: {SITE: {line_of_business: commercial}}",
            "payer: aetna\npayer_ids: {SITE: {line_of_business: commercial}}",
            "SITE",
            "overlay/first.yaml",
            "humana",
        ),
        (
            "payer_ids: {SITE: {line_of_business: medicare_advantage}}",
            "payer_ids: {SITE: {line_of_business: commercial}}",
            "SITE",
            "overlay/first.yaml",
            "default_medicare_advantage",
        ),
        (
            "",
            "payer: aetna\npayer_ids: {EXUHC: {line_of_business: commercial}}",
            "EXUHC",
            "packs/payers/uhc.yaml",
            "uhc",
        ),
        (
            "payer: uhc\npayer_ids: {EXUHC: {line_of_business: auto}}",
            "payer: aetna\npayer_ids: {EXUHC: {line_of_business: commercial}}",
            "EXUHC",
            "overlay/first.yaml",
            "uhc",
        ),
    ],
)
def test_a_payer_id_that_files_name_under_different_payers_is_refused(
    overlay: Write, first: str, text: str, payer_id: str, before: str, key: str
) -> None:
    overlay(first, "first.yaml")

    assert refusal(overlay(text)) == (
        f"pack overlay/site.yaml, key payer_ids.{payer_id}: pack {before} names this id too, of {key}; leave it in one"
    )


def test_an_overlay_may_name_a_payer_id_again_and_change_its_line_of_business(overlay: Write) -> None:
    overlay("payer: uhc\npayer_ids: {EXUHC: {line_of_business: medicare_advantage}}", "a.yaml")
    overlay("payer_ids: {SITE: {line_of_business: auto}}", "b.yaml")
    rules = load_ruleset(overlay("payer_ids: {SITE: {line_of_business: commercial}}", "c.yaml"))

    assert PayerMatch("uhc", "medicare_advantage") == rules.payers.by_id["EXUHC"]
    assert PayerMatch("default_commercial", "commercial") == rules.payers.by_id["SITE"]
