from pathlib import Path
from typing import get_args

import pytest

from schemas.claim import LineOfBusiness
from tests.validators.building import Write, refusal, ruleset

PAYERS = sorted({match.key for match in ruleset().payers.by_id.values()})
LAYERS = ", ".join(sorted({*PAYERS, *(lcd.lcd for lcd in ruleset().lcds.values()), *get_args(LineOfBusiness)}))
DETERMINATIONS = ", ".join(sorted({lcd.lcd for lcd in ruleset().lcds.values()}))
LINES_OF_BUSINESS = "'medicare_ffs', 'medicare_advantage', 'medicaid', 'commercial', 'workers_comp', 'auto' or 'other'"
KEYS_OF_A_PACK = (
    "version, payer, line_of_business, lcd, of_lcd, payer_ids, line_of_business_defaults, diagnosis_tiers, "
    "authorizations, encounter_facts, state, rules, overrides"
)
KEYS_OF_A_RULE = "scope, from, to, stage, severity, secondary_payers, parameters"
FOR_ALL = "a file without payer, line_of_business, lcd or of_lcd"
A_BASE_PACK = f"a pack of one payer, line of business or LCD gives only parameters and severity; say this in {FOR_ALL}"
AN_LCD = "lcd: {lcd: L1, article: A1, contractor: C, jurisdictions: {J: [FL]}, from: null, confidence: found}"
OF_ONE = ": a file is of a payer, a line of business or an lcd; write one file for each"
NO_RULE = "there is no such rule; use an id of the catalogue"
BOUNDS = "rules.LVL-01.parameters.max_levels"


def bounds(*values: str) -> str:
    return f"rules: {{LVL-01: {{parameters: {{max_levels: {{values: [{', '.join(values)}]}}}}}}}}"


def override(**changes: str) -> str:
    said = {"rule": "LVL-01", "effect": "try", "until": "2026-12-31", "reason": "why", "owner": "who", **changes}
    return f"overrides: [{{{', '.join(f'{key}: {value}' for key, value in said.items())}}}]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: [\n", " at line 2 is not YAML: did not find expected node content; correct it"),
        ("rules: [", " at line 2 is not YAML: did not find expected node content; correct it"),
        ("a: b: c", " at line 1 is not YAML: mapping values are not allowed in this context; correct it"),
        ("version:\n  'é\n\x01'", " at line 3 is not YAML: control characters are not allowed; correct it"),
        ("rules:\n\tLVL-01: {}", " at line 2 is not YAML: a tab stands here; indent with spaces"),
        ("rules:\n  LVL-01:\n \t  scope: []", " at line 3 is not YAML: a tab stands here; indent with spaces"),
        ("rules:\n  LVL-01: *a\t", " at line 2 is not YAML: found undefined alias; correct it"),
        (
            "\n" + bounds("{from: null, value: {{max}}}"),
            " at line 2: a list or group of keys stands where a key has to; write the key as text",
        ),
        ("version: a\nrules: {}\nrules: {}", " at line 3: key rules stands twice; write it once"),
        ("rules: {LVL-01: {}, CODE-03: {},\n LVL-01: {}}", " at line 2: key LVL-01 stands twice; write it once"),
        (
            bounds("{from: 2021-13-45, value: 2}"),
            " at line 1: 2021-13-45 is no date; write one of the calendar, as 2026-01-31",
        ),
        ("[a, list]", ": a list stands here; write keys, each with its value, or {}"),
        ("payer: a\nline_of_business: medicaid", OF_ONE),
        (f"payer: a\n{AN_LCD}", OF_ONE),
        (f"of_lcd: L1\n{AN_LCD}", OF_ONE),
    ],
)
def test_a_file_that_is_no_pack_is_refused_in_one_sentence(overlay: Write, text: str, said: str) -> None:
    assert f"pack overlay/site.yaml{said}" == refusal(overlay(text))


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_file_in_another_encoding_is_refused(overlay: Write, encoding: str) -> None:
    folder = overlay("")
    (folder / "site.yaml").write_bytes("version: é".encode(encoding))

    assert "pack overlay/site.yaml is not UTF-8; save it as UTF-8" == refusal(folder)


@pytest.mark.parametrize("name", ["site.YAML", "site.txt", "site"])
def test_a_folder_without_a_pack_is_refused(tmp_path: Path, name: str) -> None:
    said = f"no pack (*.yaml) in {tmp_path}; name the folder that holds the packs, or none"

    assert said == refusal(tmp_path)
    (tmp_path / name).write_text("version: site")
    assert said == refusal(tmp_path)


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        (
            "colour: red",
            "colour",
            f"there is no such key here; write one of {KEYS_OF_A_PACK}",
        ),
        (
            "rules: {CODE-03: {color: red}}",
            "rules.CODE-03.color",
            f"there is no such key here; write one of {KEYS_OF_A_RULE}",
        ),
        (
            "rules: {CODE-03: {starts_on: 2026-01-01}}",
            "rules.CODE-03.starts_on",
            f"there is no such key here; write one of {KEYS_OF_A_RULE}",
        ),
        (
            bounds("{form: null, value: 2}"),
            f"{BOUNDS}.values.0.form",
            "there is no such key here; write one of from, value, source, confidence; did you mean from?",
        ),
        (
            "diagnosis_tiers: {T1: {unit: codes, valeus: []}}",
            "diagnosis_tiers.T1.valeus",
            "there is no such key here; write one of unit, values; did you mean values?",
        ),
        (
            "state: {look_back_months: 24, revision_days: 30, forever: true}",
            "state.forever",
            "there is no such key here; write one of look_back_months, revision_days",
        ),
        (
            "overrides: [{rule: LVL-01, effekt: try}]",
            "overrides.0.effekt",
            (
                "there is no such key here; write one of rule, effect, severity, payer, source, from, until, reason, "
                "owner; did you mean effect?"
            ),
        ),
    ],
)
def test_a_key_that_is_not_known_is_answered_with_those_that_are(
    overlay: Write, text: str, key: str, said: str
) -> None:
    assert f"pack overlay/site.yaml, key {key}: {said}" == refusal(overlay(text))


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        (bounds("{value: 2}"), f"{BOUNDS}.values.0.from", "the first date of service, or null for always"),
        (
            bounds("{from: null, value: 2}", "{from: 2026-01-01}"),
            f"{BOUNDS}.values.1.value",
            "what holds from then on, or null where it is not known",
        ),
        (
            "rules: {LVL-01: {parameters: {max_levels: {unit: levels}}}}",
            f"{BOUNDS}.values",
            "a list of values, each with from and value",
        ),
        (
            "payer_ids: {SITE: {}}",
            "payer_ids.SITE.line_of_business",
            "the line of business of claims that do not say theirs",
        ),
        ("authorizations: {}", "authorizations.feed", "none, partial or complete"),
        (
            "state: {revision_days: 30}",
            "state.look_back_months",
            "the months for which a record is seen after its arrival",
        ),
        ("state: {look_back_months: 24}", "state.revision_days", "the days for which a claim can be decided anew"),
        ("overrides: [{}]", "overrides.0.rule", "the id of the rule"),
        (
            "overrides: [{rule: LVL-01}]",
            "overrides.0.effect",
            "disable (not evaluated, bypassed), soften (at most `severity`) or try (information only)",
        ),
        ("overrides: [{rule: LVL-01, effect: try}]", "overrides.0.until", "the last date of service"),
        ("overrides: [{rule: LVL-01, effect: try, until: 2026-01-01}]", "overrides.0.reason", "why it is done"),
        (
            "overrides: [{rule: LVL-01, effect: try, until: 2026-01-01, reason: why}]",
            "overrides.0.owner",
            "who answers for it",
        ),
        ("lcd: {}", "lcd.lcd", "its number"),
        ("lcd: {lcd: L1}", "lcd.article", "the number of the billing article"),
        ("lcd: {lcd: L1, article: A1}", "lcd.contractor", "the name of the contractor"),
        (
            "lcd: {lcd: L1, article: A1, contractor: C}",
            "lcd.jurisdictions",
            "jurisdictions, each with its states",
        ),
        (
            "lcd: {lcd: L1, article: A1, contractor: C, jurisdictions: {J: [FL]}}",
            "lcd.from",
            "the first date of service, or null for always",
        ),
        (
            "lcd: {lcd: L1, article: A1, contractor: C, jurisdictions: {J: [FL]}, from: null}",
            "lcd.confidence",
            "how sure all this is",
        ),
    ],
)
def test_a_key_that_is_missing_is_answered_with_what_it_is_for(overlay: Write, text: str, key: str, said: str) -> None:
    assert f"pack overlay/site.yaml, key {key}: it is missing; add {said}" == refusal(overlay(text))


TEXT = "write text, in quotes where it looks like a number or date"
KEYS = "write keys, each with its value, or {}"
A_DATE = "write a date, as 2026-01-31"


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ("version: 1", "version", f"1 stands here; {TEXT}"),
        ("version: 2026-01-02", "version", f"2026-01-02 stands here; {TEXT}"),
        ("payer: {a: 1}", "payer", f"a group of keys stands here; {TEXT}"),
        ("payer: {}", "payer", f"an empty group of keys stands here; {TEXT}"),
        ("payer_ids: {61101: {line_of_business: auto}}", "payer_ids.61101", f"61101 stands here; {TEXT}"),
        ("rules: {CODE-03: }", "rules.CODE-03", f"nothing stands here; {KEYS}"),
        ("rules: [CODE-03]", "rules", f"a list stands here; {KEYS}"),
        ("rules: {LVL-01: {scope: all}}", "rules.LVL-01.scope", "all stands here; write a list"),
        ("rules: {LVL-01: {scope: [true]}}", "rules.LVL-01.scope.0", f"true stands here; {TEXT}"),
        ("rules: {LVL-01: {from: soon}}", "rules.LVL-01.from", f"soon stands here; {A_DATE}"),
        ("rules: {LVL-01: {to: 2026}}", "rules.LVL-01.to", f"2026 stands here; {A_DATE}"),
        (
            "rules: {LVL-01: {to: 2026-01-01 10:30:00}}",
            "rules.LVL-01.to",
            f"2026-01-01 10:30:00 stands here; {A_DATE}",
        ),
        (
            "rules: {LVL-01: {secondary_payers: maybe}}",
            "rules.LVL-01.secondary_payers",
            "maybe stands here; write true or false",
        ),
        (
            "rules: {LVL-01: {stage: new}}",
            "rules.LVL-01.stage",
            "new stands here; write 'stable' or 'trial'",
        ),
        (
            "rules: {LVL-01: {severity: ''}}",
            "rules.LVL-01.severity",
            "empty text stands here; write 'deny', 'flag' or 'info'",
        ),
        (bounds(), f"{BOUNDS}.values", "an empty list stands here; write at least one"),
        (
            bounds("{from: null, value: 2, confidence: high}"),
            f"{BOUNDS}.values.0.confidence",
            "high stands here; write 'found', 'second-hand', 'memory-high', 'memory-medium' or 'memory-low'",
        ),
        (
            "authorizations: {feed: some}",
            "authorizations.feed",
            "some stands here; write 'none', 'partial' or 'complete'",
        ),
        ("encounter_facts: wanted", "encounter_facts", "wanted stands here; write 'optional' or 'required'"),
        (
            "payer_ids: {SITE: {line_of_business: charity}}",
            "payer_ids.SITE.line_of_business",
            f"charity stands here; write {LINES_OF_BUSINESS}",
        ),
        (
            "line_of_business_defaults: {charity: humana}",
            "line_of_business_defaults.charity",
            f"charity stands here; write {LINES_OF_BUSINESS}",
        ),
        (
            "state: {look_back_months: 0, revision_days: 30}",
            "state.look_back_months",
            "0 stands here; write 1 or more",
        ),
        (
            "state: {look_back_months: 121, revision_days: 30}",
            "state.look_back_months",
            "121 stands here; write 120 or less",
        ),
        ("state: {look_back_months: 24, revision_days: 0}", "state.revision_days", "0 stands here; write 1 or more"),
        (
            "state: {look_back_months: 24, revision_days: 367}",
            "state.revision_days",
            "367 stands here; write 366 or less",
        ),
        (
            "state: {look_back_months: 24.5, revision_days: 30}",
            "state.look_back_months",
            "24.5 stands here; write a whole number",
        ),
        (
            f"state: {{look_back_months: 24, revision_days: {'x' * 100}}}",
            "state.revision_days",
            f"{'x' * 60} stands here; write a whole number",
        ),
        (
            "lcd: {lcd: L1, article: A1, contractor: C, jurisdictions: {}, from: null, confidence: found}",
            "lcd.jurisdictions",
            "an empty group of keys stands here; write at least one",
        ),
        (override(reason="''"), "overrides.0.reason", "empty text stands here; write at least a word"),
        (override(owner="''"), "overrides.0.owner", "empty text stands here; write at least a word"),
        (
            override(effect="forget"),
            "overrides.0.effect",
            "forget stands here; write 'disable', 'soften' or 'try'",
        ),
        (override(severity="deny"), "overrides.0.severity", "deny stands here; write 'flag' or 'info'"),
    ],
)
def test_what_does_not_fit_its_key_is_answered_with_what_does(overlay: Write, text: str, key: str, said: str) -> None:
    assert f"pack overlay/site.yaml, key {key}: {said}" == refusal(overlay(text))


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ("rules: {CIDE-9: {}}", "rules.CIDE-9", f"{NO_RULE}; did you mean CODE-09?"),
        ("rules: {lvl-01: {}}", "rules.lvl-01", f"{NO_RULE}; did you mean LVL-01?"),
        ("rules: {cadence: {}}", "rules.cadence", NO_RULE),
        (
            "rules: {LVL-01: {parameters: {MAX_LEVEL: {values: [{from: null, value: 1}]}}}}",
            "rules.LVL-01.parameters.MAX_LEVEL",
            "the rule does not read this parameter; remove it, or write one of max_levels; did you mean max_levels?",
        ),
        (
            "rules: {CODE-03: {parameters: {depth: {values: [{from: null, value: 1}]}}}}",
            "rules.CODE-03.parameters.depth",
            "the rule does not read this parameter; remove it, or name it in the rule's `parameters`",
        ),
        (
            "payer: aetna\nrules: {LVL-01: {parameters: {depth: {values: [{from: null, value: 1}]}}}}",
            "rules.LVL-01.parameters.depth",
            "the rule does not read this parameter; remove it, or write one of max_levels",
        ),
        (
            "rules: {LVL-01: {scope: [aetna, medicair]}}",
            "rules.LVL-01.scope",
            f"medicair is no payer key, line of business or LCD; write one of {LAYERS}; did you mean medicaid?",
        ),
        (
            "diagnosis_tiers: {T1: {values: [{from: null, value: [54]}]}}",
            "diagnosis_tiers.T1",
            "54 stands in a list of codes; write it in quotes",
        ),
        (
            "diagnosis_tiers: {T1: {values: [{from: null, value: {lumbar: [M5416]}}]}}",
            "diagnosis_tiers.T1",
            "write a list of codes, or lists under cervical_thoracic, lumbar_sacral, any",
        ),
        *(
            (
                f"diagnosis_tiers: {{T1: {{values: [{{from: null, value: {{lumbar_sacral: {listed}}}}}]}}}}",
                "diagnosis_tiers.T1",
                "write a list of codes, or lists under cervical_thoracic, lumbar_sacral, any",
            )
            for listed in ("M5416", "null", "{M5416: M5417}")
        ),
        (
            "diagnosis_tiers: {T1: {values: [{from: null, value: null}]}}",
            "diagnosis_tiers.T1",
            "write a list of codes, or lists under cervical_thoracic, lumbar_sacral, any",
        ),
        (
            "lcd: {lcd: L1, article: A1, contractor: C, jurisdictions: {J: [FL]}, from: null, confidence: found}",
            "lcd.jurisdictions.J",
            "FL is in packs/lcds/first_coast_l33906.yaml too; write each state once",
        ),
        (
            "of_lcd: L1",
            "of_lcd",
            f"no file describes L1; write one of {DETERMINATIONS}, or describe it under lcd",
        ),
        (
            "payer: Aetnaa",
            "payer",
            f"no payer id leads to Aetnaa; add payer_ids, or write one of {', '.join(PAYERS)}; did you mean aetna?",
        ),
        ("payer: zz", "payer", f"no payer id leads to zz; add payer_ids, or write one of {', '.join(PAYERS)}"),
        (
            "line_of_business_defaults: {auto: aetnaa}",
            "line_of_business_defaults.auto",
            f"no pack is of payer aetnaa; write one of {', '.join(PAYERS)}",
        ),
    ],
)
def test_what_leads_nowhere_is_answered_with_what_leads_somewhere(
    overlay: Write, text: str, key: str, said: str
) -> None:
    assert f"pack overlay/site.yaml, key {key}: {said}" == refusal(overlay(text))


def test_a_tier_of_diagnoses_has_a_list_on_every_day(overlay: Write) -> None:
    text = "payer: aetna\ndiagnosis_tiers: {T1: {values: [{from: 2026-06-15, value: [M5416]}]}}"

    assert refusal(overlay(text)) == (
        "pack overlay/site.yaml, key diagnosis_tiers.T1: there is no list before 2026-06-15; write one from null, "
        "[] for none"
    )


@pytest.mark.parametrize("code", ["5416", "M", "M5", "MM416", "M54161234", "M54 16", "M5*16", "*", "M54161*1", ""])
@pytest.mark.parametrize("value", ["['{}']", "{{any: [M5416, '{}']}}", "{{lumbar_sacral: ['{}']}}"])
def test_what_has_not_the_shape_of_a_diagnosis_stands_in_no_tier(overlay: Write, code: str, value: str) -> None:
    first = "{from: null, value: [M5416]}"
    text = f"diagnosis_tiers: {{T1: {{values: [{first}, {{from: 2026-06-15, value: {value.format(code)}}}]}}}}"
    told = f'"{code}"' if code[:1].isdigit() else code or "empty text"

    assert refusal(overlay(text)) == (
        f"pack overlay/site.yaml, key diagnosis_tiers.T1, value from 2026-06-15: {told} is no ICD-10-CM code; "
        "write one, as M54.16, or with * all that begin so, as M54*"
    )


def test_a_tier_of_diagnoses_no_rule_reads_is_refused(overlay: Write) -> None:
    text = "payer: aetna\ndiagnosis_tiers: {T9: {values: [{from: null, value: [M5416]}]}}"
    tiers = ", ".join(ruleset().diagnosis_tiers[None])

    assert (
        f"pack overlay/site.yaml, key diagnosis_tiers.T9: no rule reads such a tier of aetna; write one of {tiers}"
    ) == refusal(overlay(text))


@pytest.mark.parametrize("of", ["payer: aetna", "line_of_business: medicaid", AN_LCD.replace("FL", "XX")])
@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        (
            "state: {look_back_months: 24, revision_days: 30}",
            "state",
            f"there is one for all payers; say this in {FOR_ALL}",
        ),
        (
            "line_of_business_defaults: {auto: aetna}",
            "line_of_business_defaults",
            f"there is one for all payers; say this in {FOR_ALL}",
        ),
        ("rules: {LVL-01: {scope: [aetna]}}", "rules.LVL-01.scope", A_BASE_PACK),
        ("rules: {LVL-01: {from: 2026-01-01}}", "rules.LVL-01.from", A_BASE_PACK),
        ("rules: {LVL-01: {to: 2026-01-01}}", "rules.LVL-01.to", A_BASE_PACK),
        ("rules: {LVL-01: {stage: trial}}", "rules.LVL-01.stage", A_BASE_PACK),
        ("rules: {AUTH-01: {secondary_payers: true}}", "rules.AUTH-01.secondary_payers", A_BASE_PACK),
    ],
)
def test_what_is_said_of_everybody_stands_in_no_pack_of_somebody(
    overlay: Write, of: str, text: str, key: str, said: str
) -> None:
    assert f"pack overlay/site.yaml, key {key}: {said}" == refusal(overlay(f"{of}\n{text}"))


@pytest.mark.parametrize("of", ["line_of_business: medicaid", AN_LCD.replace("FL", "XX")])
@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("payer_ids: {SITE: {line_of_business: auto}}", "payer_ids"),
        ("authorizations: {feed: complete}", "authorizations"),
        ("encounter_facts: required", "encounter_facts"),
    ],
)
def test_what_is_said_of_a_payer_stands_in_no_pack_of_a_line_of_business_or_lcd(
    overlay: Write, of: str, text: str, key: str
) -> None:
    assert (
        f"pack overlay/site.yaml, key {key}: this is said of one payer or of everybody; say it in a pack of the payer "
        f"or in {FOR_ALL}"
    ) == refusal(overlay(f"{of}\n{text}"))


@pytest.mark.parametrize(
    ("values", "later", "earlier"),
    [
        ("{from: 2026-02-01, value: 1}, {from: 2026-01-01, value: 2}", "2026-01-01", "2026-02-01"),
        ("{from: 2026-01-01, value: 1}, {from: 2026-01-01, value: 2}", "2026-01-01", "2026-01-01"),
        ("{from: 2026-01-01, value: 1}, {from: null, value: 2}", "null", "2026-01-01"),
        ("{from: null, value: 1}, {from: null, value: 2}", "null", "null"),
    ],
)
def test_values_out_of_order_are_refused(overlay: Write, values: str, later: str, earlier: str) -> None:
    assert (
        f"pack overlay/site.yaml, key {BOUNDS}: the value from {later} stands after the one from {earlier}; "
        "write values in order of `from`, each date once, null only first"
    ) == refusal(overlay(bounds(values)))


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        (
            override(rule="LVL-99"),
            "overrides.0.rule",
            "there is no rule LVL-99; use an id of the catalogue; did you mean LVL-09?",
        ),
        (
            override(payer="aetnaa"),
            "overrides.0.payer",
            f"aetnaa is no payer key, line of business or LCD; write one of {LAYERS}; did you mean aetna?",
        ),
        (
            f"payer: humana\n{override(payer='aetna')}",
            "overrides.0.payer",
            "this pack is of humana; leave the payer out",
        ),
        (
            override(effect="soften"),
            "overrides.0",
            "severity goes with the effect soften, and with no other; write severity: flag or info",
        ),
        (
            override(effect="disable", severity="info"),
            "overrides.0",
            "severity goes with the effect soften, and with no other; write severity: flag or info",
        ),
        (
            override(**{"from": "2027-01-01"}),
            "overrides.0",
            "from is after until; write the first date of service, then the last",
        ),
        (
            override().replace("}]", "}, {rule: LVL-99, effect: try, until: 2026-01-01, reason: a, owner: b}]"),
            "overrides.1.rule",
            "there is no rule LVL-99; use an id of the catalogue; did you mean LVL-09?",
        ),
    ],
)
def test_an_override_that_overrides_nothing_is_refused(overlay: Write, text: str, key: str, said: str) -> None:
    assert f"pack overlay/site.yaml, key {key}: {said}" == refusal(overlay(text))


LATE = "write the first date of service, then the last, or switch the rule off under overrides"


@pytest.mark.parametrize(
    ("rule_id", "said", "starts_on", "ends_on"),
    [
        ("LVL-01", "from: 2026-06-16, to: 2026-06-15", "2026-06-16", "2026-06-15"),
        ("AUTH-02", "to: 2026-01-14", "2026-01-15", "2026-01-14"),
        ("AUTH-02", "from: 2032-01-01", "2032-01-01", "2031-12-31"),
    ],
)
def test_a_rule_that_ends_before_it_begins_is_refused(
    overlay: Write, rule_id: str, said: str, starts_on: str, ends_on: str
) -> None:
    overlay(f"rules: {{{rule_id}: {{stage: trial}}}}", "zz.yaml")

    assert (
        f"pack overlay/site.yaml, key rules.{rule_id}: from ({starts_on}) is after to ({ends_on}); {LATE}"
        == refusal(overlay(f"rules: {{{rule_id}: {{{said}}}}}"))
    )
