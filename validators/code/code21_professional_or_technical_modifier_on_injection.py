"""CODE-21 professional-or-technical-modifier-on-injection: an injection is billed in part.

Why: the fee schedule gives injections the PC/TC indicator 0: a physician's service, of which there are no parts.
Fires: an injection line carries 26 or TC.
Source: Medicare physician fee schedule, PC/TC indicator 0.
"""

from collections.abc import Iterator, Sequence

from validators.code.modifiers import indicators, misplaced
from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import FEE_SCHEDULE, section

PARTS = frozenset({"26", "TC"})


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Tell of each line that it has no parts."""
    for line in lines:
        indicator = indicators(line, context).professional_technical
        why = "an injection has no professional and technical part"
        yield misplaced(RULE, line, PARTS, why, professional_technical_indicator=indicator)


RULE = Rule(
    id="CODE-21",
    name="professional-or-technical-modifier-on-injection",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=ESI,
    modifiers=PARTS,
    carc="4",
    rarc=("N823",),
    suggestion="remove 26/TC",
    citation=section(FEE_SCHEDULE, "PC/TC indicator 0"),
    tables=("fee_schedule",),
    check=check,
)
