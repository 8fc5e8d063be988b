"""Which lines fall under the WISeR model (definitions: AUTH-02 scope); several authorization rules ask."""

from validators.context import Context
from validators.lines import Line

RULE_ID = "AUTH-02"


def wiser_scope(line: Line, context: Context) -> bool | str:
    """Whether a Medicare line is under the model, its authorization number aside; else the input that is missing."""
    day = line.service_date
    terms = context.ruleset.terms[RULE_ID]
    if context.line_of_business != "medicare_ffs" or not terms.in_effect(day):
        return False
    if line.code not in context.parameter(RULE_ID, "codes", day):
        return False
    place_counts = _place_counts(line, context)
    state = context.service_state
    if place_counts is False or (state is not None and state not in context.parameter(RULE_ID, "states", day)):
        return False
    if state is None:
        return "claim.service_facility.address.state"
    return True if place_counts else "claim.place_of_service"


def _place_counts(line: Line, context: Context) -> bool | None:
    """Whether the place of service or type of bill is under the model; None when neither is given."""
    bill = context.claim.type_of_bill
    if bill:
        types = context.parameter(RULE_ID, "types_of_bill", line.service_date)
        if any(bill.lstrip("0").startswith(first) for first in types):
            return True
    if line.place_of_service is None:
        return False if bill else None
    return line.place_of_service in context.parameter(RULE_ID, "places_of_service", line.service_date)
