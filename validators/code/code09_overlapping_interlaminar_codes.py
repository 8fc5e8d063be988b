"""CODE-09 overlapping-interlaminar-codes: two codes of 62320-62327 stand for one service.

Why: an injection with imaging swallows one without, a catheter swallows a single injection.
Fires: the two form an active NCCI pair on one date by one provider, and no 59 or X modifier separates a pair that
allows it (indicator 1); a pair of indicator 0 is never separated.
Source: NCCI procedure-to-procedure edits, practitioner table.
"""

from collections.abc import Iterator, Sequence

from validators.code.ncci import findings, pairs
from validators.codes import EPIDURAL
from validators.context import Context
from validators.lines import Line
from validators.rule import Needs, Rule, Said
from validators.sources import NCCI_PRACTITIONER, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Said]:
    """Pair the interlaminar and catheter lines with each other."""
    if len(lines) > 1 or context.earlier_lines:
        yield from findings(RULE, pairs(lines, context, EPIDURAL), context)


RULE = Rule(
    id="CODE-09",
    name="overlapping-interlaminar-codes",
    severity="deny",
    needs=(Needs.CLAIM, Needs.HISTORY),
    codes=EPIDURAL,
    carc="236",
    rarc=("N20",),
    suggestion="keep the code of the service done; with imaging swallows without imaging",
    citation=section(
        NCCI_PRACTITIONER, "62321>62320, 62323>62322, 62327>62326, 62325>62323 (0); catheter > single (1)"
    ),
    tables=("ncci",),
    check=check,
)
