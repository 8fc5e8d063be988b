"""CLM-13 postal-code-malformed: the postal code of an address is none.

Why: a claim with a ZIP code of the wrong length is returned.
Fires: a postal code is given that is not 5 or 9 digits, with or without a hyphen before the last four.
Source: 837P 005010X222A1 guide, N403.
"""

from collections.abc import Iterator, Sequence

from validators.claim.naming import addresses
from validators.claim.shapes import is_postal_code
from validators.claim.sound import sound_form
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import CLAIM_GUIDE, section


def check(_lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look at the postal code of every address."""
    for place, address in addresses(context.claim):
        if address.postal_code and not is_postal_code(address.postal_code):
            yield RULE.finding(
                f"the postal code of the {place.words} is not 5 or 9 digits", at=place.pointer("address/postal_code")
            )


RULE = Rule(
    id="CLM-13",
    name="postal-code-malformed",
    severity="flag",
    needs=(Needs.CLAIM,),
    carc="16",
    suggestion="correct it",
    citation=section(CLAIM_GUIDE, "N403"),
    every_claim=True,
    look=sound_form,
    check=check,
)
