"""CLM-04 service-dates-reversed: a service ends before it begins.

Why: a span of dates the wrong way round has no date of service to judge.
Fires: service_date_from of a line is after its service_date_to.
Not: a line without service_date_to, which is of one day.
Source: 837P 005010X222A1 guide, DTP 472.
"""

from collections.abc import Iterator, Sequence

from validators.claim.sound import sound_form
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import CLAIM_GUIDE, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Compare the two dates of each line that has two."""
    for line in lines:
        first, last = line.service_date, context.claim.service_lines[line.index].service_date_to
        if last is not None and first > last:
            yield RULE.finding(
                f"{line.code} begins on {first} and ends before that, on {last}",
                line,
                at=line.at("service_date_to"),
                observed={"service_date_from": str(first), "service_date_to": str(last)},
            )


RULE = Rule(
    id="CLM-04",
    name="service-dates-reversed",
    severity="deny",
    needs=(Needs.CLAIM,),
    carc="16",
    rarc=("M52",),
    suggestion="correct the dates",
    citation=section(CLAIM_GUIDE, "DTP 472"),
    every_claim=True,
    look=sound_form,
    check=check,
)
