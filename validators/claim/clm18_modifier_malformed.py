"""CLM-18 modifier-malformed: a modifier cannot be one.

Why: a modifier the payer cannot read makes the line one it cannot judge.
Fires: a modifier of a line is not exactly two letters or digits.
Source: 837P 005010X222A1 guide, SV101.
"""

from collections.abc import Iterator, Sequence

from validators.claim.shapes import is_modifier
from validators.claim.sound import sound_form
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import CLAIM_GUIDE, section


def check(lines: Sequence[Line], _context: Context) -> Iterator[Found]:
    """Look at the modifiers of each line."""
    for line in lines:
        if not all(map(is_modifier, line.modifiers)):
            yield RULE.finding(
                f"{line.code} carries a modifier that is not two letters or digits",
                line,
                at=line.at("modifiers"),
            )


RULE = Rule(
    id="CLM-18",
    name="modifier-malformed",
    severity="deny",
    needs=(Needs.CLAIM,),
    carc="4",
    rarc=("N823",),
    suggestion="correct it",
    citation=section(CLAIM_GUIDE, "SV101"),
    every_claim=True,
    look=sound_form,
    check=check,
)
