"""CODE-22 modifier-51-on-add-on: an add-on level is marked as one of several procedures.

Why: the fee schedule gives 64480 and 64484 the global days ZZZ: they are priced as additions and not reduced.
Fires: a line of 64480 or 64484 carries 51.
Source: Medicare physician fee schedule, global ZZZ, multiple-procedure indicator 0.
"""

from collections.abc import Iterator, Sequence

from validators.code.modifiers import indicators, misplaced
from validators.codes import ADD_ON
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import FEE_SCHEDULE, section

MULTIPLE_PROCEDURES = frozenset({"51"})


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Tell of each line that it is an addition."""
    for line in lines:
        why = "an add-on is not reduced as one of several procedures"
        yield misplaced(RULE, line, MULTIPLE_PROCEDURES, why, global_days=indicators(line, context).global_days)


RULE = Rule(
    id="CODE-22",
    name="modifier-51-on-add-on",
    severity="flag",
    needs=(Needs.CLAIM,),
    codes=ADD_ON,
    modifiers=MULTIPLE_PROCEDURES,
    carc="4",
    rarc=("N823",),
    suggestion="remove 51",
    citation=section(FEE_SCHEDULE, "global ZZZ, multiple-procedure indicator 0"),
    tables=("fee_schedule",),
    check=check,
)
