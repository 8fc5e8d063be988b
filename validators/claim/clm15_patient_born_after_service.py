"""CLM-15 patient-born-after-service: the patient was born after a service on the claim.

Why: one of the two dates is wrong, and with a wrong birth date the payer does not find the member.
Fires: the birth date of the patient, else of the subscriber, is after service_date_from of a line.
Not: a claim that gives no birth date (not checked).
Source: 837P 005010X222A1 guide, DMG.
"""

from collections.abc import Iterator, Sequence

from validators.claim.naming import treated
from validators.claim.sound import sound_form
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import CLAIM_GUIDE, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Compare the birth date with the first date of service."""
    born, on = context.claim.who.birth_date, min(line.service_date for line in lines)
    place = treated(context.claim)
    if born is None:
        yield RULE.unknown(f"claim.{place.field}.birth_date")
    elif born > on:
        yield RULE.finding(
            f"the birth date of the patient is after the service on {on}",
            at=place.pointer("birth_date"),
            observed={"service_date": str(on)},
        )


RULE = Rule(
    id="CLM-15",
    name="patient-born-after-service",
    severity="deny",
    needs=(Needs.CLAIM,),
    carc="16",
    rarc=("N329",),
    suggestion="correct the birth date",
    citation=section(CLAIM_GUIDE, "DMG"),
    every_claim=True,
    look=sound_form,
    check=check,
)
