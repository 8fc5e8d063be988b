"""CODE-02 retired-related-code: a service around the injection is billed with a code that has ended.

Why: injections under ultrasound (0228T-0231T) ended with 2020; epidurography (72275) and anesthesia for percutaneous
spine procedures (01935, 01936) with 2021.
Fires: a line has one of them and a date of service after its last valid day.
Source: NCCI practitioner table, in which their pairs ended.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from schemas.decision import Citation
from validators.code.retired import findings
from validators.codes import RETIRED_RELATED
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Compare each line's date with the last valid day of its code."""
    return findings(RULE, lines, context)


RULE = Rule(
    id="CODE-02",
    name="retired-related-code",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=RETIRED_RELATED,
    carc="181",
    rarc=("N56",),
    suggestion="0228T-0231T: unlisted 64999; 72275: delete; 01935/01936: 01937-01942",
    citation=Citation(
        document="NCCI practitioner table, deletion dates",
        section="pairs ended with the code",
        effective=date(2024, 7, 1),
        confidence="memory-high",
    ),
    tables=("code_history",),
    check=check,
)
