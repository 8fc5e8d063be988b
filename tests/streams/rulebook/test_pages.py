import re
from pathlib import Path

from streams.rulebook.pages import catalogue_page
from tests.validators.building import ruleset
from validators.catalogue import RULES
from validators.loading import load_ruleset
from validators.rule import FAMILIES

SITE = """
rules:
  AUTH-02: {stage: trial}
  LVL-01: {parameters: {max_levels: {unit: one | two, values: [{from: null, value: 3}]}}}
"""
PAGE = catalogue_page(ruleset())


def rows(page: str, first: str) -> list[list[str]]:
    cells = [[cell.strip() for cell in line.split(" | ")] for line in page.splitlines()]
    return [each for each in cells if each[0] == f"| {first}"]


def test_every_rule_has_a_row_with_all_that_is_asked_first():
    assert [] == [rule.id for rule in RULES if len(rows(PAGE, rule.id)) < 1]
    assert [
        "| AUTH-02",
        "wiser-claim-without-utn",
        "flag",
        "medicare_ffs",
        "",
        "M127",
        "2026-01-15 to 2031-12-31",
        (
            "Medicare will review this claim before it pays. *Fix:* have the records ready, or request prior "
            "authorization first and put its UTN in REF G1."
        ),
        (
            "CMS WISeR model guide, Appendix A, and MAC WISeR pages, choice: prior authorization or pre-payment review "
            "(found) |"
        ),
    ] == rows(PAGE, "AUTH-02")[0]


def test_the_page_names_no_rule_that_is_not_there():
    named = re.findall(rf"\b(?:{'|'.join(FAMILIES)})-[0-9]{{2}}\b", PAGE)

    assert {rule.id for rule in RULES} == {*named}


def test_every_dated_value_has_a_row_with_its_source():
    unit = "`max_levels` (levels per region and session)"

    assert [
        ["| LVL-01", unit, "all", "always", "not known: not checked", "|"],
        [
            "| LVL-01",
            unit,
            "all",
            "2021-12-05",
            "2",
            "multi-MAC LCD text on epidural steroid injections, levels per session (second-hand) |",
        ],
        ["| LVL-01", unit, "anthem_carelon", "always", "not known: not checked", "|"],
        ["| LVL-01", unit, "anthem_carelon", "2023-04-09", "2", "Anthem provider news (found) |"],
    ] == [[*each[:-1], each[-1].lstrip()] for each in rows(PAGE, "LVL-01")[1:]]
    assert [] == [name for rule in RULES for name in rule.parameters if f"| {rule.id} | `{name}`" not in PAGE]


def test_families_stand_in_the_order_of_the_catalogue():
    heads = [line.removeprefix("## ") for line in PAGE.splitlines() if line.startswith("## ")]

    assert [*dict.fromkeys(rule.family.capitalize() for rule in RULES), "Lists of diagnoses"] == heads
    assert [] == [tier for tier in ruleset().diagnosis_tiers[None] if f"| `{tier}` | all |" not in PAGE]


def test_what_a_payer_has_otherwise_and_what_is_on_trial_is_told(tmp_path: Path):
    (tmp_path / "a.yaml").write_text(SITE)
    (tmp_path / "b.yaml").write_text("payer: aetna\nrules: {LVL-01: {severity: flag}}")
    page = catalogue_page(load_ruleset(tmp_path))

    assert "flag, on trial" == rows(page, "AUTH-02")[0][2]
    assert ["| LVL-01", "severity", "aetna", "always", "flag", "|"] == [
        *rows(page, "LVL-01")[-1][:-1],
        rows(page, "LVL-01")[-1][-1].lstrip(),
    ]


def test_a_bar_in_a_text_is_none_of_the_table(tmp_path: Path):
    (tmp_path / "a.yaml").write_text(SITE)

    assert r"| `max_levels` (one \| two) | all |" in catalogue_page(load_ruleset(tmp_path))
