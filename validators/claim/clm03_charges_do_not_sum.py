"""CLM-03 charges-do-not-sum: the total of the claim is not what its lines come to.

Why: a claim that does not balance is returned unread.
Fires: the total charge differs from the sum of the line charges.
Source: 837P 005010X222A1 guide, CLM02 balances SV102.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from schemas.base import money_text
from validators.claim.sound import sound_form
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import CLAIM_GUIDE, section
from validators.wording import dollars


def check(_lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Add the charges up."""
    total = context.claim.total_charge
    charges = sum((line.charge for line in context.claim.service_lines), Decimal(0))
    if total != charges:
        yield RULE.finding(
            f"the total charge is {dollars(total)}; the lines come to {dollars(charges)}, "
            f"a difference of {dollars(abs(total - charges))}",
            suggestion=f"change the total charge to {dollars(charges)}, or correct the charges of the lines",
            at="/total_charge",
            observed={"total_charge": money_text(total)},
            expected={"total_charge": money_text(charges)},
        )


RULE = Rule(
    id="CLM-03",
    name="charges-do-not-sum",
    severity="deny",
    needs=(Needs.CLAIM,),
    carc="16",
    rarc=("M54",),
    suggestion="make them agree",
    citation=section(CLAIM_GUIDE, "CLM02 balances SV102"),
    every_claim=True,
    look=sound_form,
    check=check,
)
