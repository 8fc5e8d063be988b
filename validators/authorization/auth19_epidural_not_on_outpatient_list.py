"""AUTH-19 epidural-not-on-outpatient-list: information only; the outpatient list asks for no number here.

Why: Medicare pays some hospital outpatient services only with prior authorization, and injections are none of them.
Fires: Medicare fee-for-service, place 19 or 22 or type of bill 13x, and no line with a code of the list.
Not: a claim with a listed line beside the injection (AUTH-20 asks whether it has its number).
Source: 42 CFR 419.80-419.83 list.
"""

from collections.abc import Iterator, Sequence

from validators.authorization.answers import Answer, both, contrary
from validators.authorization.outpatient import in_outpatient_department, is_on_list
from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import OUTPATIENT_LIST, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Ask of each injection where it was done, then of the whole claim whether anything on it is listed."""
    for line in lines:
        there = in_outpatient_department(line, context)
        fine = there and both(there, _nothing_is_listed(context))
        if isinstance(fine, str):
            yield RULE.unknown(fine)
        elif fine:
            yield RULE.finding(
                f"{line.code} on {line.service_date} is not on the hospital outpatient list of prior authorization",
                line,
                observed={"procedure_code": line.code},
            )


def _nothing_is_listed(context: Context) -> Answer:
    nothing: Answer = True
    for line in context.lines:
        nothing = both(nothing, contrary(is_on_list(line, context)))
    return nothing


RULE = Rule(
    id="AUTH-19",
    name="epidural-not-on-outpatient-list",
    severity="info",
    needs=(Needs.CLAIM,),
    codes=ESI,
    suggestion="none: that list asks nothing of it",
    citation=section(OUTPATIENT_LIST, "listed codes"),
    primary_payer_only=True,
    check=check,
)
