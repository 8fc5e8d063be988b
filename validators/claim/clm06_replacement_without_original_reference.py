"""CLM-06 replacement-without-original-reference: a claim that changes an earlier one does not say which.

Why: without the payer's control number of the original the payer cannot find it, and denies the new one.
Fires: frequency code 7 or 8 without an original reference.
Source: 837P 005010X222A1 guide, REF F8.
"""

from collections.abc import Iterator, Sequence

from validators.claim.sound import sound_form
from validators.context import Context
from validators.history import CHANGES
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import CLAIM_GUIDE, section


def check(_lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look at the frequency code, then for the reference."""
    code = context.claim.frequency_code
    if code in CHANGES and not context.claim.original_reference:
        yield RULE.finding(
            f"frequency code {code} changes an earlier claim; the reference to it is missing",
            at="/original_reference",
            observed={"frequency_code": code},
        )


RULE = Rule(
    id="CLM-06",
    name="replacement-without-original-reference",
    severity="deny",
    needs=(Needs.CLAIM,),
    carc="16",
    rarc=("M47",),
    suggestion="add the payer claim control number",
    citation=section(CLAIM_GUIDE, "REF F8"),
    every_claim=True,
    look=sound_form,
    check=check,
)
