"""SOS-06 humana-authorization-is-outpatient-only: the injection was given to an inpatient.

Why: this payer's authorization is for outpatients; for an inpatient there is none to ask for.
Fires: the place of service of an injection line is 21. Information only.
Not: a line without a place of service (not checked).
Source: Cohere help page for Humana, outpatient only.
"""

from collections.abc import Iterator, Sequence

from schemas.decision import Citation
from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.site.stated import place_at


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Look at the place of each injection."""
    for line in lines:
        place = line.place_of_service
        if place is None:
            yield RULE.unknown("claim.place_of_service")
        elif place in context.parameter(RULE.id, "places", line.service_date):
            yield RULE.finding(
                f"{line.code} is billed in place of service {place}, where this payer's authorization does not reach",
                line,
                at=place_at(line, context),
                observed={"place_of_service": place},
            )


RULE = Rule(
    id="SOS-06",
    name="humana-authorization-is-outpatient-only",
    severity="info",
    needs=(Needs.CLAIM,),
    codes=ESI,
    suggestion="no authorization rule for inpatient",
    citation=Citation(document="Cohere help page", section="outpatient only", confidence="found"),
    parameters=("places",),
    check=check,
)
