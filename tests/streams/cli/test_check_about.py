import typing
from pathlib import Path
from typing import Any

import pytest

from schemas.claim import LineOfBusiness
from streams.cli.check_about import PAYER_NAMES, PLAN_WORDS
from tests.streams.intake.building import LINE, claim, encoded
from validators.loading import load_ruleset


def first_line(check: Any, *arguments: str, **changes: object) -> str:
    Path("claims.json").write_bytes(encoded(claim(**changes)))
    return check("claims.json", *arguments, columns=120).out.splitlines()[2]


@pytest.mark.parametrize(
    ("payer", "shown"),
    [
        ({"id": "EXHUMANA"}, "Humana MA"),
        ({"id": "EXHUMANACOM"}, "Humana commercial"),
        ({"id": "EXCIGNA"}, "Cigna commercial"),
        ({"id": "EXANTHEM"}, "Anthem commercial"),
        ({"id": "EXUHC"}, "UHC commercial"),
        ({"id": "EXUHC", "filing_indicator": "MC"}, "UHC Medicaid"),
        ({"id": "EXUHC", "filing_indicator": "MB"}, "Medicare FFS"),
        ({"id": "EXCOMMERCE"}, "unlisted commercial"),
        ({"id": "Q", "filing_indicator": "CI"}, "unlisted commercial"),
        ({"id": "Q", "filing_indicator": "16"}, "unlisted MA"),
        ({"id": "Q", "filing_indicator": "WC"}, "unlisted workers' compensation"),
        ({"id": "Q"}, "unlisted plan"),
    ],
)
def test_a_claim_says_who_is_taken_for_its_payer(check, payer, shown):
    about = first_line(check, payer=payer | {"name": "Zorblatt Health"})

    assert f"PT-0001         {shown} · 2026-06-15" in about
    assert "Zorblatt" not in about


def test_a_payer_of_a_site_is_shown_by_its_key(check):
    Path("packs").mkdir()
    Path("packs/site.yaml").write_text("payer: acme_health\npayer_ids: {ACME: {line_of_business: commercial}}\n")

    assert "acme health commercial · 2026-06-15" in first_line(check, "--packs", "packs", payer={"id": "ACME"})


def test_every_payer_of_the_packs_has_a_name_and_every_line_of_business_a_word():
    payers = load_ruleset().payers

    assert {match.key for match in payers.by_id.values()} | set(payers.by_line_of_business.values()) == set(PAYER_NAMES)
    assert set(typing.get_args(LineOfBusiness)) == set(PLAN_WORDS)


@pytest.mark.parametrize(
    ("days", "shown"),
    [
        ([("2026-06-15", None), ("2026-06-15", "2026-06-15")], "2026-06-15 "),
        ([("2026-06-17", None), ("2026-06-15", None), ("2026-06-16", None)], "2026-06-15 … 2026-06-17 "),
        ([("2026-06-15", "2026-06-18"), ("2026-06-16", None)], "2026-06-15 … 2026-06-18 "),
    ],
)
def test_a_claim_of_several_days_shows_the_first_and_the_last(check, days, shown):
    lines = [
        LINE | {"line_number": number, "service_date_from": start, "service_date_to": end}
        for number, (start, end) in enumerate(days, start=1)
    ]

    assert f" plan · {shown}" in first_line(check, service_lines=lines)
