from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from schemas.decision import Checks, Decision, Finding
from tests.validators.building import (
    Desk,
    Fields,
    claim_of,
    default_claim,
    facts_of,
    laid_over,
    read_yaml,
    ruleset,
)
from validators.decide import decision_bytes
from validators.loading import load_ruleset
from validators.ruleset import EncounterNeed, Feed, Ruleset

FACTS = ("authorizations", "encounters")
FILES = sorted((Path(__file__).parents[2] / "validators" / "vectors").glob("*.yaml"))


class Case(NamedTuple):
    """`facts` and `history` come before the claim, `later` after it, after which it stands as `revised` says.

    Of all authorizations `feed` are sent; the payer's encounters are optional or required. `packs` is what the one
    file of an overlay says.
    """

    rule: str
    name: str
    given: dict[str, Any]
    history: list[dict[str, Any]]
    facts: Fields
    later: Fields
    feed: Feed
    encounter_facts: EncounterNeed
    packs: Any
    expect: Any
    revised: Any


def cases_of(path: Path) -> list[Case]:
    content = read_yaml(path)
    return [
        Case(
            rule=content["rule"],
            name=case["name"],
            given=case.get("given", {}),
            history=case.get("history", []),
            facts={name: case[name] for name in FACTS if name in case},
            later=case.get("later", {}),
            feed=case.get("feed", "complete"),
            encounter_facts=case.get("encounter_facts", "optional"),
            packs=case.get("packs"),
            expect=case["expect"],
            revised=case.get("revised"),
        )
        for case in content["cases"]
    ]


def all_cases() -> Iterator[Any]:
    for path in FILES:
        for case in cases_of(path):
            yield pytest.param(case, id=f"{case.rule}: {case.name}")


def status(rule_id: str, checks: Checks) -> str:
    if rule_id in checks.fail:
        return "fail"
    for bypassed in checks.bypassed:
        if bypassed.rule == rule_id:
            return f"bypassed by {bypassed.by}"
    for not_checked in checks.not_checked:
        if not_checked.rule == rule_id:
            return f"not_checked missing {not_checked.missing}"
    return "pass" if rule_id in checks.passed else "not_applicable"


def seen(findings: list[Finding], asked: dict[str, Any]) -> dict[str, Any]:
    """What a case asks about the findings of its rule."""
    whole = {
        "status": "fail",
        "lines": sorted({number for finding in findings for number in finding.lines}),
        "findings": len(findings),
        "severity": findings[0].severity if findings else None,
        "message": findings[0].message if findings else None,
        "suggestion": findings[0].suggestion if findings else None,
        "at": findings[0].at if findings else None,
        "carc": findings[0].carc if findings else None,
        "rarc": list(findings[0].rarc) if findings else None,
        "observed": findings[0].observed if findings else None,
        "expected": findings[0].expected if findings else None,
    }
    return {key: whole[key] for key in asked}


def check(expect: Any, rule_id: str, decision: Decision) -> None:
    standing = status(rule_id, decision.checks)
    if isinstance(expect, dict):
        assert expect["status"] == standing
        assert expect == seen([each for each in decision.findings if each.rule == rule_id], expect)
    else:
        assert expect == standing


def ruleset_of(case: Case, folder: Path) -> Ruleset:
    rules = ruleset()
    if case.packs is not None:
        (folder / "site.yaml").write_text(yaml.safe_dump(case.packs))
        rules = load_ruleset(folder)
    return replace(rules, feeds={None: case.feed}, encounter_needs={None: case.encounter_facts})


@pytest.mark.parametrize("case", list(all_cases()))
def test_a_rule_says_what_its_vector_expects(case: Case, tmp_path: Path) -> None:
    given = laid_over(default_claim(), case.given)
    claim = claim_of(given)
    desk = Desk(ruleset_of(case, tmp_path))
    for fact in facts_of(case.facts, claim):
        desk.note(fact)
    for earlier in case.history:
        desk.decide(claim_of(laid_over(given, earlier)))
    first = desk.decide(claim, "event").decision
    revisions = [each.decision for fact in facts_of(case.later, claim) for each in desk.note(fact)]
    again = desk.decide(claim, "event").decision

    assert decision_bytes(first) == decision_bytes(again)
    check(case.expect, case.rule, first)
    if case.later:
        check(case.revised, case.rule, [first, *(each for each in revisions if each.event_id == first.event_id)][-1])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_vectors_of_a_rule_hold_a_fail_and_a_pass_under_names_of_their_own(path: Path) -> None:
    cases = cases_of(path)
    kinds = {case.expect["status"] if isinstance(case.expect, dict) else case.expect.split()[0] for case in cases}

    assert {"fail", "pass"} <= kinds
    assert sorted({case.name for case in cases}) == sorted(case.name for case in cases)
    assert {case.rule for case in cases} == {path.stem[:-2].upper() + "-" + path.stem[-2:]}


def test_every_rule_but_the_one_about_errors_has_vectors() -> None:
    # No claim can make a rule raise; test_engine.py brings it about.
    wanted = {rule.id for rule in ruleset().rules} - {"SYS-02"}

    assert wanted == {read_yaml(path)["rule"] for path in FILES}
