import csv
import gzip
from pathlib import Path

import pytest

from tests.validators.building import ruleset
from validators.codes import ESI, PRIMARY_OF

pytestmark = pytest.mark.shared

ACTIVE = "9999-12-31"


def test_the_ncci_pairs_are_those_of_the_official_table(shared: Path) -> None:
    with gzip.open(shared / "reference" / "ncci_ptp_practitioner_spine_2024Q3.csv.gz", "rt") as table:
        official = {
            (row["column1"], row["column2"]): row["modifier_indicator"]
            for row in csv.DictReader(table)
            if row["deletion_date"] == ACTIVE and {row["column1"], row["column2"]} <= ESI
        }
    ncci = ruleset().reference.ncci

    assert ncci is not None
    assert official == ncci.indicators
    assert ncci.vintage == "2024Q3"


def test_the_add_ons_have_the_primaries_of_the_official_table(shared: Path) -> None:
    with (shared / "reference" / "ncci_addon_codes_2024Q3.csv").open() as table:
        official = {
            row["add_on_code"]: row["primary_code"] for row in csv.DictReader(table) if row["add_on_code"] in ESI
        }

    assert official == PRIMARY_OF
