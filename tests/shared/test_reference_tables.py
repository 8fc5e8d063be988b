import csv
import gzip
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.validators.building import read_yaml, ruleset
from validators.codes import ESI, PRIMARY_OF

pytestmark = pytest.mark.shared

ACTIVE = "9999-12-31"
NEVER_ACTIVE = "9"
REFERENCE = ruleset().reference
NEW_IN_CHAPTER_Q = ("QA00", "QA08")
"""Codes of April 2026 that the shared list, made by the shape of older codes, leaves out."""


def rows(shared: Path, name: str) -> Iterator[dict[str, str]]:
    path = shared / "reference" / name
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8") as table:
        yield from csv.DictReader(table)


@pytest.fixture(scope="module")
def catalogue(shared: Path) -> Any:
    return read_yaml(shared / "domain" / "rules.yaml")["tables"]


def test_every_table_is_loaded() -> None:
    assert {
        "ncci": "2024Q3", "mue": "2024Q3", "add_ons": "2024Q3", "fee_schedule": "2024Q3", "drugs": "2026Q1",
        "places_of_service": "2024", "code_history": "2024Q3", "icd10cm": "FY2026",
    } == ruleset().vintages  # fmt: skip


def test_the_active_ncci_pairs_are_those_of_the_official_table(shared: Path) -> None:
    ncci = REFERENCE.ncci
    assert ncci is not None
    official = {
        (row["column1"], row["column2"]): row["modifier_indicator"]
        for row in rows(shared, "ncci_ptp_practitioner_spine_2024Q3.csv.gz")
        if row["deletion_date"] == ACTIVE
    }
    ours = {(other, esi): found for other, table in ncci.over.items() for esi, found in table.items()}
    ours |= {(esi, other): found for other, table in ncci.under.items() for esi, found in table.items()}

    assert official == ours


def test_an_ncci_pair_that_ended_is_active_to_its_last_day(shared: Path) -> None:
    ncci = REFERENCE.ncci
    assert ncci is not None
    ended = [
        row
        for row in rows(shared, "ncci_ptp_practitioner_spine_2024Q3.csv.gz")
        if row["deletion_date"] != ACTIVE and row["modifier_indicator"] != NEVER_ACTIVE
    ]
    last = {(row["column1"], row["column2"]): row for row in sorted(ended, key=lambda row: row["deletion_date"])}

    assert len(last) > 3000
    for (column1, column2), row in last.items():
        day = date.fromisoformat(row["deletion_date"])
        if ncci.indicator(column1, column2, date.max, "professional") is None:
            assert row["modifier_indicator"] == ncci.indicator(column1, column2, day, "professional")
            assert ncci.indicator(column1, column2, date.fromordinal(day.toordinal() + 1), "professional") is None


def test_the_medically_unlikely_edits_are_those_of_the_official_table(shared: Path) -> None:
    mue = REFERENCE.mue
    assert mue is not None

    assert {
        row["hcpcs_code"]: (int(row["mue_units"]), row["mue_mai"])
        for row in rows(shared, "ncci_mue_practitioner_2024Q3.csv")
    } == {code: (value.units, value.adjudication) for code, value in mue.values.items()}


def test_the_add_ons_have_the_primaries_of_the_official_table(shared: Path, catalogue: Any) -> None:
    add_ons = REFERENCE.add_ons
    assert add_ons is not None
    official: dict[str, set[str]] = {add_on: set() for add_on in add_ons.primaries}
    for row in rows(shared, "ncci_addon_codes_2024Q3.csv"):
        if row["add_on_code"] in official:
            official[row["add_on_code"]].add(row["primary_code"])

    assert official == add_ons.primaries
    assert {add_on: frozenset({primary}) for add_on, primary in PRIMARY_OF.items()}.items() <= add_ons.primaries.items()
    assert frozenset(catalogue["imaging_separate_procedures"]) == add_ons.primaries["77003"]


def test_the_indicators_of_injections_are_those_of_the_fee_schedule(shared: Path) -> None:
    schedule = REFERENCE.fee_schedule
    assert schedule is not None

    assert {
        row["hcpcs_code"]: (row["pctc"], row["glob"], row["bilat_surg"], row["asst_surg"])
        for row in rows(shared, "mpfs_indicators_2024jul.csv")
        if row["hcpcs_code"] in ESI
    } == schedule.indicators


def test_the_places_of_service_are_the_assigned_ones_of_the_official_table(shared: Path) -> None:
    places = REFERENCE.places_of_service
    assert places is not None

    assert places.assigned == {
        row["pos_code"] for row in rows(shared, "place_of_service_codes.csv") if row["pos_name"] != "Unassigned"
    }


def test_the_drugs_are_those_of_the_catalogue_with_the_days_of_the_official_table(shared: Path, catalogue: Any) -> None:
    drugs = REFERENCE.drugs
    assert drugs is not None
    official = {row["HCPC"]: row for row in rows(shared, "hcpcs_level2_2026jan.csv")}

    assert {
        code: (drug.name, str(drug.mg_per_unit), drug.particulate)
        for code, drug in drugs.by_code.items()
        if drug.kind == "steroid"
    } == {
        code: (said["drug"], said["mg_per_unit"], said["particulate"]) for code, said in catalogue["steroids"].items()
    }
    assert frozenset(catalogue["contrast_codes"]) == drugs.codes("contrast")
    assert frozenset(catalogue["local_anesthetic_codes"]) == drugs.codes("local_anesthetic")
    for code, drug in drugs.by_code.items():
        last_day = drug.last_day.strftime("%Y%m%d") if drug.last_day else ""
        assert (official[code]["ADD DT"], official[code]["TERM DT"]) == (drug.first_day.strftime("%Y%m%d"), last_day)


def test_the_retired_codes_are_those_of_the_catalogue(catalogue: Any) -> None:
    history = REFERENCE.code_history
    assert history is not None
    retired = catalogue["retired_esi_codes"]
    last_days = dict.fromkeys(retired["codes"], retired["last_valid_day"])
    for codes, last_day in catalogue["retired_related_codes"].items():
        last_days |= dict.fromkeys(str(codes).split(), last_day)

    assert last_days == {code: ended.last_day.isoformat() for code, ended in history.retired.items()}


def test_the_leaf_codes_are_the_billable_ones_of_the_official_list(shared: Path) -> None:
    icd10cm = REFERENCE.icd10cm
    assert icd10cm is not None
    billable = frozenset((shared / "reference" / "icd10cm_billable_2026apr.txt").read_text().split())

    assert set() == billable - icd10cm.leaves
    assert all(code.startswith(NEW_IN_CHAPTER_Q) for code in icd10cm.leaves - billable)
    assert 13 == len(icd10cm.leaves - billable)


def test_the_split_diagnoses_are_those_of_the_catalogue(catalogue: Any) -> None:
    icd10cm = REFERENCE.icd10cm
    assert icd10cm is not None
    wanted = {
        code.replace(".", ""): change["last_billable_day"]
        for change in catalogue["icd10_changes"]
        for code in change["codes"]
    }
    children = {child.replace(".", "") for change in catalogue["icd10_changes"] for child in change["children"]}

    assert wanted == {code: last.isoformat() for code, last in icd10cm.headers.items()}
    assert children == set(icd10cm.first_days)
    assert children == {child for listed in icd10cm.children.values() for child in listed}
    assert all(child.startswith(code) for code, listed in icd10cm.children.items() for child in listed)
