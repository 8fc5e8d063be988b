"""CLM-16 taxonomy-malformed: a provider's taxonomy code cannot be one.

Why: payers look a provider up by NPI and taxonomy together.
Fires: a taxonomy is given that is not 9 letters or digits followed by X. (SOS-04 then does not look at it.)
Source: 837P 005010X222A1 guide, PRV03.
"""

from collections.abc import Iterator, Sequence

from validators.claim.naming import providers
from validators.claim.shapes import is_taxonomy
from validators.claim.sound import sound_form
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import CLAIM_GUIDE, section


def check(_lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Look at the taxonomy of every provider the claim names."""
    for place, provider in providers(context.claim):
        if provider.taxonomy and not is_taxonomy(provider.taxonomy):
            yield RULE.finding(
                f"the taxonomy of the {place.words} is not 9 letters or digits followed by X",
                at=place.pointer("taxonomy"),
            )


RULE = Rule(
    id="CLM-16",
    name="taxonomy-malformed",
    severity="flag",
    needs=(Needs.CLAIM,),
    carc="16",
    rarc=("N255",),
    suggestion="correct it",
    citation=section(CLAIM_GUIDE, "PRV03", "second-hand"),
    every_claim=True,
    look=sound_form,
    check=check,
)
