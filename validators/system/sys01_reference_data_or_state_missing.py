"""SYS-01 reference-data-or-state-missing: a table that a rule needs is not loaded, or encounter facts did not come.

Why: "no edit found" must never mean "the edits were not there", nor "nothing wrong in the record" that none came.
Fires: a rule in scope of this claim needs a table that is not loaded; or the payer's pack makes encounter facts
required and none was received for an injection line. They may still come: then the decision is revised.
Not: a void, of which only the claim and system rules say something.
Source: design of this catalogue.
"""

from collections.abc import Iterator, Sequence

from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import CATALOGUE, section


def check(_lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Report the tables that rules before this one did without, and the sessions of which nothing is known."""
    if context.trouble and (missing := sorted(context.trouble.missing_tables)):
        yield RULE.finding(
            f"reference data is not loaded: {', '.join(missing)}; the rules that need it were not checked",
            suggestion="load the table",
            observed={"missing": [*missing]},
        )
    if context.all_rules_apply and context.ruleset.encounters_required(context.payer_key):
        unknown = [line for line in context.esi_lines if context.encounter(line) is None]
        for code, on in dict.fromkeys((line.code, line.service_date) for line in unknown):
            yield RULE.finding(
                f"this payer's claims need encounter facts, and none came for {code} on {on}",
                suggestion="send the encounter facts of the session",
                observed={"procedure_code": code, "service_date": str(on)},
            )


RULE = Rule(
    id="SYS-01",
    name="reference-data-or-state-missing",
    severity="flag",
    needs=(Needs.CLAIM,),
    suggestion="load the table, or send the encounter facts",
    citation=section(CATALOGUE, "reference data and state"),
    every_claim=True,
    of_claim=True,
    check=check,
)
