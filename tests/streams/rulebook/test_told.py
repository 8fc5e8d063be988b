from datetime import date
from pathlib import Path

import pytest

from streams.rulebook.audience import Audience, audience_of, rule_named
from streams.rulebook.docs import in_catalogue_order
from streams.rulebook.told import is_meant, listed, plain, shown
from tests.validators.building import ruleset
from validators.catalogue import RULES
from validators.loading import load_ruleset
from validators.parameters import Patterns

DAY = date(2026, 6, 15)
SITE = """
rules:
  LVL-01:
    stage: trial
    parameters: {max_levels: {values: [
      {from: null, value: 3, source: our contract, confidence: found}, {from: 2027-01-01, value: 4}]}}
overrides:
  - {rule: LVL-01, effect: soften, severity: flag, payer: aetna, until: 2026-12-31, reason: appeal, owner: lead}
  - {rule: LVL-01, effect: disable, source: clinic, from: 2027-01-01, until: 2027-12-31, reason: later, owner: lead}
  - {rule: CODE-03, effect: disable, until: 2026-12-31, reason: another rule, owner: lead}
"""
AETNA = "payer: aetna\nrules: {LVL-01: {severity: info, parameters: {max_levels: {values: [{from: null, value: 1}]}}}}"


@pytest.fixture
def site(tmp_path: Path):
    """The rules of a site with packs of its own."""
    (tmp_path / "site.yaml").write_text(SITE)
    (tmp_path / "aetna.yaml").write_text(AETNA)
    return load_ruleset(tmp_path)


def told(rules, rule, *asked, on=DAY, **more):
    return shown(rule_named(rules, rule), rules, audience_of(rules, *(asked or (None,))), on, **more)


def test_the_list_says_what_the_contract_names_and_what_people_ask_next():
    assert {
        "id": "AUTH-02",
        "name": "wiser-claim-without-utn",
        "family": "authorization",
        "severity": "flag",
        "needs": ["claim"],
        "scope": ["medicare_ffs"],
        "stage": "stable",
        "effective": {"from": "2026-01-15", "to": "2031-12-31"},
        "carc": None,
        "rarc": ["M127"],
    } == listed(rule_named(ruleset(), "AUTH-02"), ruleset(), Audience())
    assert ["all"] == listed(rule_named(ruleset(), "CODE-03"), ruleset(), Audience())["scope"]


def test_the_order_is_that_of_the_catalogue_not_of_evaluation():
    assert [rule.id for rule in RULES] == [rule.id for rule in in_catalogue_order(ruleset().rules)]


@pytest.mark.parametrize(
    ("rule", "payer", "on", "meant"),
    [
        ("AUTH-02", None, None, True),
        ("AUTH-02", "medicare_ffs", None, True),
        ("AUTH-02", "aetna", None, False),
        ("AUTH-02", "medicare_ffs", date(2026, 1, 14), False),
        ("AUTH-02", "medicare_ffs", date(2026, 1, 15), True),
        ("AUTH-02", None, date(2032, 1, 1), False),
        ("CODE-03", "aetna", date(1999, 1, 1), True),
    ],
)
def test_a_rule_is_meant_for_its_payers_and_its_dates(rule, payer, on, meant):
    rules = ruleset()

    assert meant == is_meant(rule_named(rules, rule), rules, audience_of(rules, payer), on)


def test_what_a_rule_is_about_stands_in_its_own_words():
    page = told(ruleset(), "CODE-03")

    assert "An add-on level is billed without its first level." == page["what"]
    assert "an add-on whose only primary is of the other region (CODE-04)." == page["not"]
    assert (["CODE-04"], []) == (page["bypassed_by"], page["suppresses"])
    assert ["CODE-03"] == told(ruleset(), "CODE-04")["suppresses"]
    assert ["64480", "64484"] == page["codes"]
    assert page["modifiers"] is None


def test_a_citation_has_the_vintage_of_the_table_it_cites():
    page = told(ruleset(), "CODE-09")

    assert {"ncci": "2024Q3"} == page["tables"]
    assert "2024Q3" == page["citation"]["vintage"]


@pytest.mark.parametrize(
    ("asked", "on", "document"),
    [
        (("medicare_ffs", None, "FL"), DAY, "LCD L33906 and article "),
        (("medicare_ffs", None, "FL"), date(2021, 1, 1), "Multi-MAC LCD text"),
        (("medicare_ffs",), DAY, "Multi-MAC LCD text"),
    ],
)
def test_a_local_determination_is_cited_where_and_when_it_is_in_force(asked, on, document):
    citation = told(ruleset(), "LVL-01", *asked, on=on)["citation"]

    assert citation["document"].startswith(document)
    assert citation["vintage"] is None


def test_the_vectors_of_a_rule_are_counted_by_what_they_expect():
    vectors = told(ruleset(), "CODE-03")["vectors"]

    assert "validators/vectors/code03.yaml" == vectors["file"]
    assert vectors["cases"] == sum(vectors["kinds"].values())
    assert {"fail", "pass"} <= vectors["kinds"].keys()
    assert told(ruleset(), "SYS-02")["vectors"] is None


def test_a_parameter_tells_its_value_on_the_date_and_what_comes_later():
    (before,) = told(ruleset(), "LVL-01", "aetna", on=date(2021, 12, 4))["parameters"]
    (since,) = told(ruleset(), "LVL-01", "aetna", on=date(2021, 12, 5))["parameters"]

    assert (None, None) == (before["value"], before["from"])
    assert [(2, "2021-12-05")] == [(each["value"], each["from"]) for each in before["later"]]
    assert (2, "2021-12-05", "second-hand", []) == (since["value"], since["from"], since["confidence"], since["later"])


@pytest.mark.parametrize(
    ("asked", "layer", "because"),
    [
        ((), "all", "everybody's: no payer was asked for"),
        (("aetna",), "aetna", "payer aetna"),
        (("PLAIN",), "all", "everybody's: nobody nearer gives one"),
        (("EXHUMANACOM",), "commercial", "line of business commercial"),
        (("medicare_ffs", None, "ZZ"), "L1", "LCD of the state of service (MAC)"),
    ],
)
def test_the_nearest_layer_gives_the_value_and_it_is_told_why(tmp_path, asked, layer, because):
    one = "rules: {LVL-01: {parameters: {max_levels: {values: [{from: null, value: 1}]}}}}"
    (tmp_path / "aetna.yaml").write_text(f"payer: aetna\n{one}")
    (tmp_path / "lob.yaml").write_text(f"line_of_business: commercial\n{one}")
    lcd = "lcd: {lcd: L1, article: A1, contractor: MAC, jurisdictions: {J: [ZZ]}, from: null, confidence: found}"
    (tmp_path / "lcd.yaml").write_text(f"{lcd}\n{one}")
    (tmp_path / "plain.yaml").write_text("payer: plain\npayer_ids: {PLAIN: {line_of_business: other}}")
    (parameter,) = told(load_ruleset(tmp_path), "LVL-01", *asked)["parameters"]

    assert (layer, because) == (parameter["layer"], parameter["because"])


def test_a_site_is_shown_what_its_packs_replaced(site):
    (parameter,) = told(site, "LVL-01", "medicare_ffs", built_in=ruleset())["parameters"]

    assert (3, "overlay/site.yaml", "our contract") == (parameter["value"], parameter["pack"], parameter["source"])
    assert "levels per region and session" == parameter["unit"]
    assert [(4, "2027-01-01")] == [(each["value"], each["from"]) for each in parameter["later"]]
    assert [("aetna", 1), ("anthem_carelon", 2)] == sorted(
        (each["layer"], each["value"]) for each in parameter["others"]
    )
    assert [("all", 2, "packs/base/level.yaml")] == [
        (each["layer"], each["value"], each["pack"]) for each in parameter["replaced"]
    ]


def test_the_severity_of_a_payer_stands_beside_the_rules_own(site):
    page = told(site, "LVL-01", "aetna")

    assert ("info", "trial") == (page["severity"], page["stage"])
    assert [("all", "deny"), ("aetna", "info")] == [(each["layer"], each["severity"]) for each in page["severities"]]
    assert "deny" == told(site, "LVL-01", "medicare_ffs")["severity"]


@pytest.mark.parametrize(
    ("asked", "effects"),
    [
        ((), ["soften", "disable"]),
        (("aetna",), ["soften", "disable"]),
        (("medicare_ffs",), ["disable"]),
        (("medicare_ffs", None, None, "clinic"), ["disable"]),
        (("aetna", None, None, "hospital"), ["soften"]),
    ],
)
def test_overrides_are_those_of_the_rule_and_of_the_claims_that_are_meant(site, asked, effects):
    assert effects == [each["effect"] for each in told(site, "LVL-01", *asked)["overrides"]]


def test_an_override_is_signed_and_says_whether_it_is_in_effect(site):
    soften, disable = told(site, "LVL-01")["overrides"]

    assert {
        "effect": "soften",
        "severity": "flag",
        "payer": "aetna",
        "source": None,
        "from": None,
        "until": "2026-12-31",
        "reason": "appeal",
        "owner": "lead",
        "in_effect": True,
    } == soften
    assert (None, "clinic", "2027-01-01", False) == (
        disable["severity"],
        disable["source"],
        disable["from"],
        disable["in_effect"],
    )


def test_values_of_packs_are_plain_and_sorted():
    assert {"required": True, "codes": ["1", "2"], "kinds": ["A", "B*"], "none": None} == plain(
        {"required": True, "codes": frozenset({"2", "1"}), "kinds": Patterns(["B*", "A"]), "none": None}
    )
