"""CODE-27 ncci-pair-without-bypass-modifier: a procedure beside the injection is not said to be separate.

Why: NCCI pays the pair once unless a modifier says that the services were separate (indicator 1); column 1 pays. Where
the other procedure is column 1 (20552, 27096), it is the injection that denies.
Fires: an injection line and a line of another procedure form an active pair of indicator 1 on one date, in either
direction.
Not: 59, XE, XP, XS, XU, 58, 78 or 79 on either line, or LT or RT on the other procedure's; another injection (CODE-09,
CODE-10), imaging (CODE-11), visits (CODE-13), sedation and anesthesia (MED-16), local anesthetics (DRUG-09).
Source: NCCI procedure-to-procedure edits, practitioner table, indicator 1.
"""

from collections.abc import Iterator, Sequence

from validators.code.ncci import Pair, findings
from validators.code.other_procedures import SEDATION, pairs_with_others
from validators.codes import ESI, VISITS
from validators.context import Context
from validators.lines import Line
from validators.rule import Needs, Rule, Said
from validators.sources import NCCI_PRACTITIONER, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Said]:
    """Pair the injections with the other procedures of their day."""
    if len(context.lines) > len(lines):
        yield from findings(RULE, pairs_with_others(RULE, lines, context, "1", besides=VISITS), context, fix=_fix)


def _fix(pair: Pair) -> str:
    """Either line may be the one to keep: the injection is often column 2."""
    return (
        f"bill one of the two, or document that {pair.column2} was a separate service and put the modifier that says "
        "so (59, XE, XP, XS or XU) on its line"
    )


RULE = Rule(
    id="CODE-27",
    name="ncci-pair-without-bypass-modifier",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=ESI,
    carc="236",
    rarc=("N20",),
    suggestion="remove the column 2 line, or document a separate service and use the right modifier",
    citation=section(NCCI_PRACTITIONER, "indicator 1"),
    bypassed_by=("DRUG-09", "MED-14"),
    tables=("ncci",),
    parameters=SEDATION,
    check=check,
)
