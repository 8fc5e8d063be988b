"""SOS-03 catheter-infusion-outside-hospital: an infusion through a catheter is billed outside a hospital, for pain.

Why: payers cover a continuous infusion only where the patient is watched.
Fires: a line of 62324-62327 in place of service 11 or 24 points to a diagnosis of a pain tier.
Not: a line without a place of service (not checked).
Source: eviCore CMM-200.
"""

from collections.abc import Iterator, Sequence

from schemas.decision import Citation
from validators.codes import CATHETER
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.site.stated import place_at


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Look for a pain diagnosis, then at the place."""
    for line in lines:
        if not context.pain_diagnoses(line):
            continue
        place = line.place_of_service
        if place is None:
            yield RULE.unknown("claim.place_of_service")
        elif place in context.parameter(RULE.id, "places", line.service_date):
            yield RULE.finding(
                f"{line.code}, an infusion through a catheter, is billed for pain in place of service {place}",
                line,
                suggestion=f"check the place of service: for pain {line.code} is covered in a hospital only",
                at=place_at(line, context),
                observed={"procedure_code": line.code, "place_of_service": place},
            )


RULE = Rule(
    id="SOS-03",
    name="catheter-infusion-outside-hospital",
    severity="flag",
    needs=(Needs.CLAIM,),
    codes=CATHETER,
    carc="58",
    rarc=("N428",),
    suggestion="hospital only",
    citation=Citation(document="eviCore CMM-200", section="catheter infusion", confidence="second-hand"),
    parameters=("places",),
    check=check,
)
