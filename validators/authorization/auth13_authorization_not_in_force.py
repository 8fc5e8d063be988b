"""AUTH-13 authorization-not-in-force: the number on the claim stands for no authorization that holds.

Why: a denied, voided or open request does not authorize anything; neither does a number nobody knows.
Fires: authorization is required (AUTH-01 table or WISeR model) and the number resolves to a record that is denied,
voided or pended, or to none. An unknown number only flags, since its record may be on its way; so does an open request
under Medicare, which means pre-payment review.
Not: an unknown number where authorizations are not all sent (not checked).
Source: status of the authorization.
"""

from collections.abc import Iterator, Sequence

from validators.authorization.cited import NOT_SENT
from validators.authorization.required import required
from validators.authorization.wiser import wiser_scope
from validators.codes import ESI
from validators.context import UNFED, Context
from validators.facts import IN_FORCE
from validators.lines import Line
from validators.rule import Found, Needs, Rule, Unknown
from validators.sources import PAYER_TABLES, section

DENIED_BEFORE = "39"


def check(lines: Sequence[Line], context: Context) -> Iterator[Found | Unknown]:
    """Ask of each line with a number whether one is required, and what stands under it."""
    medicare = context.line_of_business == "medicare_ffs"
    for line in lines:
        if line.authorization_number is None:
            continue
        needed = wiser_scope(line, context) if medicare else required(line, context)
        record = context.authorization(line.authorization_number)
        status = None if record is None or record is UNFED else record.status
        if needed is False or status in IN_FORCE:
            continue
        if isinstance(needed, str):
            yield RULE.unknown(needed)
        elif record is UNFED:
            yield RULE.unknown(NOT_SENT)
        else:
            said = "is not known" if status is None else f"is {status}"
            yield RULE.finding(
                f"the authorization cited for {line.code} on {line.service_date} {said}",
                line,
                severity="flag" if status is None or (medicare and status == "pended") else None,
                carc=DENIED_BEFORE if status == "denied" else None,
                at="/authorizations",
                observed={"status": status or "unknown"},
                expected={"one_of": [*sorted(IN_FORCE)]},
            )


RULE = Rule(
    id="AUTH-13",
    name="authorization-not-in-force",
    severity="deny",
    needs=(Needs.CLAIM, Needs.AUTHORIZATION),
    codes=ESI,
    carc="197",
    suggestion="resolve the authorization before billing",
    citation=section(PAYER_TABLES, "status"),
    bypassed_by=("AUTH-06", "AUTH-14"),
    primary_payer_only=True,
    check=check,
)
