import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from streams.rulebook import scaffold
from streams.rulebook.scaffold import Draft, RefusedError, begin, draft_of
from streams.vectors.cases import read_vectors
from validators.catalogue import RULES
from validators.rule import FAMILIES

ROOT = Path(__file__).parents[3]


def free(family: str, back: int = 1) -> str:
    """An id no rule has or names: the last of its family, or one that many before."""
    taken = {each for rule in RULES for each in (rule.id, *rule.bypassed_by)}
    return [each for number in range(100) if (each := f"{family}-{number:02}") not in taken][-back]


CODE, CODE_BEFORE = free("CODE"), free("CODE", 2)
AUTH, CLM, FREQ, SYS = (free(family) for family in ("AUTH", "CLM", "FREQ", "SYS"))
RULE = (CODE, "too-many-of-them")
NEW = f"{CODE_BEFORE}: {{}}"
PLACEHOLDERS = (
    "say what is wrong, in a sentence",
    "say why a payer denies it",
    "say when, in words of the claim",
    "it says nothing yet",
    "say what looks like it and is right",
    "name the document and its section",
    "say nothing yet",
    "say how to mend it",
    "say which document",
    "say where in it",
    "say what is wrong with this claim",
    "say what is right with this claim",
    "what was seen, then the bound",
    "say what it finds",
    "service dates from …",
    "payer …",
)


def stem(rule_id: str) -> str:
    return rule_id.lower().replace("-", "")


def place(listed: str) -> tuple[int, str]:
    """Where the catalogue lists a rule: by family, then by id."""
    prefix = listed.partition(".")[0].rstrip("0123456789").upper()
    return [*FAMILIES].index(prefix), listed


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the tree, as far as rules are concerned."""
    unseen = shutil.ignore_patterns("__pycache__", "reference_data")
    for name in ("schemas", "validators", "streams"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=unseen)
    (tmp_path / "validators" / "reference_data").symlink_to(ROOT / "validators" / "reference_data")
    (tmp_path / "ops" / "changes").mkdir(parents=True)
    return tmp_path


def command(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of the copy; mypy and ruff judge with its own settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CLAIMSTREAM_")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env=environment | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def rules(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return command(copy, "-m", "streams", "rules", *arguments)


def test_a_rule_that_is_begun_loads_and_its_vectors_fail_until_it_is_written(copy):
    begun = rules(copy, "new", *RULE, "--family", "code", "--codes", "64483,62323", "--output", "json")
    listed = rules(copy, "show", CODE, "--output", "json")
    tested = rules(copy, "test", CODE, "--output", "json")

    assert (0, "") == (begun.returncode, begun.stderr)
    assert {
        "id": CODE,
        "name": "too-many-of-them",
        "family": "code",
        "new": [
            f"ops/changes/+{stem(CODE)}.new_rule.md",
            f"validators/code/{stem(CODE)}_too_many_of_them.py",
            f"validators/vectors/{stem(CODE)}.yaml",
        ],
        "changed": ["validators/catalogue.py", "validators/packs/base/code.yaml"],
    } == json.loads(begun.stdout)
    assert ("flag", ["62323", "64483"]) == (json.loads(listed.stdout)["severity"], json.loads(listed.stdout)["codes"])
    assert (1, ["say what is wrong with this claim"]) == (
        tested.returncode,
        [each["case"] for each in map(json.loads, tested.stdout.splitlines()) if each["kind"] == "failure"],
    )


def test_what_is_begun_is_formatted_and_has_nothing_to_find_fault_with(copy):
    rules(copy, "new", *RULE)
    rules(copy, "new", CLM, "too-few-of-them")
    shutil.copy(ROOT / "pyproject.toml", copy)

    assert "" == command(copy, "-m", "ruff", "format", "--check", "--quiet", "validators").stdout
    assert "All checks passed!\n" == command(copy, "-m", "ruff", "check", "validators").stdout


def test_the_rule_stands_in_its_order_and_nothing_else_is_changed(copy):
    before = (copy / "validators" / "catalogue.py").read_text().splitlines()
    for rule in ((CODE, "second-of-them"), (SYS, "last-of-them"), (CODE_BEFORE, "first-of-them")):
        begin(Draft(*rule), copy)
    after = (copy / "validators" / "catalogue.py").read_text().splitlines()
    new = [line for line in after if line not in before]
    listed = [line.strip() for line in after if line.endswith(".RULE,")]
    first, second, last = stem(CODE_BEFORE), stem(CODE), stem(SYS)

    assert [
        f"from validators.code import {first}_first_of_them as {first}",
        f"from validators.code import {second}_second_of_them as {second}",
        f"from validators.system import {last}_last_of_them as {last}",
        f"    {first}.RULE,",
        f"    {second}.RULE,",
        f"    {last}.RULE,",
    ] == new
    assert [line for line in after if line not in new] == before
    assert listed == sorted(listed, key=place)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"rules:\n  CODE-03: {{}}\n  {CODE}: {{}}\n", ["CODE-03: {}", NEW, f"{CODE}: {{}}"]),
        (f"rules:\n  # of the next\n  {CODE}: {{}}\n", [NEW, "# of the next", f"{CODE}: {{}}"]),
        ("rules:\n  CODE-03:\n    scope: [uhc]\n", ["CODE-03:", "scope: [uhc]", NEW]),
        ("rules:\n  CODE-03: {}\noverrides: []\n", ["CODE-03: {}", NEW, "overrides: []"]),
    ],
)
def test_the_line_of_the_pack_stands_after_all_that_the_rule_before_says(copy, text, expected):
    pack = copy / "validators" / "packs" / "base" / "code.yaml"
    pack.write_text(text)
    begin(Draft(CODE_BEFORE, "too-many-of-them"), copy)

    assert ["rules:", *expected] == [line.strip() for line in pack.read_text().splitlines()]


def test_the_first_rule_of_a_family_brings_its_package_and_its_pack(copy):
    shutil.rmtree(copy / "validators" / "frequency", ignore_errors=True)
    pack = copy / "validators" / "packs" / "base" / "frequency.yaml"
    pack.unlink(missing_ok=True)
    begin(Draft(FREQ, "too-often"), copy)

    assert f"  {FREQ}: {{}}" == pack.read_text().splitlines()[-1]
    assert (copy / "validators" / "frequency" / "__init__.py").exists()
    assert (copy / "validators" / "frequency" / f"{stem(FREQ)}_too_often.py").exists()


def test_a_rule_about_every_claim_is_one_and_has_no_case_it_does_not_apply_to(copy):
    begin(Draft(CLM, "too-few-of-them"), copy)
    begin(Draft(AUTH, "too-late-for-it"), copy)
    vectors = copy / "validators" / "vectors"

    assert "    every_claim=True,\n" in (copy / "validators" / "claim" / f"{stem(CLM)}_too_few_of_them.py").read_text()
    assert "not_applicable" not in (vectors / f"{stem(CLM)}.yaml").read_text()
    assert "not_applicable" in (vectors / f"{stem(AUTH)}.yaml").read_text()
    assert (
        "    primary_payer_only=True,\n"
        in (copy / "validators" / "authorization" / f"{stem(AUTH)}_too_late_for_it.py").read_text()
    )


def test_what_the_author_is_to_say_is_known_by_its_words(copy):
    written = "".join(path.read_text().casefold() for path in begin(Draft(*RULE), copy).new)

    assert [] == [words for words in PLACEHOLDERS if words not in written]


def test_no_rule_catalogue_or_news_was_left_as_it_was_begun():
    validators = ROOT / "validators"
    files = (
        *validators.rglob("*.py"),
        *validators.glob("vectors/*.yaml"),
        validators / "CATALOGUE.md",
        *(ROOT / "ops" / "changes").glob("*.md"),
    )
    texts = {path.relative_to(ROOT).as_posix(): path.read_text().casefold() for path in files}

    assert [] == [(name, words) for name, text in texts.items() for words in PLACEHOLDERS if words in text]


def test_no_file_is_overwritten(copy):
    there = copy / "validators" / "vectors" / f"{stem(CODE)}.yaml"
    there.write_text("mine")
    before = (copy / "validators" / "catalogue.py").read_text()

    with pytest.raises(
        RefusedError, match=rf"^validators/vectors/{stem(CODE)}.yaml would be overwritten; move it away"
    ):
        begin(Draft(*RULE), copy)
    assert ("mine", before) == (there.read_text(), (copy / "validators" / "catalogue.py").read_text())


def test_outside_of_a_checkout_nothing_is_begun(tmp_path):
    with pytest.raises(RefusedError, match="begin a rule in a checkout"):
        begin(Draft(*RULE), tmp_path)


@pytest.mark.parametrize(
    ("rule_id", "name", "family", "codes", "sentence"),
    [
        ("CODE-03", "a-new-name", None, (), "there is a rule CODE-03 (add-on-without-primary); take an id and a name"),
        (CODE, "add-on-without-primary", None, (), "there is a rule CODE-03 (add-on-without-primary); take an id"),
        ("NONE-98", "a-new-name", None, (), "NONE-98 is no rule id; write one of CODE, LVL, "),
        ("CODE-9", "a-new-name", None, (), "CODE-9 is no rule id; "),
        ("code-98", "a-new-name", None, (), "code-98 is no rule id; "),
        (CODE, "A-Name", None, (), "A-Name is no rule name; write what is wrong in lower-case words"),
        (CODE, "word", None, (), "word is no rule name; "),
        (CODE, "a-new-name", "level", (), f"{CODE} is of family code, not level; write an id of that family"),
        (
            CODE,
            "a-new-name",
            "code",
            ("62323,623",),
            "623 is no procedure code; write five characters, like 62323",
        ),
    ],
)
def test_what_cannot_be_a_new_rule_is_refused_in_a_sentence(rule_id, name, family, codes, sentence):
    with pytest.raises(RefusedError) as refused:
        draft_of(rule_id, name, family, codes)

    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(("others", "id_"), [((), "CODE-08"), (("CODE-98",), "CODE-99"), (("CODE-99",), "CODE-02")])
def test_an_id_that_rules_give_way_to_already_is_refused_with_the_next_free_one(monkeypatch, others, id_):
    ids = ("CODE-03", "CODE-01", *others)
    some = tuple(replace(rule, id=each, bypassed_by=()) for rule, each in zip(RULES, ids, strict=False))
    named = tuple(replace(rule, bypassed_by=("CODE-07",)) for rule in some[:2])
    monkeypatch.setattr(scaffold, "RULES", (*named, *some[2:]))

    with pytest.raises(RefusedError) as refused:
        Draft("CODE-07", "a-new-name")
    assert (
        "CODE-07 stands in bypassed_by of CODE-01, CODE-03 already, so the new rule would lift findings; "
        f"take {id_}, the next free id of its family"
    ) == str(refused.value)


@pytest.mark.parametrize(("rule_id", "lines"), [(FREQ, ["62323", "J7030"]), (CLM, ["J7030"])])
def test_vectors_of_a_code_that_is_no_injection_have_one_beside_it_where_the_rule_wants_one(copy, rule_id, lines):
    begin(Draft(rule_id, "too-many-of-them", ("J7030",)), copy)
    fails, passes, *_ = read_vectors(copy / "validators" / "vectors" / f"{stem(rule_id)}.yaml").cases
    done = rules(copy, "test", rule_id, "--output", "json")
    (failure,) = (each for each in map(json.loads, done.stdout.splitlines()) if each["kind"] == "failure")

    assert lines == [line["procedure_code"] for line in passes.given["service_lines"]]
    assert {"lines": [len(lines)]}.items() <= fails.expect.items()
    assert [{"what": "status", "expected": "fail", "seen": "pass"}] == failure["wrong"]


def test_codes_are_typed_as_one_likes():
    assert ("0228T", "62323", "64483") == draft_of(*RULE, "code", ("64483, 62323,", "0228t", "62323")).codes


def test_the_command_says_what_it_wrote_and_what_comes_next(copy):
    done = rules(copy, "new", *RULE)
    again = rules(copy, "new", *RULE)

    assert done.stdout.startswith(f"{CODE} too-many-of-them is begun; it says nothing yet\n  new      ops/changes/")
    assert "validators/README.md" in done.stdout
    assert (2, "") == (again.returncode, again.stdout)
    assert again.stderr.startswith(f"claimstream: there is a rule {CODE} (too-many-of-them); ")
