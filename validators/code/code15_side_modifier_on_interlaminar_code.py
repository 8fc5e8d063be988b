"""CODE-15 side-modifier-on-interlaminar-code: a side stands on a code that has none.

Why: the fee schedule gives 62320-62327 the bilateral indicator 9; a side alone misleads, two sides bill it twice.
Fires: a line of 62320-62327 carries LT or RT: a flag; deny (CARC 151) where the code has an LT line and an RT line on
the date.
Source: Medicare physician fee schedule, bilateral indicator 9.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from validators.code.modifiers import indicators, misplaced
from validators.codes import EPIDURAL, LEFT_OR_RIGHT
from validators.context import Context
from validators.lines import Line, services
from validators.rule import Found, Needs, Rule
from validators.sources import FEE_SCHEDULE, section

WHY = "an interlaminar or caudal injection has no sides"
TOO_MANY = "151"
BILL_ONCE = "bill the injection on one line, without a side"


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Tell of each line whether another of its code is for the other side."""
    for group in services(lines).values():
        carried = {modifier for line in group for modifier in line.modifiers}
        is_on_both_sides = len(group) > 1 and carried >= LEFT_OR_RIGHT
        for line in group:
            indicator = indicators(line, context).bilateral
            found = misplaced(RULE, line, LEFT_OR_RIGHT, WHY, bilateral_indicator=indicator)
            yield replace(found, severity="deny", carc=TOO_MANY, suggestion=BILL_ONCE) if is_on_both_sides else found


RULE = Rule(
    id="CODE-15",
    name="side-modifier-on-interlaminar-code",
    severity="flag",
    needs=(Needs.CLAIM,),
    codes=EPIDURAL,
    modifiers=LEFT_OR_RIGHT,
    carc="4",
    rarc=("N823",),
    suggestion="remove the side modifier",
    citation=section(FEE_SCHEDULE, "bilateral indicator 9"),
    tables=("fee_schedule",),
    check=check,
)
