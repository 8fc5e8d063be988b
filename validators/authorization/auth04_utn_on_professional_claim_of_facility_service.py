"""AUTH-04 utn-on-professional-claim-of-facility-service: the WISeR number stands on the wrong one of two claims.

Why: in a hospital or surgery center the unique tracking number (UTN) rides on the facility claim only.
Fires: the professional claim of a service under the WISeR model at place 19, 22 or 24 names a number.
Not: an office; the claim of the hospital or surgery center itself.
Source: CMS WISeR model guide, Appendix A, and MAC WISeR pages.
"""

from collections.abc import Iterator, Sequence

from validators.authorization.answers import Answer, both
from validators.authorization.wiser import FACILITY_PLACES, wiser_scope
from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import WISER, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Ask of each line with a number whether a facility claim should name it instead."""
    for line in lines:
        elsewhere = line.authorization_number is not None and context.role == "professional" and _in_facility(line)
        misplaced = elsewhere and both(wiser_scope(line, context), elsewhere)
        if isinstance(misplaced, str):
            yield RULE.unknown(misplaced)
        elif misplaced:
            yield RULE.finding(
                f"{line.code} on {line.service_date} names an authorization number on the professional claim "
                f"of a service in place {line.place_of_service}",
                line,
                at="/authorizations",
                observed={"procedure_code": line.code, "place_of_service": line.place_of_service},
            )


def _in_facility(line: Line) -> Answer:
    return "claim.place_of_service" if line.place_of_service is None else line.place_of_service in FACILITY_PLACES


RULE = Rule(
    id="AUTH-04",
    name="utn-on-professional-claim-of-facility-service",
    severity="info",
    needs=(Needs.CLAIM,),
    codes=ESI,
    suggestion="the number belongs on the facility claim",
    citation=section(WISER, "facility claim only"),
    primary_payer_only=True,
    check=check,
)
