"""AUTH-15 line-authorization-repeats-claim-authorization: a line names a number that the claim names already.

Why: a number on a line is there to differ from that of the claim; a repeated one can have the claim turned back.
Fires: the line's own authorization number is one of the claim's prior-authorization numbers.
Not: a line that only takes over the number of the claim; a number the claim names as a referral.
Source: 837P guide, REF G1 in loop 2400; X12 request for interpretation 2459.
"""

from collections.abc import Iterator, Sequence

from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import AUTHORIZATION_QUALIFIERS, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Compare the number each line itself names with those of the claim."""
    named = context.claim.authorizations
    if not named:
        return
    numbers = {each.number for each in named if each.kind == "prior_authorization"}
    for line in lines:
        if context.claim.service_lines[line.index].authorization_number in numbers:
            yield RULE.finding(
                f"{line.code} on {line.service_date} repeats an authorization number of the claim; "
                "a line names only another one",
                line,
                at=line.at("authorization_number"),
                observed={"procedure_code": line.code},
            )


RULE = Rule(
    id="AUTH-15",
    name="line-authorization-repeats-claim-authorization",
    severity="flag",
    needs=(Needs.CLAIM,),
    codes=ESI,
    suggestion="drop it on the line",
    citation=section(AUTHORIZATION_QUALIFIERS, "2400 REF G1 only when different"),
    primary_payer_only=True,
    check=check,
)
