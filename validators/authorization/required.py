"""Whether a payer requires prior authorization of a line; AUTH-01 and AUTH-13 ask."""

from validators.context import Context
from validators.lines import Line

RULE_ID = "AUTH-01"


def required(line: Line, context: Context) -> bool | str:
    """Whether the payer's table requires an authorization for code, place and date; else the input that is missing."""
    terms = context.parameter(RULE_ID, "prior_authorization", line.service_date)
    if terms is None:
        return "parameter.prior_authorization"
    if not terms["required"] or line.code not in terms["codes"]:
        return False
    excluded = terms["excluded_places_of_service"]
    if excluded and line.place_of_service is None:
        return "claim.place_of_service"
    return line.place_of_service not in excluded
