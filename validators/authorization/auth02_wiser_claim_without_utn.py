"""AUTH-02 wiser-claim-without-utn: Medicare will review this claim before it pays.

Why: in the WISeR states a claim for these codes without a unique tracking number (UTN) goes to pre-payment review.
Fires: Medicare fee-for-service, a WISeR state, code, place of service and date, and no authorization number.
Not: a denial by itself. In a hospital or surgery center the number rides on the facility claim, so that its absence
on the professional claim is information only.
Source: CMS WISeR model guide, Appendix A, and MAC WISeR pages.
"""

from collections.abc import Iterator, Sequence

from validators.authorization.wiser import is_for_facility_claim, wiser_scope
from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import WISER


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Ask of each line whether it falls under the model without a number."""
    for line in lines:
        under = False if line.authorization_number is not None else wiser_scope(line, context)
        if isinstance(under, str):
            yield RULE.unknown(under)
        elif under:
            elsewhere = is_for_facility_claim(line, context)
            so = "it belongs on the facility claim" if elsewhere else "expect pre-payment review"
            yield RULE.finding(
                f"{line.code} in {context.service_state}, a WISeR state, has no UTN: {so}",
                line,
                severity="info" if elsewhere else None,
                suggestion="none: the UTN belongs on the facility claim" if elsewhere else None,
                at="/authorizations",
                observed={"procedure_code": line.code, "state": context.service_state},
            )


RULE = Rule(
    id="AUTH-02",
    name="wiser-claim-without-utn",
    severity="flag",
    needs=(Needs.CLAIM,),
    codes=ESI,
    rarc=("M127",),
    suggestion="have the records ready, or request prior authorization first and put its UTN in REF G1",
    citation=WISER,
    bypassed_by=("AUTH-16", "AUTH-21"),
    parameters=("states", "codes", "places_of_service", "types_of_bill"),
    weighs_unknown=True,
    primary_payer_only=True,
    check=check,
)
