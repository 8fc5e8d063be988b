"""CODE-01 retired-epidural-injection-code: an epidural injection is billed with a code of before 2017.

Why: 62310, 62311, 62318 and 62319 ended with 2016; eight codes by region, imaging and catheter stand in their place.
Fires: a line has one of them and a date of service after its last valid day.
Source: code history, 2017.
"""

from collections.abc import Iterator, Sequence

from validators.code.retired import findings
from validators.codes import RETIRED_ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule
from validators.sources import CPT_DEFINITIONS, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Compare each line's date with the last valid day of its code."""
    return findings(RULE, lines, context)


RULE = Rule(
    id="CODE-01",
    name="retired-epidural-injection-code",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=RETIRED_ESI,
    carc="181",
    rarc=("N56",),
    suggestion="recode to 62320-62327 by region, imaging and catheter",
    citation=section(CPT_DEFINITIONS, "code history"),
    tables=("code_history",),
    check=check,
)
