"""SYS-02 rule-could-not-be-evaluated: a rule has a defect that this claim brought out.

Why: a claim must never be lost, nor passed, because our own code failed.
Fires: a rule raised an unexpected error on this claim; it stands in not_checked, the others were evaluated.
Source: design of this catalogue.
"""

from collections.abc import Iterator, Sequence

from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import CATALOGUE, section


def check(_lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Report each rule that raised, with the kind of error and nothing of the claim."""
    for rule_id, error in context.trouble.errors if context.trouble else ():
        yield RULE.finding(
            f"rule {rule_id} could not be evaluated ({error})", observed={"rule": rule_id, "error": error}
        )


RULE = Rule(
    id="SYS-02",
    name="rule-could-not-be-evaluated",
    severity="flag",
    needs=(Needs.CLAIM,),
    suggestion="a defect in the rule; report it, the claim needs a person",
    citation=section(CATALOGUE, "errors"),
    every_claim=True,
    of_claim=True,
    check=check,
)
