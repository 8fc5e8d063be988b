import ast
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.validators.building import read_yaml, refusal, ruleset
from validators.loading import BUILT_IN_PACKS, load_ruleset
from validators.pack import PackFile, PackValue

SCHEMA = BUILT_IN_PACKS / "pack.schema.json"
FILES = [
    pytest.param(path, id=str(path.relative_to(BUILT_IN_PACKS))) for path in sorted(BUILT_IN_PACKS.rglob("*.y*ml"))
]
FOR_ALL = "a file without payer, line_of_business, lcd or of_lcd"
of_each_file = pytest.mark.parametrize("path", FILES)


def pack(path: Path) -> PackFile:
    return PackFile.model_validate(read_yaml(path) or {})


def values_of(file: PackFile) -> Iterator[tuple[str, PackValue]]:
    """What a pack says on dates, each value with its key."""
    given = {
        f"rules.{rule_id}.parameters.{name}": parameter
        for rule_id, rule in file.rules.items()
        for name, parameter in rule.parameters.items()
    } | {f"diagnosis_tiers.{tier}": parameter for tier, parameter in file.diagnosis_tiers.items()}
    for key, parameter in given.items():
        yield from ((f"{key} from {value.starts_on}", value) for value in parameter.values)


@of_each_file
def test_every_value_that_is_known_has_its_source_and_how_sure_it_is(path: Path) -> None:
    file = pack(path)

    assert [] == [
        key for key, value in values_of(file) if value.value is not None and not (value.source and value.confidence)
    ]
    assert file.lcd is None or file.lcd.source


@of_each_file
def test_an_editor_finds_the_schema_named_in_the_first_line(path: Path) -> None:
    first, _, _ = path.read_text().partition("\n")
    named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)

    assert named is not None
    assert SCHEMA == (path.parent / named[1]).resolve()


def test_the_schema_of_editors_says_what_a_pack_may_say() -> None:
    schema = json.loads(SCHEMA.read_text())
    del schema["$schema"]

    assert PackFile.model_json_schema(by_alias=True) == schema


def as_json(content: Any) -> Any:
    """YAML as an editor checks it: its dates are text."""
    return json.loads(json.dumps(content, default=str))


@of_each_file
def test_the_schema_accepts_a_pack_that_ships(path: Path) -> None:
    schema = json.loads(SCHEMA.read_text())
    Draft202012Validator.check_schema(schema)

    assert [] == [error.message for error in Draft202012Validator(schema).iter_errors(as_json(read_yaml(path)))]


@pytest.mark.parametrize(
    "content",
    [
        {"colour": "red"},
        {"rules": {"LVL-01": {"starts_on": "2026-01-01"}}},
        {"rules": {"LVL-01": {"severity": "worst"}}},
        {"rules": {"LVL-01": {"parameters": {"max_levels": {"values": [{"value": 2}]}}}}},
        {"rules": {"LVL-01": {"parameters": {"max_levels": {"values": [{"from": None}]}}}}},
        {"rules": {"LVL-01": {"parameters": {"max_levels": {"values": []}}}}},
        {"overrides": [{"rule": "LVL-01", "effect": "try", "until": "2026-12-31", "reason": "why"}]},
    ],
)
def test_the_schema_refuses_what_loading_refuses(content: Any) -> None:
    with pytest.raises(ValueError, match="PackFile"):
        PackFile.model_validate(content)
    assert not Draft202012Validator(json.loads(SCHEMA.read_text())).is_valid(content)


ASKED_FOR_LISTS = ("diagnoses_listed", "points_to")


def tiers_read() -> set[str]:
    """The lists of diagnoses whose names stand in a module that asks for lists, whole or filled in where it asks."""
    patterns: set[str] = set()
    for tree in (ast.parse(path.read_text()) for path in BUILT_IN_PACKS.parent.rglob("*.py")):
        nodes = list(ast.walk(tree))
        asking = [n for n in nodes if isinstance(n, ast.Call) and getattr(n.func, "attr", "") in ASKED_FOR_LISTS]
        if asking:
            patterns.update(
                re.escape(n.value) for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)
            )
        patterns.update(
            "".join(re.escape(part.value) if isinstance(part, ast.Constant) else ".+" for part in call.args[0].values)
            for call in asking
            if isinstance(call.args[0], ast.JoinedStr)
        )
    return {tier for tier in ruleset().diagnosis_tiers[None] if any(re.fullmatch(each, tier) for each in patterns)}


def test_every_list_of_diagnoses_is_read_by_a_rule() -> None:
    assert set(ruleset().diagnosis_tiers[None]) == tiers_read()


Edit = Callable[[str, Callable[[str], str]], str]


@pytest.fixture
def refused_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edit:
    """How the built-in packs are refused once a file of theirs is changed, or is there in addition."""
    packs = tmp_path / "packs"
    shutil.copytree(BUILT_IN_PACKS, packs)
    monkeypatch.setattr("validators.loading.BUILT_IN_PACKS", packs)

    def edit(file: str, change: Callable[[str], str]) -> str:
        path = packs / file
        path.write_text(change(path.read_text() if path.exists() else ""))
        return refusal()

    return edit


@pytest.mark.parametrize(
    ("file", "text", "key", "before"),
    [
        (
            "base/more.yaml",
            "rules: {LVL-01: {parameters: {max_levels: {values: [{from: null, value: 3}]}}}}",
            "rules.LVL-01.parameters.max_levels",
            "base/level.yaml",
        ),
        ("base/more.yaml", "rules: {LVL-01: {scope: [aetna]}}", "rules.LVL-01.scope", "base/level.yaml"),
        ("base/more.yaml", "rules: {AUTH-02: {from: 2026-01-01}}", "rules.AUTH-02.from", "base/authorization.yaml"),
        ("base/more.yaml", "rules: {AUTH-02: {to: null}}", "rules.AUTH-02.to", "base/authorization.yaml"),
        (
            "base/more.yaml",
            "diagnosis_tiers: {T1: {values: [{from: null, value: [R52]}]}}",
            "diagnosis_tiers.T1",
            "base/diagnosis_tiers.yaml",
        ),
        ("base/more.yaml", "authorizations: {feed: complete}", "authorizations", "base/authorization.yaml"),
        ("base/zz.yaml", "encounter_facts: required", "encounter_facts", "base/state.yaml"),
        ("base/zz.yaml", "state: {look_back_months: 1, revision_days: 1}", "state", "base/state.yaml"),
        ("base/zz.yaml", 'version: "1"', "version", "base/pack.yaml"),
        (
            "base/more.yaml",
            "line_of_business_defaults: {auto: aetna}",
            "line_of_business_defaults.auto",
            "base/match.yaml",
        ),
        (
            "payers/zz.yaml",
            "payer: aetna\npayer_ids: {EXUHC: {line_of_business: auto}}",
            "payer_ids.EXUHC",
            "payers/uhc.yaml",
        ),
        (
            "payers/more/aetna.yaml",
            "payer: aetna\nrules: {GUID-03: {parameters: {carc: {values: [{from: null, value: null}]}}}}",
            "rules.GUID-03.parameters.carc",
            "payers/aetna.yaml",
        ),
    ],
)
def test_what_two_built_in_packs_say_of_the_same_claims_is_refused(
    refused_with: Edit, tmp_path: Path, file: str, text: str, key: str, before: str
) -> None:
    (tmp_path / "packs" / file).parent.mkdir(exist_ok=True)
    first, second = sorted((before, file))

    assert f"pack packs/{second}, key {key}: pack packs/{first} says this too; write it once" == refused_with(
        file, lambda _: text
    )


def test_what_two_built_in_packs_say_of_different_claims_stands_beside_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packs = tmp_path / "packs"
    shutil.copytree(BUILT_IN_PACKS, packs)
    monkeypatch.setattr("validators.loading.BUILT_IN_PACKS", packs)
    said = "rules: {GUID-03: {severity: flag, parameters: {carc: {values: [{from: null, value: null}]}}}}"
    (packs / "payers" / "more.yaml").write_text(f"payer: humana\n{said}")
    (packs / "payers" / "most.yaml").write_text(f"line_of_business: medicare_advantage\n{said}")

    assert {"humana", "medicare_advantage"} == set(load_ruleset().terms["GUID-03"].severities)


@pytest.mark.parametrize(
    ("file", "change", "sentence"),
    [
        (
            "base/code.yaml",
            lambda text: text.replace("  CODE-03: {}\n", ""),
            f"no pack names rule CODE-03; write `rules: {{CODE-03: {{}}}}` in {FOR_ALL}",
        ),
        (
            "base/level.yaml",
            lambda _: "",
            f"no pack names rule LVL-01; write `rules: {{LVL-01: {{}}}}` in {FOR_ALL}",
        ),
        (
            "base/level.yaml",
            lambda text: re.sub(r"(?s)    parameters:.*?(?=  LVL-03)", "", text),
            (
                "pack packs/base/level.yaml, key rules.LVL-01.parameters: the rule reads max_levels, which is not "
                "given for everybody; add it here"
            ),
        ),
        (
            "base/match.yaml",
            lambda text: text.replace("  auto: default_commercial\n", ""),
            f"no pack gives line_of_business_defaults.auto; add it to {FOR_ALL}",
        ),
    ],
)
def test_a_base_pack_that_leaves_something_out_is_refused(
    refused_with: Edit, file: str, change: Callable[[str], str], sentence: str
) -> None:
    assert sentence == refused_with(file, change)
