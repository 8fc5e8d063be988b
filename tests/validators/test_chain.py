from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from schemas.decision import Checks, Severity
from tests.validators.building import a_claim, decided, line, ruleset
from validators.loading import load_ruleset
from validators.necessity.chain import regions_of
from validators.pack import Effect
from validators.ruleset import Override, Ruleset, Terms

CHAIN = ("MED-01", "MED-02", "MED-03", "MED-05", "MED-20", "MED-22")
DAY = date(2026, 6, 15)
BEFORE, AFTER = date(2026, 6, 14), date(2026, 6, 16)


def checks(rules: Ruleset, *diagnoses: str) -> Checks:
    pointers = list(range(1, len(diagnoses) + 1))
    claim = a_claim(
        diagnoses=[{"code": code} for code in diagnoses], service_lines=[line("62323", diagnosis_pointers=pointers)]
    )
    return decided(claim, rules=rules).decision.checks


def standing(rule_id: str, found: Checks) -> str:
    if rule_id in found.fail:
        return "fail"
    bypassed = {each.rule: f"bypassed by {each.by}" for each in found.bypassed}
    missing = {each.rule: f"not checked without {each.missing}" for each in found.not_checked}
    return {**missing, **bypassed}.get(rule_id, "pass" if rule_id in found.passed else "not applicable")


def overridden(rule_id: str, effect: Effect, starts_on: date = DAY, until: date = DAY) -> Ruleset:
    severity: Severity = "flag" if effect == "soften" else "info"
    override = Override(rule_id, effect, severity, None, None, starts_on, until, "a test", "a test")
    return replace(ruleset(), overrides=(override,))


def with_terms(rule_id: str, **changes: Any) -> Ruleset:
    terms: Terms = replace(ruleset().terms[rule_id], **changes)
    return replace(ruleset(), terms={**ruleset().terms, rule_id: terms})


@pytest.mark.parametrize(
    ("diagnoses", "regions"),
    [
        (("M5000", "M5023", "M509", "M542", "M546"), {"cervical_thoracic"}),
        (("M5430", "M5441", "M5450", "M5459"), {"lumbar_sacral"}),
        (("M4311", "M4712", "M4803", "M5114", "M5411"), {"cervical_thoracic"}),
        (("M4316", "M4727", "M48061", "M51379", "M5418"), {"lumbar_sacral"}),
        (("M4315", "M4725", "M4805", "M5115", "M5415"), {"cervical_thoracic", "lumbar_sacral"}),
        (("M4310", "M4720", "M4800", "M5410", "M4319", "M519", "M47"), set()),
        (("M47811", "M47814", "M47892"), {"cervical_thoracic"}),
        (("M47815", "M47895"), {"cervical_thoracic", "lumbar_sacral"}),
        (("M47816", "M47818", "M47897"), {"lumbar_sacral"}),
        (("M47819", "M47899", "M4781", "M4789"), set()),
        (("M549", "M5406", "M5481", "M4646", "M5326", "G551", "R52", "", "M5", "XM5416"), set()),
    ],
)
def test_a_diagnosis_is_of_the_region_its_digit_names(diagnoses: tuple[str, ...], regions: set[str]) -> None:
    assert dict.fromkeys(diagnoses, regions) == {code: set(regions_of(code)) for code in diagnoses}


def test_a_rule_that_is_switched_off_lifts_no_other() -> None:
    found = checks(overridden("MED-05", "disable"), "M54.12")

    assert "bypassed by override" == standing("MED-05", found)
    assert {"pass"} == {standing(rule_id, found) for rule_id in CHAIN if rule_id != "MED-05"}


def test_a_rule_that_is_tried_lifts_no_other() -> None:
    found = checks(overridden("MED-05", "try"), "M54.12")

    assert "fail" == standing("MED-05", found)
    assert {"pass"} == {standing(rule_id, found) for rule_id in CHAIN if rule_id != "MED-05"}


def test_a_rule_on_trial_lifts_no_other() -> None:
    assert "pass" == standing("MED-02", checks(with_terms("MED-05", stage="trial"), "M54.12"))


def test_a_rule_that_is_softened_still_lifts_others() -> None:
    assert "bypassed by MED-05" == standing("MED-02", checks(overridden("MED-05", "soften"), "M54.12"))


@pytest.mark.parametrize(("starts_on", "until"), [(AFTER, AFTER), (BEFORE, BEFORE)])
def test_a_rule_that_is_switched_off_on_another_day_lifts_others(starts_on: date, until: date) -> None:
    assert "bypassed by MED-05" == standing(
        "MED-02", checks(overridden("MED-05", "disable", starts_on, until), "M54.12")
    )


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        ({"starts_on": DAY}, "bypassed by MED-05"),
        ({"starts_on": AFTER}, "pass"),
        ({"ends_on": DAY}, "bypassed by MED-05"),
        ({"ends_on": BEFORE}, "pass"),
    ],
)
def test_a_rule_lifts_others_on_the_days_it_looks_at(dates: dict[str, date], expected: str) -> None:
    assert expected == standing("MED-02", checks(with_terms("MED-05", **dates), "M54.12"))


def test_a_diagnosis_counts_that_is_not_billable_where_nobody_asks_for_that() -> None:
    found = checks(overridden("MED-04", "disable"), "M51.36")

    assert {"MED-01": "fail", "MED-02": "pass"} == {each: standing(each, found) for each in ("MED-01", "MED-02")}


def test_an_exception_that_is_switched_off_does_not_hold() -> None:
    found = checks(overridden("MED-17", "disable"), "M54.50", "G89.12")

    assert {"MED-01": "bypassed by MED-02", "MED-02": "fail"} == {
        each: standing(each, found) for each in ("MED-01", "MED-02")
    }


def test_the_rule_of_stenosis_that_is_switched_off_is_not_told_as_another() -> None:
    found = checks(overridden("MED-20", "disable"), "M48.061")

    assert {"MED-01": "pass", "MED-20": "bypassed by override"} == {
        each: standing(each, found) for each in ("MED-01", "MED-20")
    }


def test_a_tier_of_beginnings_decides(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(
        'diagnosis_tiers: {T1: {values: [{from: null, value: {any: ["M54*", "R52"]}}]}}'
    )
    rules = load_ruleset(tmp_path)

    assert ["pass", "pass", "bypassed by MED-03"] == [
        standing("MED-01", checks(rules, *diagnoses)) for diagnoses in (["M54.50"], ["G90.50", "R52"], ["G90.50"])
    ]


def test_without_the_table_of_diagnoses_the_chain_is_not_checked() -> None:
    rules = replace(ruleset(), reference=replace(ruleset().reference, icd10cm=None))
    found = checks(rules, "M54.50")

    assert {"not checked without reference.icd10cm"} == {standing(each, found) for each in (*CHAIN, "MED-04")}
    assert "SYS-01" in found.fail
