"""CODE-14 bilateral-modifier-on-interlaminar-code: modifier 50 stands on a code that has no sides.

Why: the fee schedule gives 62320-62327 the bilateral indicator 9: the concept does not apply.
Fires: a line of 62320-62327 carries modifier 50.
Source: Medicare physician fee schedule, bilateral indicator 9.
"""

from collections.abc import Iterator, Sequence

from validators.code.modifiers import indicators, misplaced
from validators.codes import EPIDURAL
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import FEE_SCHEDULE, section

BILATERAL = frozenset({"50"})


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Tell of each line what its code is."""
    for line in lines:
        why = "an interlaminar or caudal injection has no sides"
        yield misplaced(RULE, line, BILATERAL, why, bilateral_indicator=indicators(line, context).bilateral)


RULE = Rule(
    id="CODE-14",
    name="bilateral-modifier-on-interlaminar-code",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=EPIDURAL,
    modifiers=BILATERAL,
    carc="4",
    rarc=("N823",),
    suggestion="remove modifier 50",
    citation=section(FEE_SCHEDULE, "bilateral indicator 9"),
    tables=("fee_schedule",),
    check=check,
)
