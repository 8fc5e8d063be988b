"""Whether a payer requires prior authorization of a line; AUTH-01, AUTH-13 and AUTH-23 ask."""

from typing import Any

from validators.authorization.answers import Answer
from validators.authorization.places import done_in
from validators.context import Context
from validators.lines import Line

RULE_ID = "AUTH-01"
INPATIENT = "21"
INPATIENT_BILLS = ("11", "12")
"""Types of bill, without facility's leading zero, that stand for the place of service of an inpatient."""


def payer_terms(line: Line, context: Context) -> Any:
    """The payer's table on the date of the line; None where it is not known whether it requires a number."""
    terms = context.parameter(RULE_ID, "prior_authorization", line.service_date)
    return None if terms is None or terms["required"] is None else terms


def required(line: Line, context: Context) -> Answer:
    """Whether the payer's table requires an authorization for code, place and date."""
    terms = payer_terms(line, context)
    if terms is None:
        return "parameter.prior_authorization"
    if not terms["required"] or line.code not in terms["codes"]:
        return False
    excluded = terms["excluded_places_of_service"]
    if not excluded:
        return True
    done_there = done_in(line, context.claim, places=excluded, bills=INPATIENT_BILLS if INPATIENT in excluded else ())
    return done_there if isinstance(done_there, str) else not done_there
