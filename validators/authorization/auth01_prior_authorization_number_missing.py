"""AUTH-01 prior-authorization-number-missing: the payer asks for prior authorization and the line names none.

Why: without the number the payer denies the line, even where an authorization exists.
Fires: the payer requires one for the code, place of service and date, and the line has no authorization number.
Not: Medicare fee-for-service (AUTH-02); claims on which the payer is not primary; a payer of whom it is not known
whether it requires one is not checked.
Source: payer prior-authorization tables (packs/payers).
"""

from collections.abc import Iterator, Sequence

from validators.authorization.required import required
from validators.codes import ESI
from validators.context import Context
from validators.facts import approves
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import PAYER_TABLES, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Ask of each line whether the payer requires a number, and whether it has one."""
    for line in lines:
        needed = False if line.authorization_number is not None else required(line, context)
        if isinstance(needed, str):
            yield RULE.unknown(needed)
        elif needed:
            yield RULE.finding(
                f"{line.code} on {line.service_date} has no prior-authorization number; this payer requires one",
                line,
                suggestion=_fix(line, context),
                at="/authorizations",
                observed={"procedure_code": line.code, "payer": context.payer_key},
            )


def _fix(line: Line, context: Context) -> str | None:
    """Name the approved authorization that the claim could have cited."""
    numbers = dict.fromkeys(record.authorization_number for record in context.facts.authorizations)
    for number in numbers:
        record = context.facts.authorization(number)
        if record is not None and approves(record, line.code, line.service_date):
            return f"authorization {number} covers this code and date: resubmit with its number"
    return None


RULE = Rule(
    id="AUTH-01",
    name="prior-authorization-number-missing",
    severity="deny",
    needs=(Needs.CLAIM, Needs.AUTHORIZATION),
    codes=ESI,
    carc="197",
    rarc=("M62",),
    suggestion="obtain the authorization (retroactively if allowed) and resubmit with its number",
    citation=section(PAYER_TABLES, "required codes and places"),
    bypassed_by=("AUTH-16",),
    parameters=("prior_authorization",),
    weighs_unknown=True,
    primary_payer_only=True,
    check=check,
)
