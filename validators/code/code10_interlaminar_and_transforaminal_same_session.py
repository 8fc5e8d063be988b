"""CODE-10 interlaminar-and-transforaminal-same-session: two approaches are billed where one was payable.

Why: NCCI calls the two mutually exclusive; the interlaminar code pays and the transforaminal line denies.
Fires: a line of 62320-62327 and one of 64479-64484 form an active NCCI pair on one date by one provider, and no 59
or X modifier separates a pair that allows it.
Not: LT and RT lift nothing here, since an interlaminar injection has no side.
Source: NCCI procedure-to-procedure edits, practitioner table.
"""

from collections.abc import Iterator, Sequence

from validators.code.ncci import approaches, findings
from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Needs, Rule, Said
from validators.sources import NCCI_PRACTITIONER, section

COVERAGE = "CODE-12"


def check(lines: Sequence[Line], context: Context) -> Iterator[Said]:
    """Look for pairs of the two approaches; CODE-12, where it applies, is about those that a modifier separates."""
    if len(lines) > 1 or context.earlier_lines:
        yield from findings(RULE, approaches(lines, context), context, separated=COVERAGE)


RULE = Rule(
    id="CODE-10",
    name="interlaminar-and-transforaminal-same-session",
    severity="deny",
    needs=(Needs.CLAIM, Needs.HISTORY),
    codes=ESI,
    carc="236",
    rarc=("N20",),
    suggestion="bill the one approach that was performed; one approach per session",
    citation=section(
        NCCI_PRACTITIONER,
        "62323>64483, 62323>64484, 62321>64479 (1) and 62322/62326/62327>64484, 62320/62321/62324/62325>64480 (0)",
    ),
    bypassed_by=(COVERAGE,),
    tables=("ncci",),
    check=check,
)
