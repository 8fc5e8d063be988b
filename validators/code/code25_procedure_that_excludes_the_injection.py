"""CODE-25 procedure-that-excludes-the-injection: a procedure stands beside the injection that is never paid with it.

Why: NCCI opens the pair to no modifier (indicator 0); column 1 pays.
Fires: an injection line and a line of another procedure form an active pair of indicator 0 on one date, in either
direction.
Not: another injection (CODE-09, CODE-10), imaging (CODE-11), sedation and anesthesia (MED-16), local anesthetics
(DRUG-09).
Source: NCCI procedure-to-procedure edits, practitioner table, indicator 0.
"""

from collections.abc import Iterator, Sequence

from validators.code.ncci import Pair, findings
from validators.code.other_procedures import SEDATION, pairs_with_others
from validators.codes import ESI
from validators.context import Context
from validators.lines import Line
from validators.rule import Needs, Rule, Said
from validators.sources import NCCI_PRACTITIONER, section


def check(lines: Sequence[Line], context: Context) -> Iterator[Said]:
    """Pair the injections with the other procedures of their day."""
    if len(context.lines) > len(lines):
        yield from findings(RULE, pairs_with_others(RULE, lines, context, "0"), context, fix=_fix)


def _fix(pair: Pair) -> str:
    return f"bill {pair.column1} alone; no modifier opens the pair"


RULE = Rule(
    id="CODE-25",
    name="procedure-that-excludes-the-injection",
    severity="deny",
    needs=(Needs.CLAIM,),
    codes=ESI,
    carc="236",
    rarc=("N20",),
    suggestion="only the column 1 procedure is payable; no modifier opens the pair",
    citation=section(NCCI_PRACTITIONER, "indicator 0"),
    bypassed_by=("MED-14",),
    tables=("ncci",),
    parameters=SEDATION,
    weighs_unknown=True,
    check=check,
)
