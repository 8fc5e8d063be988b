"""SOS-05 hospital-outpatient-where-site-policy: the payer reviews why a hospital was needed.

Why: this payer pays a hospital outpatient department only where an office or surgery center would not do.
Fires: the place of service of an injection line is 19 or 22.
Not: a line without a place of service (not checked).
Source: UnitedHealthcare site-of-service policy.
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
                f"{line.code} is billed in place of service {place}, a hospital outpatient department",
                line,
                suggestion="attach why a hospital was needed, or give the injection in an office or surgery center",
                at=place_at(line, context),
                observed={"place_of_service": place},
            )


RULE = Rule(
    id="SOS-05",
    name="hospital-outpatient-where-site-policy",
    severity="flag",
    needs=(Needs.CLAIM,),
    codes=ESI,
    carc="58",
    suggestion="site-of-service review",
    citation=Citation(
        document="UnitedHealthcare site-of-service policy", section="outpatient hospital", confidence="second-hand"
    ),
    parameters=("places",),
    check=check,
)
