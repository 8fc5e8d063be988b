"""AUTH-17 referral-number-missing: the payer asks for a referral and the claim names none.

Why: plans with a gatekeeper deny a specialist's service that was not referred.
Fires: the payer requires a referral on the date of service, and the claim has no number of kind referral.
Not: a payer of whom it is not known whether it requires one is not checked. No shipped payer is known to; a site says
so of a plan in an overlay.
Source: payer prior-authorization tables (packs/payers).
"""

from collections.abc import Iterator, Sequence

from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import PAYER_TABLES, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Look for a referral on the claim, then ask for each line whether one is required."""
    if any(each.kind == "referral" for each in context.claim.authorizations):
        return
    for line in lines:
        required = context.parameter(RULE.id, "referral_required", line.service_date)
        if required is None:
            yield RULE.unknown("parameter.referral_required")
        elif required:
            yield RULE.finding(
                f"{line.code} on {line.service_date} has no referral number; this payer requires one",
                line,
                at="/authorizations",
                observed={"procedure_code": line.code, "payer": context.payer_key},
            )


RULE = Rule(
    id="AUTH-17",
    name="referral-number-missing",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=ESI,
    carc="288",
    suggestion="add the referral number",
    citation=section(PAYER_TABLES, "referral"),
    parameters=("referral_required",),
    weighs_unknown=True,
    primary_payer_only=True,
    check=check,
)
