import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from streams.rulebook.scaffold import Draft, RefusedError, begin, draft_of

ROOT = Path(__file__).parents[3]
RULE = ("CODE-98", "too-many-of-them")


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
    listed = rules(copy, "show", "CODE-98", "--output", "json")
    tested = rules(copy, "test", "CODE-98", "--output", "json")

    assert (0, "") == (begun.returncode, begun.stderr)
    assert {
        "id": "CODE-98",
        "name": "too-many-of-them",
        "family": "code",
        "new": [
            "ops/changes/+code98.new_rule.md",
            "validators/code/code98_too_many_of_them.py",
            "validators/vectors/code98.yaml",
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
    rules(copy, "new", "CLM-98", "too-few-of-them")
    shutil.copy(ROOT / "pyproject.toml", copy)

    assert "" == command(copy, "-m", "ruff", "format", "--check", "--quiet", "validators").stdout
    assert "All checks passed!\n" == command(copy, "-m", "ruff", "check", "validators").stdout


def test_the_rule_stands_in_its_order_and_nothing_else_is_changed(copy):
    before = (copy / "validators" / "catalogue.py").read_text().splitlines()
    for rule in (("CODE-98", "second-of-them"), ("SYS-98", "last-of-them"), ("CODE-97", "first-of-them")):
        begin(Draft(*rule), copy)
    after = (copy / "validators" / "catalogue.py").read_text().splitlines()
    new = [line for line in after if line not in before]
    listed = [line.strip() for line in after if line.endswith(".RULE,")]

    assert [
        "from validators.code import code97_first_of_them as code97",
        "from validators.code import code98_second_of_them as code98",
        "from validators.system import sys98_last_of_them as sys98",
        "    code97.RULE,",
        "    code98.RULE,",
        "    sys98.RULE,",
    ] == new
    assert [line for line in after if line not in new] == before
    assert listed.index("code26.RULE,") < listed.index("code97.RULE,") < listed.index("lvl01.RULE,")
    assert "sys98.RULE," == listed[-1]


@pytest.mark.parametrize(
    ("text", "rule", "expected"),
    [
        ("rules:\n  CODE-03: {}\n  CODE-99: {}\n", "CODE-98", ["CODE-03: {}", "CODE-98: {}", "CODE-99: {}"]),
        ("rules:\n  # of the next\n  CODE-99: {}\n", "CODE-98", ["CODE-98: {}", "# of the next", "CODE-99: {}"]),
        ("rules:\n  CODE-03:\n    scope: [uhc]\n", "CODE-98", ["CODE-03:", "scope: [uhc]", "CODE-98: {}"]),
        ("rules:\n  CODE-03: {}\noverrides: []\n", "CODE-98", ["CODE-03: {}", "CODE-98: {}", "overrides: []"]),
    ],
)
def test_the_line_of_the_pack_stands_after_all_that_the_rule_before_says(copy, text, rule, expected):
    pack = copy / "validators" / "packs" / "base" / "code.yaml"
    pack.write_text(text)
    begin(Draft(rule, "too-many-of-them"), copy)

    assert ["rules:", *expected] == [line.strip() for line in pack.read_text().splitlines()]


def test_the_first_rule_of_a_family_brings_its_package_and_its_pack(copy):
    shutil.rmtree(copy / "validators" / "frequency", ignore_errors=True)
    pack = copy / "validators" / "packs" / "base" / "frequency.yaml"
    pack.unlink(missing_ok=True)
    begin(Draft("FREQ-98", "too-often"), copy)

    assert "  FREQ-98: {}" == pack.read_text().splitlines()[-1]
    assert (copy / "validators" / "frequency" / "__init__.py").exists()
    assert (copy / "validators" / "frequency" / "freq98_too_often.py").exists()


def test_a_rule_about_every_claim_is_one_and_has_no_case_it_does_not_apply_to(copy):
    begin(Draft("CLM-98", "too-few-of-them"), copy)
    begin(Draft("AUTH-98", "too-late-for-it"), copy)
    vectors = copy / "validators" / "vectors"

    assert "    every_claim=True,\n" in (copy / "validators" / "claim" / "clm98_too_few_of_them.py").read_text()
    assert "not_applicable" not in (vectors / "clm98.yaml").read_text()
    assert "not_applicable" in (vectors / "auth98.yaml").read_text()
    assert (
        "    primary_payer_only=True,\n"
        in (copy / "validators" / "authorization" / "auth98_too_late_for_it.py").read_text()
    )


def test_no_file_is_overwritten(copy):
    there = copy / "validators" / "vectors" / "code98.yaml"
    there.write_text("mine")
    before = (copy / "validators" / "catalogue.py").read_text()

    with pytest.raises(RefusedError, match=r"^validators/vectors/code98.yaml would be overwritten; move it away"):
        begin(Draft(*RULE), copy)
    assert ("mine", before) == (there.read_text(), (copy / "validators" / "catalogue.py").read_text())


def test_outside_of_a_checkout_nothing_is_begun(tmp_path):
    with pytest.raises(RefusedError, match="begin a rule in a checkout"):
        begin(Draft(*RULE), tmp_path)


@pytest.mark.parametrize(
    ("rule_id", "name", "family", "codes", "sentence"),
    [
        ("CODE-03", "a-new-name", None, (), "there is a rule CODE-03 (add-on-without-primary); take an id and a name"),
        ("CODE-98", "add-on-without-primary", None, (), "there is a rule CODE-03 (add-on-without-primary); take an id"),
        ("NONE-98", "a-new-name", None, (), "NONE-98 is no rule id; write one of CODE, LVL, "),
        ("CODE-9", "a-new-name", None, (), "CODE-9 is no rule id; "),
        ("code-98", "a-new-name", None, (), "code-98 is no rule id; "),
        ("CODE-98", "A-Name", None, (), "A-Name is no rule name; write what is wrong in lower-case words"),
        ("CODE-98", "word", None, (), "word is no rule name; "),
        ("CODE-98", "a-new-name", "level", (), "CODE-98 is of family code, not level; write an id of that family"),
        (
            "CODE-98",
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


def test_codes_are_typed_as_one_likes():
    assert ("0228T", "62323", "64483") == draft_of(*RULE, "code", ("64483, 62323,", "0228t", "62323")).codes


def test_the_command_says_what_it_wrote_and_what_comes_next(copy):
    done = rules(copy, "new", *RULE)
    again = rules(copy, "new", *RULE)

    assert done.stdout.startswith("CODE-98 too-many-of-them is begun; it says nothing yet\n  new      ops/changes/")
    assert "validators/README.md" in done.stdout
    assert (2, "") == (again.returncode, again.stdout)
    assert again.stderr.startswith("claimstream: there is a rule CODE-98 (too-many-of-them); ")
