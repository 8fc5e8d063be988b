"""The list of hospital outpatient services that Medicare pays only with prior authorization; AUTH-19 and 20 ask."""

from validators.authorization.answers import Answer, is_listed
from validators.authorization.places import done_in
from validators.context import Context
from validators.lines import Line

RULE_ID = "AUTH-20"
PLACES = frozenset({"19", "22"})
BILLS = frozenset({"13"})


def in_outpatient_department(line: Line, context: Context) -> Answer:
    """Whether a Medicare line was done in a hospital outpatient department."""
    return context.line_of_business == "medicare_ffs" and done_in(line, context.claim, places=PLACES, bills=BILLS)


def is_on_list(line: Line, context: Context) -> Answer:
    """Whether the code was on the list on its date of service."""
    return is_listed(line.code, context, RULE_ID, "opd_prior_authorization_codes", line.service_date)
