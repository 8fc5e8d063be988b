"""SOS-01 implausible-place-of-service: an injection is billed from a place where none is given.

Why: an epidural injection needs imaging and a sterile field; another place is usually a typing error.
Fires: the place of service of an injection line is known to the table, and not one the payer expects. Where no
injection can be given at all, a denial.
Not: an institutional claim; a place the table does not know (CLM-20); a line without a place (not checked).
Source: CMS place-of-service code set; practice of the injection.
"""

from collections.abc import Iterator, Sequence

from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Bypass, Found, Needs, Rule, Unknown
from validators.site.stated import place_at
from validators.sources import PLACES_OF_SERVICE, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Bypass | Found | Unknown]:
    """Compare the place of each injection with those it is given in."""
    table = context.ruleset.reference.places_of_service
    assert table is not None
    if context.claim.claim_type == "institutional":
        return
    for line in lines:
        place, usual = line.place_of_service, context.parameter(RULE.id, "usual_places", line.service_date)
        if place is None:
            yield RULE.unknown("claim.place_of_service")
        elif place not in table.assigned:
            yield RULE.bypass("CLM-20")
        elif place not in usual:
            impossible = place in context.parameter(RULE.id, "impossible_places", line.service_date)
            yield RULE.finding(
                f"{line.code} is billed in place of service {place}; expected is {', '.join(sorted(usual))}",
                line,
                severity="deny" if impossible else None,
                at=place_at(line, context),
                observed={"place_of_service": place},
                expected={"one_of": [*sorted(usual)]},
            )


RULE = Rule(
    id="SOS-01",
    name="implausible-place-of-service",
    severity="flag",
    needs=(Needs.CLAIM,),
    codes=ESI,
    carc="5",
    rarc=("M77",),
    suggestion="correct the place of service",
    citation=section(PLACES_OF_SERVICE, "settings of the injection", "second-hand"),
    bypassed_by=("CLM-20",),
    tables=("places_of_service",),
    parameters=("usual_places", "impossible_places"),
    check=check,
)
