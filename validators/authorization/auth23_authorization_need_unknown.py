"""AUTH-23 authorization-need-unknown: information only; nobody has said whether this payer wants an authorization.

Why: plans differ, so that a need that is not known has to be looked up rather than assumed either way.
Fires: the payer's table does not say whether prior authorization is required on the date of service.
Not: Medicare fee-for-service, whose need is known (AUTH-02 and AUTH-20).
Source: payer prior-authorization tables (packs/payers).
"""

from collections.abc import Iterator, Sequence

from validators.authorization.required import payer_terms
from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import PAYER_TABLES, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look for each line into the payer's table."""
    if context.line_of_business == "medicare_ffs":
        return
    for line in lines:
        if payer_terms(line, context) is None:
            yield RULE.finding(
                f"it is not known whether this payer requires prior authorization of {line.code} "
                f"on {line.service_date}",
                line,
                at="/payer",
                observed={"procedure_code": line.code, "payer": context.payer_key},
            )


RULE = Rule(
    id="AUTH-23",
    name="authorization-need-unknown",
    severity="info",
    needs=(Needs.CLAIM,),
    codes=ESI,
    suggestion="look it up; never assume",
    citation=section(PAYER_TABLES, "unknown plans", "second-hand"),
    primary_payer_only=True,
    check=check,
)
