import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from schemas.decision import NotChecked
from tests.validators.building import DAY, Write, a_claim, decided, line, refusal, ruleset
from validators.loading import REFERENCE_DATA, load_ruleset
from validators.parameters import DatedValue, Parameter
from validators.ruleset import StateTerms

ROOT = Path(__file__).parents[2]
THREE_LEVELS = [line("64483"), line("64484", units="2")]


def max_levels(value: str, *, starts_on: str = "null", payer: str | None = None) -> str:
    head = f"payer: {payer}\n" if payer else ""
    return (
        f"{head}rules: {{LVL-01: {{parameters: {{max_levels: {{values: [{{from: {starts_on}, value: {value}}}]}}}}}}}}"
    )


def test_what_is_not_a_folder_is_refused(tmp_path: Path) -> None:
    assert f"{tmp_path / 'nowhere'} is not a folder; name the folder that holds the packs (YAML files)" == refusal(
        tmp_path / "nowhere"
    )


def standing(overlay_folder: Path | None, payer: str = "EXCIGNA") -> bool:
    """Whether three levels are too many under the packs."""
    claim = a_claim(payer={"id": payer, "filing_indicator": None, "line_of_business": None}, service_lines=THREE_LEVELS)
    return "LVL-01" in decided(claim, rules=load_ruleset(overlay_folder)).decision.checks.fail


def test_an_overlay_replaces_a_parameter_of_the_base(overlay: Write) -> None:
    assert standing(None)
    assert not standing(overlay(max_levels("3")))


def test_an_overlay_may_end_a_bound_on_purpose(overlay: Write) -> None:
    assert not standing(overlay(max_levels("null")))


def test_a_bound_of_zero_names_the_lines_of_a_session_without_add_on(overlay: Write) -> None:
    rules = load_ruleset(overlay(max_levels("0")))
    findings = decided(a_claim(service_lines=[line("64483")]), rules=rules).decision.findings

    assert [(1,)] == [finding.lines for finding in findings if finding.rule == "LVL-01"]


def test_what_an_overlay_says_for_a_payer_holds_for_that_payer_alone(overlay: Write) -> None:
    folder = overlay(max_levels("3", payer="cigna_evicore"))

    assert not standing(folder, "EXCIGNA")
    assert standing(folder, "EXAETNA")


def test_a_value_of_the_payer_wins_over_one_of_the_base_in_whatever_layer(overlay: Write) -> None:
    # Built-in base < base of the overlay < built-in payer < payer of the overlay.
    value = "{required: false}"
    base = f"rules: {{AUTH-01: {{parameters: {{prior_authorization: {{values: [{{from: null, value: {value}}}]}}}}}}}}"
    on = date(2026, 6, 15)
    name = "prior_authorization"

    by_base = load_ruleset(overlay(base))
    assert {"required": False} == by_base.parameter("AUTH-01", name, (), on)
    assert by_base.parameter("AUTH-01", name, ("cigna_evicore",), on)["required"]
    by_payer = load_ruleset(overlay(f"payer: cigna_evicore\n{base}"))
    assert {"required": False} == by_payer.parameter("AUTH-01", name, ("cigna_evicore",), on)
    assert by_payer.parameter("AUTH-01", name, (), on) is None


def test_of_two_files_of_an_overlay_the_later_path_wins(overlay: Write) -> None:
    overlay(max_levels("2"), "b/first.yaml")
    folder = overlay(max_levels("3"), "c.yaml")

    assert not standing(folder)
    overlay(max_levels("2"), "d.yaml")
    assert standing(folder)


def test_an_overlay_changes_scope_and_dates_and_leaves_the_rest(overlay: Write) -> None:
    rules = load_ruleset(overlay("version: site-1\nrules: {LVL-01: {scope: [uhc], to: 2026-06-15}}"))
    terms = rules.terms["LVL-01"]

    assert (frozenset({"uhc"}), None, date(2026, 6, 15)) == (terms.scope, terms.starts_on, terms.ends_on)
    assert ruleset().terms["LVL-01"].parameters == terms.parameters
    assert "site-1" == rules.version.version
    assert ruleset().terms["LVL-03"] == rules.terms["LVL-03"]
    assert [True, False] == [terms.in_effect(day) for day in (date(2026, 6, 15), date(2026, 6, 16))]


def test_the_first_and_last_day_of_a_rule_may_come_from_different_files_and_be_one(overlay: Write) -> None:
    overlay("rules: {AUTH-02: {to: 2024-12-31}}", "a.yaml")
    terms = load_ruleset(overlay("rules: {AUTH-02: {from: 2024-12-31}}", "b.yaml")).terms["AUTH-02"]

    assert date(2024, 12, 31) == terms.starts_on == terms.ends_on


def test_an_overlay_may_make_a_rule_for_everybody(overlay: Write) -> None:
    assert load_ruleset(overlay("rules: {LVL-01: {scope: null}}")).terms["LVL-01"].scope is None


def test_an_overlay_brings_payer_ids_of_a_site(overlay: Write) -> None:
    overlay("payer: humana\npayer_ids: {61101: {line_of_business: commercial}}".replace("61101", '"61101"'), "a.yaml")
    others = "OTHER: {line_of_business: auto}, PLAN: {line_of_business: medicare_advantage}"
    rules = load_ruleset(overlay(f"payer_ids: {{{others}}}", "b.yaml"))

    assert "humana" == rules.payers.by_id["61101"].key
    assert "default_commercial" == rules.payers.by_id["OTHER"].key
    assert "default_medicare_advantage" == rules.payers.by_id["PLAN"].key
    assert "medicare_ffs" == rules.payers.by_id["EXMEDICARE"].key


def test_an_overlay_replaces_a_tier_of_diagnoses(overlay: Write) -> None:
    rules = load_ruleset(overlay("diagnosis_tiers: {T1: {values: [{from: null, value: [R52]}]}}"))

    assert frozenset({"R52"}) == rules.diagnosis_tiers[None]["T1"].on(DAY)
    assert ruleset().diagnosis_tiers[None]["T2"] == rules.diagnosis_tiers[None]["T2"]


def test_diagnoses_of_a_tier_stand_with_or_without_the_dot_and_in_small_letters_too(overlay: Write) -> None:
    listed = "[M54.16, m5417, M54.4*, c4a, T50.8x5a, o*]"
    first, then = f"{{from: null, value: {listed}}}", "{from: 2026-06-20, value: {any: [m54.16], lumbar_sacral: [g55]}}"
    tier = load_ruleset(overlay(f"diagnosis_tiers: {{T1: {{values: [{first}, {then}]}}}}")).diagnosis_tiers[None]["T1"]

    assert ["C4A", "M5416", "M5417", "M544*", "O*", "T508X5A"] == list(tier.on(date(2026, 6, 19)))
    assert {
        "cervical_thoracic": frozenset({"M5416"}),
        "lumbar_sacral": frozenset({"M5416", "G55"}),
        None: frozenset({"M5416", "G55"}),
    } == tier.on(date(2026, 6, 20))


def test_a_value_keeps_unit_source_and_confidence_of_its_pack(overlay: Write) -> None:
    said = "unit: levels, values: [{from: 2026-01-01, value: 3, source: a letter, confidence: memory-low}]"
    rules = load_ruleset(overlay(f"payer: uhc\nrules: {{LVL-01: {{parameters: {{max_levels: {{{said}}}}}}}}}"))

    assert (
        Parameter("levels", (DatedValue(3, date(2026, 1, 1), "a letter", "memory-low"),), "overlay/site.yaml")
        == rules.terms["LVL-01"].parameters["uhc"]["max_levels"]
    )


def test_a_tier_of_regions_keeps_unit_dates_source_and_confidence_of_its_pack(overlay: Write) -> None:
    first = "{from: null, value: {lumbar_sacral: [R52]}, source: a letter, confidence: found}"
    then = "{from: 2026-06-15, value: {cervical_thoracic: [R52]}, source: another, confidence: memory-low}"
    rules = load_ruleset(overlay(f"diagnosis_tiers: {{T1: {{unit: codes, values: [{first}, {then}]}}}}"))

    tier = rules.diagnosis_tiers[None]["T1"]
    assert ("codes", "overlay/site.yaml") == (tier.unit, tier.pack)
    assert [(None, "a letter", "found"), (date(2026, 6, 15), "another", "memory-low")] == [
        (each.starts_on, each.source, each.confidence) for each in tier.values
    ]
    listed = frozenset({"R52"})
    assert [listed, frozenset()] == [tier.on(day)["lumbar_sacral"] for day in (date(2026, 6, 14), date(2026, 6, 15))]
    assert [listed, listed] == [tier.on(day)[None] for day in (date(2026, 6, 14), date(2026, 6, 15))]


def test_no_authorizations_are_sent_until_an_overlay_says_so(overlay: Write) -> None:
    assert "none" == ruleset().authorizations_feed("humana")

    overlay("payer: humana\nauthorizations: {feed: complete}", "humana.yaml")
    rules = load_ruleset(overlay("payer: aetna\nauthorizations: {feed: partial}", "aetna.yaml"))

    assert ["complete", "partial", "none"] == [
        rules.authorizations_feed(key) for key in ("humana", "aetna", "cigna_evicore")
    ]


def test_what_is_sent_of_a_payer_wins_over_what_is_sent_of_everybody(overlay: Write) -> None:
    overlay("authorizations: {feed: complete}")
    rules = load_ruleset(overlay("payer: humana\nauthorizations: {feed: none}", "humana.yaml"))

    assert ["none", "complete"] == [rules.authorizations_feed(key) for key in ("humana", "aetna")]


def test_a_number_is_unknown_only_where_all_authorizations_are_sent(overlay: Write) -> None:
    claim = a_claim(
        payer={"id": "EXCIGNA", "filing_indicator": "CI", "line_of_business": "commercial"},
        authorizations=[{"number": "A1"}],
    )
    rules = load_ruleset(overlay("payer: cigna_evicore\nauthorizations: {feed: complete}"))

    assert "AUTH-13" in decided(claim, rules=rules).decision.checks.fail
    assert "AUTH-13" in {each.rule for each in decided(claim).decision.checks.not_checked}


def test_encounter_facts_are_optional_until_an_overlay_says_otherwise(overlay: Write) -> None:
    assert not ruleset().encounters_required("humana")

    rules = load_ruleset(overlay("payer: humana\nencounter_facts: required", "humana.yaml"))

    assert [True, False] == [rules.encounters_required(key) for key in ("humana", "aetna")]


def test_what_a_payer_needs_of_encounter_facts_wins_over_what_everybody_needs(overlay: Write) -> None:
    overlay("encounter_facts: required")
    rules = load_ruleset(overlay("payer: humana\nencounter_facts: optional", "humana.yaml"))

    assert [False, True] == [rules.encounters_required(key) for key in ("humana", "aetna")]


def test_state_reaches_back_two_years_and_claims_can_be_revised_for_thirty_days() -> None:
    assert StateTerms(look_back_months=24, revision_days=30) == ruleset().state == StateTerms()


@pytest.mark.parametrize(("look_back_months", "revision_days"), [(1, 1), (120, 366)])
def test_an_overlay_says_how_far_state_reaches_back(overlay: Write, look_back_months: int, revision_days: int) -> None:
    overlay("state: {look_back_months: 36, revision_days: 60}", "a.yaml")
    text = f"state: {{look_back_months: {look_back_months}, revision_days: {revision_days}}}"

    assert StateTerms(look_back_months, revision_days) == load_ruleset(overlay(text, "b.yaml")).state
    assert ruleset().version.sha256 != load_ruleset(overlay(text, "b.yaml")).version.sha256


def test_an_empty_overlay_says_nothing(overlay: Write) -> None:
    folder = overlay("")

    assert ruleset().terms == load_ruleset(folder).terms


@pytest.mark.parametrize("name", ["site.yaml", "site.yml", "sites/one/site.yml"])
def test_a_pack_may_stand_in_any_folder_and_begin_with_a_byte_order_mark(overlay: Write, name: str) -> None:
    assert "site-é" == load_ruleset(overlay("\ufeffversion: site-é", name)).version.version


def test_a_folder_named_like_a_pack_is_no_pack(overlay: Write) -> None:
    folder = overlay(max_levels("3"))
    (folder / "old.yaml").mkdir()

    assert not standing(folder)


def test_without_the_table_in_the_reference_data_there_are_no_pairs(tmp_path: Path) -> None:
    (tmp_path / "other_2026.csv").write_text("a,b\n")

    assert load_ruleset(reference_data=tmp_path).reference.ncci is None


@pytest.mark.parametrize(
    ("day", "value"),
    [("2020-12-31", None), ("2021-01-01", 1), ("2021-12-31", 1), ("2022-01-01", None), ("2023-01-01", 2)],
)
def test_a_dated_value_holds_from_its_first_day_on(day: str, value: int | None) -> None:
    starts = {date(2021, 1, 1): 1, date(2022, 1, 1): None, date(2023, 1, 1): 2}
    parameter = Parameter(None, [DatedValue(each, on) for on, each in starts.items()])

    assert value == parameter.on(date.fromisoformat(day))


def test_a_value_without_a_first_day_holds_always() -> None:
    assert 3 == Parameter(None, [DatedValue(3, None)]).on(date.min)


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def sha256_of(packs: Path | None = None, reference_data: Path = REFERENCE_DATA) -> str:
    return load_ruleset(packs, reference_data=reference_data).version.sha256


def test_the_hash_is_the_same_each_time_and_wherever_the_overlay_lies(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "site.yaml").write_text(max_levels("3"))

    assert ruleset().version.sha256 == sha256_of()
    assert sha256_of(tmp_path / "a") == sha256_of(tmp_path / "b")
    assert ruleset().version.sha256 != sha256_of(tmp_path / "a")


def test_a_byte_of_the_overlay_or_its_path_changes_the_hash(overlay: Write) -> None:
    folder = overlay(max_levels("3"))
    first = sha256_of(folder)
    overlay(max_levels("3") + "\n")
    second = sha256_of(folder)
    (folder / "site.yaml").rename(folder / "sites.yaml")

    assert 3 == len({first, second, sha256_of(folder)})


def test_a_file_that_is_no_pack_leaves_the_hash_alone(overlay: Write) -> None:
    folder = overlay(max_levels("3"))
    before = sha256_of(folder)
    (folder / "README.md").write_text("why three levels")

    assert before == sha256_of(folder)


def test_a_byte_of_the_reference_data_changes_the_hash_and_a_note_beside_it_does_not(tmp_path: Path) -> None:
    shutil.copytree(REFERENCE_DATA, tmp_path, dirs_exist_ok=True)
    (tmp_path / "SOURCE.md").write_text("another note")
    before = sha256_of(reference_data=tmp_path)
    append(tmp_path / "mue_2024Q3.csv", "99999,1,3\n")

    assert ruleset().version.sha256 == before
    assert before != sha256_of(reference_data=tmp_path)


def test_a_byte_of_code_or_of_a_built_in_pack_changes_the_hash(tmp_path: Path) -> None:
    for package in ("schemas", "validators"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))

    def copy_of() -> str:
        script = "from validators.loading import load_ruleset; print(load_ruleset().version.sha256)"
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    same = copy_of()
    append(tmp_path / "schemas" / "decision.py", "\n")
    other_package = copy_of()
    append(tmp_path / "validators" / "code" / "ncci.py", "\n")
    code = copy_of()
    append(tmp_path / "validators" / "packs" / "base" / "code.yaml", "\n")

    assert ruleset().version.sha256 == same == other_package
    assert 3 == len({same, code, copy_of()})


@pytest.mark.parametrize("rule_id", ["CLM-08", "CLM-09", "CLM-10"])
def test_a_bound_of_the_claim_form_that_a_site_does_not_know_is_not_checked(overlay: Write, rule_id: str) -> None:
    rules = load_ruleset(
        overlay(f"rules: {{{rule_id}: {{parameters: {{max: {{values: [{{from: null, value: null}}]}}}}}}}}")
    )
    decision = decided(a_claim(), rules=rules).decision

    assert NotChecked(rule=rule_id, missing="parameter.max") in decision.checks.not_checked
