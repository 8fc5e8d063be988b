"""AUTH-20 outpatient-list-service-without-utn: a listed hospital outpatient service names no authorization.

Why: for the services of the list a provisional affirmation, shown by its unique tracking number (UTN), is a condition
of payment in a hospital outpatient department.
Fires: Medicare fee-for-service, place 19 or 22 or type of bill 13x, a code on the list on its date, and no number.
Not: the injection itself (AUTH-19); the same service in an office or surgery center.
Source: 42 CFR 419.80-419.83 list.
"""

from collections.abc import Iterator, Sequence

from validators.authorization.answers import both
from validators.authorization.outpatient import in_outpatient_department, is_on_list
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import OUTPATIENT_LIST, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Ask of each line without a number whether it was listed and where it was done."""
    for line in lines:
        listed = line.authorization_number is None and is_on_list(line, context)
        wanted = listed and both(listed, in_outpatient_department(line, context))
        if isinstance(wanted, str):
            yield RULE.unknown(wanted)
        elif wanted:
            yield RULE.finding(
                f"{line.code} on {line.service_date} is on the hospital outpatient list and has no UTN",
                line,
                at="/authorizations",
                observed={"procedure_code": line.code},
            )


RULE = Rule(
    id="AUTH-20",
    name="outpatient-list-service-without-utn",
    severity="deny",
    needs=(Needs.CLAIM,),
    carc="197",
    rarc=("M62",),
    suggestion="obtain the UTN for that service",
    citation=section(OUTPATIENT_LIST, "condition of payment"),
    parameters=("opd_prior_authorization_codes",),
    weighs_unknown=True,
    primary_payer_only=True,
    check=check,
)
