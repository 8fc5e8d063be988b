"""CLM-19 modifier-repeated-on-line: a line carries a modifier twice.

Why: the second says nothing, and takes one of four places.
Fires: the same modifier stands more than once on a line.
Source: 837P 005010X222A1 guide, SV101.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from validators.claim.sound import sound_form
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import CLAIM_GUIDE, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Count each modifier of each line."""
    for line in lines:
        counted = Counter(context.claim.service_lines[line.index].modifiers)
        repeated = [modifier for modifier, count in counted.items() if count > 1]
        if repeated:
            yield RULE.finding(
                f"{line.code} carries {', '.join(repeated)} more than once",
                line,
                at=line.at("modifiers"),
                observed={"modifiers": [*repeated]},
            )


RULE = Rule(
    id="CLM-19",
    name="modifier-repeated-on-line",
    severity="flag",
    needs=(Needs.CLAIM,),
    carc="4",
    rarc=("N519",),
    suggestion="list it once",
    citation=section(CLAIM_GUIDE, "SV101", "memory-high"),
    every_claim=True,
    look=sound_form,
    check=check,
)
