"""CLM-05 service-date-after-received-date: a service is billed before it took place.

Why: a payer takes no claim for a date to come; usually the date is mistyped.
Fires: service_date_from or service_date_to of a line is after the day the claim was received, which no clock tells.
Not: a claim of which it is not known when it was received (not checked).
Source: 837P 005010X222A1 guide and claim practice.
"""

from collections.abc import Iterator, Sequence

from validators.claim.sound import sound_form
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import CLAIM_GUIDE, section

VERBS = {"service_date_from": "is dated", "service_date_to": "ends on"}


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Compare the dates of each line with the day of receipt."""
    received = context.claim.received_on
    if received is None:
        yield RULE.unknown("claim.received_on")
        return
    for line in lines:
        dates = {field: getattr(context.claim.service_lines[line.index], field) for field in VERBS}
        late = [(field, on) for field, on in dates.items() if on is not None and on > received]
        if late:
            field, on = late[0]
            yield RULE.finding(
                f"{line.code} {VERBS[field]} {on}; the claim was received on {received}",
                line,
                at=line.at(field),
                observed={field: str(on)},
                expected={"to": str(received)},
            )


RULE = Rule(
    id="CLM-05",
    name="service-date-after-received-date",
    severity="deny",
    needs=(Needs.CLAIM,),
    carc="16",
    rarc=("M52",),
    suggestion="correct the date, or bill after the service",
    citation=section(CLAIM_GUIDE, "date of service in the future"),
    every_claim=True,
    look=sound_form,
    check=check,
)
