"""Which lines fall under the WISeR model (definitions: AUTH-02 scope); several authorization rules ask."""

from validators.authorization.answers import Answer, both, is_listed
from validators.authorization.places import done_in
from validators.context import Context
from validators.lines import Line

RULE_ID = "AUTH-02"
FACILITY_PLACES = frozenset({"19", "22", "24"})
"""Where the number rides on the claim of the hospital or surgery center, not on the professional one."""


def is_for_facility_claim(line: Line, context: Context) -> bool:
    """Whether the number of a line belongs on the claim of the hospital or surgery center, and this is the other."""
    return context.role == "professional" and line.place_of_service in FACILITY_PLACES


def wiser_scope(line: Line, context: Context) -> Answer:
    """Whether a Medicare line is under the model, its authorization number aside."""
    if context.line_of_business != "medicare_ffs" or not context.ruleset.terms[RULE_ID].in_effect(line.service_date):
        return False
    of_model = code_and_state_count(line, context)
    return of_model and both(of_model, _place_counts(line, context))


def code_and_state_count(line: Line, context: Context) -> Answer:
    """Whether code and state of service are those of the model, whoever pays."""
    code = code_counts(line, context)
    return code and both(code, state_counts(line, context))


def code_counts(line: Line, context: Context) -> Answer:
    """Whether the procedure code is one of the model."""
    return is_listed(line.code, context, RULE_ID, "codes", line.service_date)


def state_counts(line: Line, context: Context) -> Answer:
    """Whether the service was done in a state of the model."""
    state = context.service_state
    if state is None:
        return "claim.service_facility.address.state"
    return is_listed(state, context, RULE_ID, "states", line.service_date)


def _place_counts(line: Line, context: Context) -> Answer:
    places, bills = (
        context.parameter(RULE_ID, name, line.service_date) for name in ("places_of_service", "types_of_bill")
    )
    if places is None or bills is None:
        return "parameter.places_of_service" if places is None else "parameter.types_of_bill"
    return done_in(line, context.claim, places=places, bills=bills)
