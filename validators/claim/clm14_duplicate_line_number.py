"""CLM-14 duplicate-line-number: two lines of the claim have the same number.

Why: the payer answers by line number; with two alike nobody can tell which line was paid.
Fires: two or more lines have one line number.
Source: 837P 005010X222A1 guide, LX.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from validators.claim.sound import sound_form
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import CLAIM_GUIDE, section


def check(lines: Sequence[Line], _context: Context) -> Iterator[Found]:
    """Count each line number."""
    for number, count in Counter(line.number for line in lines).items():
        if count > 1:
            alike = [line for line in lines if line.number == number]
            yield RULE.finding(
                f"{count} lines have the number {number}",
                *alike,
                at=alike[1].at("line_number"),
                observed={"line_number": number},
            )


RULE = Rule(
    id="CLM-14",
    name="duplicate-line-number",
    severity="deny",
    needs=(Needs.CLAIM,),
    carc="16",
    suggestion="number the lines 1, 2, 3",
    citation=section(CLAIM_GUIDE, "LX", "memory-high"),
    every_claim=True,
    look=sound_form,
    check=check,
)
