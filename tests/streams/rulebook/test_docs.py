import pytest

from streams.rulebook.docs import RuleDoc, doc_of, modules
from tests.validators.building import ruleset
from validators.catalogue import RULES
from validators.rule import Rule


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_module_of_a_rule_says_what_it_is_about_under_its_headings(rule: Rule):
    doc, module = doc_of(rule), modules()[rule.id]

    assert (module.__doc__ or "").startswith(f"{rule.id} {rule.name}: ")
    assert [] == [name for name in ("what", "why", "fires", "source") if not getattr(doc, name)]
    assert module.__name__.endswith(f"{rule.id.lower().replace('-', '')}_{rule.name.replace('-', '_')}")


def test_headings_are_read_without_the_folds_of_their_lines():
    rule = next(rule for rule in ruleset().rules if rule.id == "CODE-26")

    assert RuleDoc(
        what="The same service is billed twice.",
        why="an exact duplicate is denied as one, whichever claim it comes on.",
        fires=(
            "two lines agree in date, code, set of modifiers, rendering NPI, billing NPI and role of the claim; both "
            "on this claim, or one on an earlier claim of the person."
        ),
        but_not=(
            "between a claim and the one it replaces, voids or resubmits; the same event again is a redelivery. A "
            "replacement whose original is not known, or not one, is not checked against earlier claims."
        ),
        source="claim adjudication practice, exact duplicate.",
    ) == doc_of(rule)


def test_a_heading_that_is_not_there_says_nothing():
    rule = next(rule for rule in ruleset().rules if rule.id == "SYS-02")

    assert "" == doc_of(rule).but_not
