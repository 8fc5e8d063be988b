"""SYS-01 reference-data-or-state-missing: a table that a rule needs is not loaded.

Why: "no edit found" must never mean "the edits were not there".
Fires: a rule in scope of this claim needs a table that is not loaded.
Source: design of this catalogue.
"""

from collections.abc import Iterator, Sequence

from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import CATALOGUE, section


def check(_lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Report the tables that rules before this one did without."""
    if missing := sorted(context.trouble.missing_tables):
        yield RULE.finding(
            f"reference data is not loaded: {', '.join(missing)}; the rules that need it were not checked",
            observed={"missing": [*missing]},
        )


RULE = Rule(
    id="SYS-01",
    name="reference-data-or-state-missing",
    severity="flag",
    needs=(Needs.CLAIM,),
    suggestion="load the table, or send the encounter facts",
    citation=section(CATALOGUE, "reference data and state"),
    every_claim=True,
    check=check,
)
