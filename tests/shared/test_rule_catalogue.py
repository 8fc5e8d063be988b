from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.validators.building import read_yaml, ruleset
from validators import codes
from validators.authorization.auth18_utn_shape_wrong import UTN
from validators.loading import BUILT_IN_PACKS
from validators.necessity import med14_other_injection_modality_same_day as med14
from validators.necessity import med15_biologic_injectate as med15
from validators.parameters import Layers
from validators.rule import Rule

pytestmark = pytest.mark.shared

RULES = [pytest.param(rule, id=rule.id) for rule in ruleset().rules]
ANY_DAY = date(2026, 6, 15)


@pytest.fixture(scope="module")
def catalogue(shared: Path) -> Any:
    return read_yaml(shared / "domain" / "rules.yaml")


@pytest.fixture(scope="module")
def payers(shared: Path) -> Any:
    return read_yaml(shared / "domain" / "payers.yaml")


def in_catalogue(catalogue: Any, rule_id: str) -> Any:
    (found,) = [rule for rule in catalogue["rules"] if rule["id"] == rule_id]
    return found


def said_of(catalogue: Any, rule: Rule) -> Any:
    """What the catalogue says of a rule; one that was added here is compared with nothing."""
    if rule.id not in {each["id"] for each in catalogue["rules"]}:
        pytest.skip(f"{rule.id} is a rule beyond the catalogue")
    return in_catalogue(catalogue, rule.id)


def day(value: date | None) -> str | None:
    return value.isoformat() if value else None


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_what_the_catalogue_says(catalogue: Any, rule: Rule) -> None:
    wanted = said_of(catalogue, rule)
    names = ("name", "family", "severity", "carc", "rarc", "bypassed_by", "needs")

    assert {name: wanted[name] for name in names} == {
        "name": rule.name,
        "family": rule.family,
        "severity": rule.severity,
        "carc": rule.carc,
        "rarc": list(rule.rarc),
        "bypassed_by": list(rule.bypassed_by),
        "needs": [need.value for need in rule.needs],
    }


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_for_whom_and_when_the_catalogue_says(catalogue: Any, rule: Rule) -> None:
    wanted = said_of(catalogue, rule)
    terms = ruleset().terms[rule.id]

    assert set(wanted["scope"]) == (terms.scope or {"all"})
    assert wanted["effective"] == {"from": day(terms.starts_on), "to": day(terms.ends_on)}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_cites_what_the_catalogue_cites(catalogue: Any, rule: Rule) -> None:
    cited = rule.citation

    assert said_of(catalogue, rule)["citation"] == {
        "document": cited.document,
        "section": cited.section,
        "effective": day(cited.effective),
        "confidence": cited.confidence,
    }


@pytest.mark.parametrize(
    ("rule_id", "name"),
    [
        ("LVL-01", "max_levels"),
        ("LVL-03", "max_regions"),
        *((f"DRUG-0{number}", "max_units") for number in (1, 2, 3, 4)),
    ],
)
def test_a_bound_has_the_value_and_first_day_of_the_catalogue(catalogue: Any, rule_id: str, name: str) -> None:
    wanted = in_catalogue(catalogue, rule_id)["parameters"][name]
    unknown, known = ruleset().terms[rule_id].parameters[None][name].values

    assert (wanted["value"], wanted["in_force_on"]) == (known.value, day(known.starts_on))
    assert (None, None) == (unknown.value, unknown.starts_on)


def test_the_reason_code_everybody_gives_for_ultrasound_is_that_of_the_catalogue(catalogue: Any) -> None:
    notes = in_catalogue(catalogue, "GUID-03")["notes"]
    keys = {"aetna": "55", "uhc": "55", "cigna_evicore": "50", "medicare_ffs": "50", "medicare_advantage": "50"}

    assert notes == "Aetna and UHC call it unproven: CARC 55 there."
    assert keys == {key: ruleset().parameter("GUID-03", "carc", (key,), ANY_DAY) for key in keys}


@pytest.mark.parametrize("rule_id", ["CLM-08", "CLM-09", "CLM-10"])
def test_a_bound_of_the_claim_form_is_that_of_the_catalogue(catalogue: Any, rule_id: str) -> None:
    wanted = in_catalogue(catalogue, rule_id)["parameters"]["max"]
    (always,) = ruleset().terms[rule_id].parameters[None]["max"].values

    assert (wanted["value"], wanted["in_force_on"]) == (always.value, day(always.starts_on))


def test_a_payer_takes_claims_for_as_many_months_as_the_table_says(catalogue: Any, payers: Any) -> None:
    given = ruleset().terms["CLM-17"].parameters
    first_day = in_catalogue(catalogue, "CLM-17")["parameters"]["medicare_ffs"]["in_force_on"]
    known = {
        key: [(None, None), (said["timely_filing_months"]["from"], said["timely_filing_months"]["value"])]
        for key, said in payers["payers"].items()
        if said["timely_filing_months"]["value"] is not None
    }

    assert first_day == payers["payers"]["medicare_ffs"]["timely_filing_months"]["from"]
    assert {None: [(None, None)]} | known == {
        layer: [(day(dated.starts_on), dated.value) for dated in named["timely_filing_months"].values]
        for layer, named in given.items()
    }


def test_the_lists_of_the_site_rules_are_those_of_the_catalogue(catalogue: Any) -> None:
    tables = catalogue["tables"]

    assert {"J*", *tables["contrast_codes"]} == set(ruleset().parameter("SOS-02", "drug_codes", (), ANY_DAY))
    assert {*tables["covered_rendering_taxonomies"]} == set(ruleset().parameter("SOS-04", "taxonomies", (), ANY_DAY))


@pytest.mark.parametrize("rule", RULES)
def test_a_payer_has_the_severity_that_the_catalogue_gives_it(catalogue: Any, rule: Rule) -> None:
    overrides = said_of(catalogue, rule).get("severity_overrides", ())
    wanted = {layer: said["severity"] for said in overrides if "when" not in said for layer in said["scope"]}

    assert wanted == ruleset().terms[rule.id].severities


def test_the_code_card_is_that_of_the_catalogue(catalogue: Any) -> None:
    tables = catalogue["tables"]
    card = {name: frozenset(listed) for name, listed in tables["code_card"].items() if isinstance(listed, list)}
    region = {code: name for name in ("cervical_thoracic", "lumbar_sacral") for code in card[name]}

    assert frozenset(tables["esi_codes"]) == codes.ESI
    assert frozenset(tables["retired_esi_codes"]["codes"]) == codes.RETIRED_ESI
    assert frozenset(" ".join(map(str, tables["retired_related_codes"])).split()) == codes.RETIRED_RELATED
    assert card["interlaminar"] == codes.INTERLAMINAR
    assert card["catheter"] == codes.CATHETER
    assert card["transforaminal"] == codes.TRANSFORAMINAL
    assert card["primary_transforaminal"] == codes.PRIMARY
    assert card["add_on"] == codes.ADD_ON
    assert card["guided"] == codes.GUIDED
    assert card["unguided"] == frozenset(codes.GUIDED_TWIN)
    assert region == codes.REGION
    assert tables["code_card"]["primary_of_add_on"] == codes.PRIMARY_OF
    assert frozenset(tables["imaging_guidance_codes"]) == codes.IMAGING
    assert frozenset(tables["ncci_x_modifiers"]) == codes.NCCI_X_MODIFIERS


def test_the_drug_codes_are_those_of_the_catalogue(catalogue: Any) -> None:
    tables = catalogue["tables"]

    assert frozenset(tables["steroids"]) == codes.STEROIDS
    assert frozenset(tables["contrast_codes"]) == codes.CONTRAST
    assert frozenset(tables["local_anesthetic_codes"]) == codes.LOCAL_ANESTHETICS
    assert frozenset(tables["single_dose_ndcs"]) == ruleset().parameter("DRUG-07", "single_dose_ndcs", (), ANY_DAY)


def test_the_other_modalities_are_those_of_the_catalogue(catalogue: Any) -> None:
    wanted = {
        kind: {code: None if region == "any" else region for region, listed in regions.items() for code in listed}
        for kind, regions in catalogue["tables"]["other_modalities"].items()
    }

    assert wanted == {
        kind: {code: med14.REGION_OF[code] for code in listed}
        for kind, listed in (
            ("facet", med14.FACET),
            ("sacroiliac", med14.SACROILIAC),
            ("sympathetic", med14.SYMPATHETIC),
            ("trigger_point", med14.TRIGGER_POINT),
        )
    }
    assert med14.REGION_OF.keys() == med14.MODALITIES


def test_the_biologics_are_those_of_the_catalogue(catalogue: Any) -> None:
    wanted = catalogue["tables"]["biologic_codes"]
    ((first, last),) = (each.split("-") for each in wanted["ranges"])
    inside = {code for code in med15.BIOLOGICS if first <= code <= last}

    assert {*wanted["codes"]} == med15.BIOLOGICS - inside
    assert int(last[1:]) - int(first[1:]) + 1 == len(inside)


@pytest.mark.parametrize(
    ("layers", "is_covered_for_a_risk"),
    [
        (("medicare_ffs", "medicare_ffs"), True),
        (("humana", "medicare_advantage"), True),
        (("cigna_evicore", "commercial"), True),
        (("humana", "commercial"), False),
    ],
)
def test_sedation_is_that_of_the_catalogue(catalogue: Any, layers: Layers, *, is_covered_for_a_risk: bool) -> None:
    tables = catalogue["tables"]["sedation_anesthesia"]
    names = ("sedation_bundled", "sedation_coverage", "sedation_modifiers")

    assert [
        frozenset(tables["bundled"]),
        frozenset(tables["coverage"]) if is_covered_for_a_risk else frozenset(),
        frozenset(tables["modifier"]) if is_covered_for_a_risk else frozenset(),
    ] == [ruleset().parameter("MED-16", name, layers, ANY_DAY) for name in names]


@pytest.mark.parametrize("rule_id", ["CODE-25", "CODE-27"])
def test_the_sedation_that_pairs_leave_out_is_that_of_the_catalogue(catalogue: Any, rule_id: str) -> None:
    for name, listed in catalogue["tables"]["sedation_anesthesia"].items():
        if name != "modifier":
            assert frozenset(listed) == ruleset().parameter(rule_id, f"sedation_{name}", (), ANY_DAY)


def test_the_wiser_model_is_that_of_the_catalogue(catalogue: Any) -> None:
    wiser = catalogue["tables"]["wiser"]
    terms = ruleset().terms["AUTH-02"]

    for name in ("states", "codes", "places_of_service", "types_of_bill"):
        assert frozenset(wiser[name]) == ruleset().parameter("AUTH-02", name, (), ANY_DAY)
    assert wiser["first_date_of_service"] == day(terms.starts_on)
    assert wiser["last_date_of_service"] == day(terms.ends_on)
    assert wiser["utn_pattern"] == f"^{UTN.pattern}$"


def test_the_hospital_outpatient_list_is_that_of_the_catalogue(catalogue: Any) -> None:
    added = catalogue["tables"]["opd_prior_authorization_codes"]
    nothing, *listed = ruleset().terms["AUTH-20"].parameters[None]["opd_prior_authorization_codes"].values

    assert (None, frozenset()) == (nothing.starts_on, nothing.value)
    assert [
        (first, frozenset(code for begun, codes in added.items() if begun <= first for code in codes))
        for first in added
    ] == [(day(dated.starts_on), dated.value) for dated in listed]


def test_the_diagnosis_tiers_are_those_of_the_catalogue(catalogue: Any) -> None:
    def codes_of(listed: Any) -> frozenset[str]:
        return frozenset(code.replace(".", "") for code in listed)

    tables = catalogue["tables"]["diagnosis_tiers"]
    for tier, parameter in ruleset().diagnosis_tiers[None].items():
        (dated,) = parameter.values
        wanted = tables[tier]
        if isinstance(wanted, dict):
            for region in ("lumbar_sacral", "cervical_thoracic"):
                assert codes_of((*wanted[region], *wanted["any"])) == dated.value[region]
            wanted = [code for listed in wanted.values() for code in listed]
            assert codes_of(wanted) == dated.value[None]
        else:
            assert codes_of(wanted) == frozenset(dated.value)


def test_the_determinations_of_states_are_those_of_the_table(payers: Any) -> None:
    wanted = {
        state: (said["lcd"], said["article"], said["mac"], said["jurisdiction"], said["from"], said["confidence"])
        for said in payers["medicare_jurisdictions"]
        for state in said["states"]
    }

    assert wanted == {
        state: (lcd.lcd, lcd.article, lcd.contractor, lcd.jurisdiction, day(lcd.starts_on), lcd.confidence)
        for state, lcd in ruleset().lcds.items()
    }


def test_a_payer_id_stands_for_the_payer_of_the_table(payers: Any) -> None:
    match = ruleset().payers

    assert payers["match"]["line_of_business_defaults"] == match.by_line_of_business
    assert payers["match"]["payer_ids"] == {
        payer_id: {"key": found.key, "line_of_business": found.line_of_business}
        for payer_id, found in match.by_id.items()
    }


def test_prior_authorization_of_a_payer_is_that_of_the_table(catalogue: Any, payers: Any) -> None:
    def wanted(given: Any) -> Any:
        if given["required"] is None:
            return None
        if not given["required"]:
            return {"required": False}
        every = catalogue["tables"]["esi_codes"] if given["codes"] == "all_esi_codes" else given["codes"]
        return {
            "required": True,
            "codes": frozenset(every),
            "excluded_places_of_service": frozenset(given["excluded_places_of_service"]),
        }

    for key, values in payers["payers"].items():
        ours = ruleset().parameter("AUTH-01", "prior_authorization", (key,), ANY_DAY)

        assert (key, wanted(values["prior_authorization"])) == (key, ours)


def test_whether_a_payer_wants_a_referral_is_what_the_table_says(payers: Any) -> None:
    assert {key: values["referral_required"] for key, values in payers["payers"].items()} == {
        key: ruleset().parameter("AUTH-17", "referral_required", (key,), ANY_DAY) for key in payers["payers"]
    }


def test_the_payers_are_those_of_the_table(payers: Any) -> None:
    keys = {path.stem for path in (BUILT_IN_PACKS / "payers").glob("*.yaml")}

    assert set(payers["payers"]) == keys == {match.key for match in ruleset().payers.by_id.values()}
