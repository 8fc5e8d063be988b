from decimal import Decimal

import pytest

from tests.validators.building import a_claim, decided, line, ruleset
from validators.codes import CONTRAST, LOCAL_ANESTHETICS, STEROIDS
from validators.loading import load_ruleset
from validators.reference import DrugKind
from validators.ruleset import Ruleset

SINGLE_DOSE = "00641036725"


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Ruleset:
    """Those of a site that knows one single-dose container."""
    folder = tmp_path_factory.mktemp("overlay")
    (folder / "site.yaml").write_text(
        "rules: {DRUG-07: {parameters: {single_dose_ndcs: {values: "
        f'[{{from: null, value: []}}, {{from: 2026-06-15, value: ["{SINGLE_DOSE}"]}}]}}}}}}}}'
    )
    return load_ruleset(folder)


@pytest.mark.parametrize(
    ("ndc", "day", "severity"),
    [
        (SINGLE_DOSE, "2026-06-15", "flag"),
        (SINGLE_DOSE, "2026-06-14", "info"),
        ("00641036726", "2026-06-15", "info"),
        (None, "2026-06-15", "info"),
    ],
)
def test_a_drug_of_a_single_dose_container_without_jw_or_jz_is_flagged(
    rules: Ruleset, ndc: str | None, day: str, severity: str
) -> None:
    claim = a_claim(service_lines=[line("62323"), line("J1100", service_date_from=day, drug={"ndc": ndc})])
    (found,) = [each for each in decided(claim, rules=rules).decision.findings if each.rule == "DRUG-07"]

    assert severity == found.severity


@pytest.mark.parametrize(
    ("kind", "codes"), [("steroid", STEROIDS), ("contrast", CONTRAST), ("local_anesthetic", LOCAL_ANESTHETICS)]
)
def test_the_codes_that_wake_rules_about_drugs_are_those_of_the_table(kind: DrugKind, codes: frozenset[str]) -> None:
    drugs = ruleset().reference.drugs
    assert drugs is not None

    assert codes == drugs.codes(kind)


def test_a_steroid_has_its_milligrams_a_unit_and_its_particles_and_others_have_none() -> None:
    drugs = ruleset().reference.drugs
    assert drugs is not None

    told = {code: drugs.by_code[code] for code in ("J3301", "J1100", "J1010", "J2001")}
    assert {
        "J3301": ("triamcinolone", Decimal(10), True),
        "J1100": ("dexamethasone", Decimal(1), False),
        "J1010": ("methylprednisolone", Decimal(1), True),
        "J2001": (None, None, False),
    } == {code: (drug.name, drug.mg_per_unit, drug.particulate) for code, drug in told.items()}
