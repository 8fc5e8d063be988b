"""A value that is not known, of any parameter: rules are not checked where they need it, and never break."""

from dataclasses import replace
from functools import cache

import pytest

from schemas.claim import Claim
from schemas.decision import NotChecked
from streams.vectors.cases import VECTORS, claim_of, default_claim, laid_over, read_vectors
from tests.validators.building import Write, a_claim, decided, line, ruleset
from validators.context import Context, Event
from validators.engine import evaluate
from validators.loading import load_ruleset
from validators.parameters import DatedValue, Parameter
from validators.rule import Rule
from validators.ruleset import Ruleset

EVENT = Event("e", 0, str)
NOT_KNOWN = Parameter(None, (DatedValue(None, None),))
PARAMETERS = sorted(
    (rule_id, name) for rule_id, terms in ruleset().terms.items() for name in terms.parameters.get(None, {})
)


@cache
def claims_of(family: str) -> tuple[Claim, ...]:
    """The claims of the vectors of a family, whose rules read parameters of each other."""
    files = [read_vectors(path) for path in sorted(VECTORS.glob(f"{family.lower()}[0-9]*.yaml"))]
    return tuple(claim_of(laid_over(default_claim(), case.given)) for vectors in files for case in vectors.cases)


def without(rule_id: str, name: str) -> Ruleset:
    """The rules where a parameter is known to no layer."""
    terms = ruleset().terms[rule_id]
    layered = {
        layer: {**given, name: NOT_KNOWN} if name in given else given for layer, given in terms.parameters.items()
    }
    return replace(ruleset(), terms={**ruleset().terms, rule_id: replace(terms, parameters=layered)})


def raised(rules: Ruleset, claims: tuple[Claim, ...]) -> list[tuple[str, str]]:
    """Rules that raised, and what."""
    errors: list[tuple[str, str]] = []

    def note(rule: Rule, error: Exception) -> None:
        errors.append((rule.id, repr(error)))

    for claim in claims:
        evaluate(Context(claim, rules, EVENT), note)
    return errors


@pytest.mark.parametrize(("rule_id", "name"), PARAMETERS)
def test_no_rule_breaks_on_a_parameter_that_is_not_known(rule_id: str, name: str) -> None:
    assert [] == raised(without(rule_id, name), claims_of(rule_id.partition("-")[0]))


def test_a_line_of_a_day_on_which_a_parameter_is_not_known_is_not_checked_and_the_others_are(overlay: Write) -> None:
    known_later = "rules: {MED-16: {parameters: {sedation_modifiers: {values: [{from: 2026-06-15, value: [QS]}]}}}}"
    rules = load_ruleset(overlay(f"line_of_business: medicare_ffs\n{known_later}"))
    before = [line(code, "QS", service_date_from="2026-06-14") for code in ("62323", "99152")]
    after = [line(code, "QS") for code in ("62323", "99152")]

    early = decided(a_claim(service_lines=before), rules=rules).decision
    both = decided(a_claim(service_lines=[*before, *after]), rules=rules).decision

    assert NotChecked(rule="MED-16", missing="parameter.sedation_modifiers") in early.checks.not_checked
    assert [(3,), (4,)] == [found.lines for found in both.findings if found.rule == "MED-16"]
