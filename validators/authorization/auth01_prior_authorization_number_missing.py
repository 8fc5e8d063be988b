"""AUTH-01 prior-authorization-number-missing: the payer asks for prior authorization and the line names none.

Why: without the number the payer denies the line, even where an authorization exists.
Fires: the payer requires one for the code, place of service and date, and the line has no authorization number.
Not: Medicare fee-for-service (AUTH-02); claims on which the payer is not primary; a payer of whom it is not known
whether it requires one is not checked.
Source: payer prior-authorization tables (packs/payers).
"""

from collections.abc import Iterator, Sequence

from schemas.decision import Citation
from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Ask of each line whether the payer requires a number, and whether it has one."""
    for line in lines:
        if line.has_authorization_number:
            continue
        terms = context.parameter(RULE.id, "prior_authorization", line.service_date)
        if terms is None:
            yield RULE.unknown("parameter.prior_authorization")
            continue
        if not terms["required"] or line.code not in terms["codes"]:
            continue
        excluded = terms["excluded_places_of_service"]
        if excluded and line.place_of_service is None:
            yield RULE.unknown("claim.place_of_service")
        elif line.place_of_service not in excluded:
            yield RULE.finding(
                f"{line.code} on {line.service_date} has no prior-authorization number; this payer requires one",
                line,
                at="/authorizations",
                observed={"procedure_code": line.code, "payer": context.payer_key},
            )


RULE = Rule(
    id="AUTH-01",
    name="prior-authorization-number-missing",
    severity="deny",
    needs=(Needs.CLAIM, Needs.AUTHORIZATION),
    codes=ESI,
    carc="197",
    rarc=("M62",),
    suggestion="obtain the authorization (retroactively if allowed) and resubmit with its number",
    citation=Citation(
        document="Payer prior-authorization tables (payers.yaml)",
        section="required codes and places",
        confidence="found",
    ),
    bypassed_by=("AUTH-16",),
    parameters=("prior_authorization",),
    primary_payer_only=True,
    check=check,
)
