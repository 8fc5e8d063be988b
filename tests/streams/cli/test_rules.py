"""`claimstream rules list`, `show` and `test`."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from streams.cli import rules as rules_command
from streams.cli import rules_vectors
from streams.cli.rules_text import print_list, print_rule
from streams.rulebook.audience import Audience
from streams.rulebook.told import listed, shown
from streams.vectors.cases import read_vectors, vector_files
from tests.validators.building import ruleset
from validators.catalogue import RULES

SITE = """
rules:
  LVL-01: {stage: trial, parameters: {max_levels: {values: [{from: null, value: 1, source: contract}]}}}
  LVL-03: {parameters: {max_regions: {values: [{from: null, value: 2}, {from: 2030-01-01, value: 1}]}}}
overrides:
  - {rule: LVL-01, effect: soften, severity: flag, payer: aetna, until: 2026-12-31, reason: appeal, owner: lead}
  - {rule: LVL-01, effect: try, until: 2020-12-31, reason: new, owner: lead}
"""
CASES = """
rule: CODE-03
cases:
  - {name: an add-on alone, given: {service_lines: [{procedure_code: "64484"}]}, expect: {status: fail, lines: [2]}}
  - {name: a first level, expect: pass}
"""


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    folder = tmp_path / "packs"
    folder.mkdir()
    (folder / "site.yaml").write_text(SITE)
    return folder


def test_the_list_as_json_is_a_line_a_rule_in_the_order_of_the_catalogue(run):
    done = run("rules", "list", "--output", "json")

    assert (0, "") == (done.code, done.err)
    assert [rule.id for rule in RULES] == [line["id"] for line in done.lines]
    assert {"id", "name", "family", "severity", "needs", "scope"} <= done.lines[0].keys()


@pytest.mark.parametrize(
    ("options", "without", "with_it"),
    [
        (("--family", "code"), "GUID-01", "CODE-03"),
        (("--payer", "uhc"), "LVL-01", "GUID-03"),
        (("--payer", "EXAETNA"), "LVL-03", "LVL-01"),
        (("--payer", "humana"), "AUTH-02", "LVL-01"),
        (("--on", "2026-01-14"), "AUTH-02", "AUTH-01"),
    ],
)
def test_the_list_can_be_of_a_family_a_payer_or_a_date(run, options, without, with_it):
    ids = {line["id"] for line in run("rules", "list", "--output", "json", *options).lines}

    assert with_it in ids
    assert without not in ids


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_list_fits_the_terminal(run, columns):
    out = run("rules", "list", columns=columns).out

    assert max(map(len, out.splitlines())) <= columns
    assert [] == [rule.id for rule in RULES if rule.id not in out]


def test_the_list_names_a_rule_that_is_only_tried(run, packs):
    out = run("rules", "list", "--packs", packs, "--family", "level").out
    (row,) = [line for line in out.splitlines() if line.startswith("LVL-01")]

    assert ["LVL-01", "more-than-two-transforaminal-levels", "trial", "enc", "5"] == row.split()
    assert f" · {sum(rule.family == 'level' for rule in RULES)} rules\n" in out


def test_a_wide_list_names_payers_and_needs_in_full(run):
    out = run("rules", "list", "--family", "guidance", columns=120).out

    assert "medicare_advantage, medicare_ffs" in out
    assert "encounter" in out


def test_a_list_of_one_rule_is_of_one_rule(capsys):
    print_list([listed(RULES[0], ruleset(), Audience())], "1")

    assert capsys.readouterr().out.startswith("rules 1 · 1 rule\n")


def words(text: str) -> str:
    """Without the folds of lines."""
    return " ".join(text.split())


def test_a_rule_is_a_page(run):
    done = run("rules", "show", "CODE-03")

    assert (0, "") == (done.code, done.err)
    assert max(map(len, done.out.splitlines())) <= 80
    shown = words(done.out)
    for part in (
        "CODE-03 add-on-without-primary deny code · stable · needs claim, history · services of any date",
        "What An add-on level is billed without its first level.",
        "Why 64480 and 64484 are payable only beside 64479 and 64483.",
        "Fires an add-on line has no primary of its region by the same billing provider on the same date.",
        "Not an add-on whose only primary is of the other region (CODE-04).",
        "Fix add the missing primary, or recode the first level as the primary code",
        "Codes CARC 107 · RARC N122",
        "Cites NCCI add-on code edits, type 1: 64480 needs 64479; 64484 needs 64483 (",
        "Payers all",
        "Wakes 64480 64484",
        "Yields to CODE-04, where it fires",
        "Vectors ",
        "(validators/vectors/code03.yaml)",
    ):
        assert part in shown
    assert "Parameters" not in shown
    assert "Lifts CODE-03, where this one fires" in words(run("rules", "show", "CODE-04").out)


def test_a_rule_is_shown_as_it_is_for_a_payer_on_a_date(run):
    shown = words(run("rules", "show", "LVL-01", "--payer", "medicare_ffs", "--state", "FL", "--on", "2021-12-04").out)

    assert "Applies to claims of medicare_ffs, L33906 on 2021-12-04" in shown
    assert "max_levels levels per region and session is not known: not checked by everybody's: nobody nearer" in shown
    assert "packs/base/level.yaml from in force until 2021-12-05 · no source is given then 2 from 2021-12-05" in shown


def test_a_rule_that_does_not_look_at_the_payer_says_so(run):
    assert "Applies NOT to claims of uhc, commercial on 2026-06-15" in words(
        run("rules", "show", "LVL-01", "--payer", "uhc", "--on", "2026-06-15").out
    )


def test_a_payer_of_several_lines_of_business_asks_which(run):
    one = ("rules", "show", "LVL-01", "--payer", "humana", "--on", "2026-06-15")
    shown = words(run(*one).out)

    assert "Applies to claims of humana on 2026-06-15; its claims are commercial or medicare_advantage: say" in shown
    assert "NOT to claims of humana, commercial" in words(run(*one, "--line-of-business", "commercial").out)


def test_others_with_the_same_value_stand_together(run):
    shown = words(run("rules", "show", "AUTH-01", "--payer", "humana").out)

    assert "is required: yes · codes: 62320 62321 62322 62323 64479 64480 64483 64484 64999 · excluded places" in shown
    assert "by payer humana · packs/payers/humana.yaml from in force on every date · Cohere help page" in shown
    assert "else bcbsma, healthpartners, medicare_ffs: required: no" in shown


def test_a_sites_values_stand_with_what_they_replaced_and_its_overrides_with_who_signed_them(run, packs):
    shown = words(run("rules", "show", "LVL-01", "--packs", packs, "--payer", "aetna", "--on", "2026-06-15").out)

    assert "level · trial: whatever it finds is information only · needs" in shown
    assert "is 1 by everybody's: nobody nearer gives one · overlay/site.yaml from in force on every date" in shown
    assert "was all: 2 in packs/base/level.yaml" in shown
    assert "soften to at most flag · aetna · services … to 2026-12-31 appeal · owner lead" in shown
    assert "try · all payers · services … to 2020-12-31 (not on this date) new · owner lead" in shown


def test_the_severity_of_payers_is_told(run, packs):
    (packs / "aetna.yaml").write_text("payer: aetna\nrules: {LVL-01: {severity: flag}}")
    done = run("rules", "show", "LVL-01", "--packs", packs, "--payer", "aetna")

    assert done.out.startswith("LVL-01  more-than-two-transforaminal-levels  flag\n")
    assert "severity by payer: aetna flag" in done.out


@pytest.mark.parametrize(
    ("rule", "named", "yields"),
    [
        ("CODE-03", ("SYS-01", "NONE-01", "CODE-04"), "Yields to CODE-04, SYS-01, where one of them fires"),
        ("CODE-03", ("NONE-01",), None),
    ],
)
def test_a_rule_yields_to_rules_that_are_there(run, monkeypatch, rule, named, yields):
    rules = tuple(replace(each, bypassed_by=named) if each.id == rule else each for each in ruleset().rules)
    monkeypatch.setattr(rules_command, "rules_of", lambda _settings: replace(ruleset(), rules=rules))
    out = words(run("rules", "show", rule).out)

    assert (yields is not None) == ("Yields" in out)
    assert (yields or "") in out


@pytest.mark.parametrize(
    ("codes", "wakes"),
    [
        ({str(code) for code in range(99202, 99500)}, "99202-99499"),
        ({"64479", "64480", "64483"}, "64479 64480 64483"),
        ({"Q4100", "Q4101", "Q4102", "0228T", "0229T", "0230T", "J4103"}, "0228T 0229T 0230T J4103 Q4100-Q4102"),
    ],
)
def test_codes_that_follow_one_another_are_told_by_the_first_and_the_last(capsys, codes, wakes):
    rule = replace(RULES[0], codes=frozenset(codes))
    print_rule(shown(rule, ruleset(), Audience(), date(2026, 6, 15)))

    assert f"  Wakes    {wakes}\n" in "\n".join([*map(str.rstrip, capsys.readouterr().out.splitlines()), ""])


def test_the_words_of_a_parameter_are_folded_beside_its_name(run):
    lines = run("rules", "show", "CLM-17", columns=80).out.splitlines()
    (place,) = (place for place, line in enumerate(lines) if line.startswith("  timely_filing_months  "))

    assert f"{' ' * 24}claim" == lines[place + 1].rstrip()


def test_the_reason_code_of_a_payer_is_that_of_its_parameter(run):
    assert "Codes CARC 55 · " in words(run("rules", "show", "GUID-03", "--payer", "aetna").out)
    assert "Codes CARC 50 · " in words(run("rules", "show", "GUID-03", "--payer", "medicare_ffs").out)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_can_be_shown_within_80_columns(monkeypatch, capsys, rule):
    monkeypatch.setenv("COLUMNS", "80")
    print_rule(shown(rule, ruleset(), Audience(), date(2026, 6, 15)))
    out = capsys.readouterr().out

    assert out.startswith(f"{rule.id}  {rule.name}  {rule.severity}\n")
    assert max(map(len, out.splitlines())) <= 80


def test_a_rule_is_told_to_programs_in_one_object(run):
    (told,) = run("rules", "show", "lvl-01", "--output", "json", "--payer", "aetna", "--on", "2026-06-15").lines

    assert {"id", "what", "why", "fires", "not", "citation", "parameters", "overrides", "vectors"} <= told.keys()
    assert {
        "payer": "aetna",
        "line_of_business": "commercial",
        "lines_of_business_open": [],
        "lcd": None,
        "source": None,
        "on": "2026-06-15",
    } == told["asked"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("show", "CODE-3"), "claimstream: there is no rule CODE-3; did you mean CODE-03 (add-on-without-primary)?\n"),
        (("show", "CODE-03", "--payer", "humna"), "claimstream: there is no payer humna; did you mean humana?\n"),
        (("list", "--payer", "humna"), "claimstream: there is no payer humna; did you mean humana?\n"),
        (("test", "CODE-3"), "claimstream: there is no rule CODE-3; did you mean CODE-03 (add-on-without-primary)?\n"),
        (("list", "--packs", "nowhere"), "claimstream: nowhere is not a folder; name the folder that holds the packs"),
    ],
)
def test_what_is_not_there_is_a_usage_error_that_names_the_nearest(run, arguments, sentence):
    done = run("rules", *arguments)

    assert (2, "") == (done.code, done.out)
    assert done.err.startswith(sentence)


def test_the_vectors_of_all_rules_are_run(run):
    done = run("rules", "test", "--output", "json")
    *rules, summary = done.lines
    cases = [case for path in vector_files() for case in read_vectors(path).cases]

    assert (0, "") == (done.code, done.err)
    assert {"kind": "summary", "rules": len(RULES), "cases": len(cases), "failed": 0} == summary
    assert [rule.id for rule in RULES] == [each["rule"] for each in rules]
    assert sum(case.kind == "bypassed" for case in cases) == sum(each["bypassed"] for each in rules)


def test_the_vectors_of_one_rule_are_counted_by_what_they_expect(run):
    done = run("rules", "test", "CODE-03")

    assert (0, "") == (done.code, done.err)
    assert "all as expected" in done.out


@pytest.mark.parametrize(("rules", "summary"), [(("SYS-02",), "nothing is proved"), (("CODE-03", "SYS-02"), "all as")])
def test_a_rule_that_was_named_and_has_no_vectors_is_not_as_expected(run, rules, summary):
    done = run("rules", "test", *rules)
    told = run("rules", "test", *rules, "--output", "json")

    assert 1 == done.code == told.code
    assert ["SYS-02", "none"] in [line.split() for line in done.out.splitlines()]
    assert summary in done.out
    assert (
        "claimstream: nothing is proved of SYS-02; write vectors in validators/vectors/sys02.yaml\n"
        == done.err
        == told.err
    )
    assert {"kind": "summary", "rules": len(rules), "failed": 0}.items() <= told.lines[-1].items()


def test_a_folder_without_vectors_is_a_usage_error(run, tmp_path):
    done = run("rules", "test", "--vectors", tmp_path)

    assert (2, "") == (done.code, done.out)
    assert f"claimstream: {tmp_path} holds no vectors; name a folder with YAML files of them\n" == done.err


def test_a_sites_own_vectors_are_run_and_what_differs_is_told(run, tmp_path):
    folder = tmp_path / "vectors"
    folder.mkdir()
    (folder / "site.yaml").write_text(CASES)
    text = run("rules", "test", "CODE-03", "--vectors", folder)
    *failures, rule, _ = run("rules", "test", "CODE-03", "--vectors", folder, "--output", "json").lines

    assert 1 == text.code
    assert max(map(len, text.out.splitlines())) <= 80
    assert "an add-on alone lines expected [2] seen [1]" in words(text.out)
    assert "1 not as expected" in text.out
    assert [
        {
            "kind": "failure",
            "rule": "CODE-03",
            "case": "an add-on alone",
            "file": str(folder / "site.yaml"),
            "wrong": [{"what": "lines", "expected": [2], "seen": [1]}],
            "raised": None,
        }
    ] == failures
    assert 1 == rule["failed"]


def test_vectors_run_under_the_packs_of_a_site(run, packs):
    done = run("rules", "test", "LVL-01", "--packs", packs, "--output", "json")

    assert 1 == done.code
    assert "suggestion" in {wrong["what"] for wrong in done.lines[0]["wrong"]}
    assert "severity" not in {wrong["what"] for failure in done.lines for wrong in failure.get("wrong", ())}
    assert "validators/vectors/lvl01.yaml" == done.lines[0]["file"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "rule: CODE-3\ncases: [{name: a, expect: pass}]",
            "claimstream: vectors site.yaml, key rule: there is no",
        ),
        (
            "rule: code-03\ncases: [{name: a, expect: pass}]",
            "claimstream: vectors site.yaml, key rule: there is no rule code-03; did you mean CODE-03 (add-on-without-",
        ),
        ("rule: CODE-03", "claimstream: vectors site.yaml, key cases: Field required"),
    ],
)
def test_vectors_that_cannot_be_used_are_a_usage_error(run, tmp_path, text, sentence):
    folder = tmp_path / "vectors"
    folder.mkdir()
    (folder / "site.yaml").write_text(text)
    done = run("rules", "test", "--vectors", folder)

    assert (2, "") == (done.code, done.out)
    assert done.err.startswith(sentence)


def test_a_rule_that_raises_is_told_with_its_place(run, monkeypatch):
    def broken(lines, context):
        raise LookupError("nothing there")
        yield

    rules = tuple(replace(rule, check=broken) if rule.id == "CODE-03" else rule for rule in ruleset().rules)
    monkeypatch.setattr(rules_vectors, "rules_of", lambda _settings: replace(ruleset(), rules=rules))
    done = run("rules", "test", "CODE-03")

    assert 1 == done.code
    assert "LookupError: nothing there (test_rules.py, line " in words(done.out)
